"""Whether something stands twice in a list of any length, in memory that does not grow with it."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

__all__ = ["Repeats"]

_HELD = 2**20
"""Hashes that are held; more go to files without a name."""

_FILES = 64


class Repeats:
    """Collects the hashes of words and finds those that occurred more than once.

    Two different words may share a hash, so whoever is told of repeats has to look at the words themselves. The hash is
    Python's own of strings, whose key nobody knows outside this process.
    """

    def __init__(self) -> None:
        self._held = array("q")
        self._files: list[BinaryIO] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def add(self, words: Iterable[str]) -> None:
        """Some more."""
        self._held.extend(map(hash, words))
        if len(self._held) >= _HELD:
            self._spill()

    def found(self) -> set[int]:
        """The hashes that were added more than once."""
        if not self._files:
            return _repeated(np.frombuffer(self._held, dtype=np.int64))
        self._spill()
        repeated: set[int] = set()
        for file in self._files:
            file.seek(0)
            repeated |= _repeated(np.frombuffer(file.read(), dtype=np.int64))
        return repeated

    def _spill(self) -> None:
        """Deals the hashes out among the files, all equal ones to the same."""
        if not self._files:
            enter = self._open.enter_context
            self._files = [enter(tempfile.TemporaryFile()) for _ in range(_FILES)]  # noqa: SIM115 - closed by the stack
        hashes = np.frombuffer(self._held, dtype=np.int64)
        place = hashes % _FILES
        for number, file in enumerate(self._files):
            file.write(hashes[place == number].tobytes())
        self._held = array("q")


def _repeated(hashes: npt.NDArray[np.int64]) -> set[int]:
    ordered = np.sort(hashes)
    return set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
