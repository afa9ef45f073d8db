"""The consumer's own labels, of any number of people: a digest and a code are held of each, and no name."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shared_spec.artifacts.head_documents import MOST_CLASSES
from shared_spec.artifacts.reading import TABLE_BYTES, open_regular
from shared_spec.errors import DataError
from shared_spec.text import are_measurements, is_printable, separator_words

__all__ = ["NAME_LENGTH", "UNLABELLED", "OwnLabels", "read_own_labels"]

UNLABELLED = -1
"""The code of who has no label."""

NAME_LENGTH = 200
"""Most characters of a class's or a task's name."""

_DIGEST = 16
_TOGETHER = 65_536

Digests: TypeAlias = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class OwnLabels:
    """The labels in a file.

    Attributes:
        path: of the file.
        target: the task.
        classes: names, in the order of their codes.
        known: BLAKE2b digests of 128 bits of the labelled individuals' ids [n], in order.
        labels: their codes [n].
    """

    path: Path
    target: str
    classes: tuple[str, ...]
    known: Digests
    labels: npt.NDArray[np.int32]

    def codes(self, sample_ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """The class codes of these individuals; `UNLABELLED` where unknown."""
        places, found = self._find(sample_ids)
        return np.where(found, self.labels[places], UNLABELLED).astype(np.int64)

    def check_known(self, everybody: Iterable[Sequence[str]], where: Path) -> None:
        """Raises DataError naming a labelled individual who is not among all these of the bundle `where`."""
        seen = np.zeros(len(self.known), dtype=np.bool_)
        for sample_ids in everybody:
            places, found = self._find(sample_ids)
            seen[places[found]] = True
        if seen.all():
            return
        with closing(_rows(self.path, self.target)) as rows:
            for _, sample_id, _ in rows:
                if not seen[self._find([sample_id])[0][0]]:
                    raise DataError(
                        f"{self.path}: {sample_id} is not in {where}; label individuals of this bundle"
                    )

    def _find(
        self, sample_ids: Sequence[str]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Where each would stand among those that are known, and whether it does."""
        digests = _digests(sample_ids)
        places = np.minimum(np.searchsorted(self.known, digests), len(self.known) - 1)
        return places, self.known[places] == digests


def read_own_labels(path: Path, target: str, classes: Sequence[str] | None) -> OwnLabels:
    """Reads a CSV file with the columns sample_id and label, or sample_id and the task's name.

    Args:
        path: of the file.
        target: the task.
        classes: that the labels must be of; those of the file in the order of their names unless given.

    Raises:
        DataError: it cannot be read, is no such table, or labels nobody or anybody twice.
    """
    code = {name: number for number, name in enumerate(classes or ())}
    digests: list[Digests] = []
    codes: list[npt.NDArray[np.int32]] = []
    with closing(_rows(path, target)) as rows:
        while some := list(islice(rows, _TOGETHER)):
            _count_classes(path, target, classes, code, {label for _, _, label in some})
            digests.append(_digests([sample_id for _, sample_id, _ in some]))
            codes.append(np.array([code[label] for _, _, label in some], dtype=np.int32))
    if not digests:
        raise DataError(f"{path}: labels nobody; expected a line for each individual with a label")
    if not classes and _measured(code):
        raise DataError(
            f"{path}: {len(code)} different numbers, not all whole: a measurement and no label; cut it into classes"
        )
    named = tuple(classes or sorted(code))
    final = {name: number for number, name in enumerate(named)}
    renamed = np.array([final[name] for name in code], dtype=np.int32)
    known, labels = np.concatenate(digests), renamed[np.concatenate(codes)]
    order = np.argsort(known)
    known, labels = known[order], labels[order]
    twice = known[1:][known[1:] == known[:-1]]
    if len(twice):
        _refuse_twins(path, target, set(twice.tolist()))
    return OwnLabels(path, target, named, known, labels)


def _measured(labels: Collection[str]) -> bool:
    try:
        return are_measurements([float(label) for label in labels])
    except ValueError:
        return False


def _count_classes(
    path: Path, target: str, classes: Sequence[str] | None, code: dict[str, int], labels: set[str]
) -> None:
    """Gives labels that are new a code. Raises DataError if they may not be, or there are too many."""
    for label in sorted(labels - code.keys()):
        if classes:
            raise DataError(
                f"{path}: label {label!r} is no class of {target}; expected one of {', '.join(classes)}"
            )
        code[label] = len(code)
    if len(code) > MOST_CLASSES:
        raise DataError(f"{path}: {len(code)} different labels; expected at most {MOST_CLASSES}")


def _refuse_twins(path: Path, target: str, twice: set[bytes]) -> None:
    """Raises DataError at the second line of somebody with one of these digests."""
    seen: set[bytes] = set()
    for line, sample_id, _ in _rows(path, target):
        digest = _digests([sample_id]).tolist()[0]
        if digest in seen:
            raise DataError(f"{path}:{line}: {sample_id} is labelled twice; keep one line for each")
        seen |= {digest} & twice


def _digests(sample_ids: Sequence[str]) -> Digests:
    found = [hashlib.blake2b(name.encode(), digest_size=_DIGEST).digest() for name in sample_ids]
    return np.array(found, dtype=f"S{_DIGEST}")


def _rows(path: Path, target: str) -> Generator[tuple[int, str, str]]:
    """The file's lines one by one: their number, who, and the label. Raises DataError for what is none."""
    try:
        with open_regular(path, DataError) as file:
            size = os.fstat(file.fileno()).st_size
            if size > TABLE_BYTES:
                raise DataError(f"{path}: has {size} bytes; expected at most {TABLE_BYTES}")
            with io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
                yield from _labelled(path, target, text)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV file ({error})") from error


def _labelled(path: Path, target: str, text: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(text, strict=True)
    columns = next(reader, [])
    column = target if target in columns else "label"
    if columns.count("sample_id") != 1 or columns.count(column) != 1:
        raise DataError(
            f"{path}: columns are {', '.join(columns)!r:.300}; expected sample_id and {target} (or label)"
            f"{separator_words(columns)}"
        )
    at, label_at = columns.index("sample_id"), columns.index(column)
    for line, cells in enumerate(reader, 2):
        if len(cells) != len(columns):
            raise DataError(f"{path}:{line}: {len(cells)} cells, expected {len(columns)}")
        sample_id, label = cells[at], cells[label_at]
        if not sample_id or not label:
            raise DataError(
                f"{path}:{line}: a cell is empty; leave out individuals without a label"
            )
        if not is_printable(label) or len(label) > NAME_LENGTH:
            raise DataError(f"{path}:{line}: the label is too long or holds control characters")
        yield line, sample_id, label
