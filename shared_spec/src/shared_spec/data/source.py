"""The one interface through which every command reads individuals, whatever the data set.

A source knows its individuals by a stable `sample_id`, knows their labels without touching an image, and hands out
images a batch at a time: nothing here loads a whole data set at full size.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from shared_spec.errors import DataError
from shared_spec.terms import Shown

__all__ = ["SPLITS", "Source", "UInt8Images"]

SPLITS = ("train", "valid", "test")

UInt8Images = npt.NDArray[np.uint8]
"""Images of shape [n, 3, S, S], RGB, 0 to 255."""


class Source(ABC):
    """A data set of square RGB images with labels, split into train, valid and test."""

    uri: str
    """What the user typed to name this data set (`portraits`, `fairface:DIR`), without local folders."""
    size: int
    """Side of the square images, in pixels."""
    classes: Mapping[str, tuple[str, ...]]
    """Per label column its class names, in the order of their integer codes; binary columns are ("no", "yes")."""

    shown: ClassVar[Shown | None] = None
    """Why its images may be shown to anybody; None where they may not: photographs of people whom nobody asked."""

    @abstractmethod
    def sample_ids(self, split: str) -> Sequence[str]:
        """Stable, unique ids of the split's individuals, in a fixed order. Raises DataError for an unknown split."""

    @abstractmethod
    def labels(self, split: str, name: str) -> npt.NDArray[np.int64]:
        """Class codes of column `name`, shape [n], each in [0, len(classes[name])). Raises DataError if unknown."""

    @abstractmethod
    def images(self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> UInt8Images:
        """The images at these positions of the split, shape [len(rows), 3, S, S]. Raises DataError, naming the file."""

    @abstractmethod
    def digest(self) -> str:
        """Digest of what this source serves (`sha256:…`): any change of an image or label changes it."""

    def batches(
        self, split: str, batch: int, rows: Sequence[int] | npt.NDArray[np.int64] | None = None
    ) -> Iterator[UInt8Images]:
        """The images of `rows` (all of the split unless given), in order, at most `batch` at a time."""
        positions = np.arange(len(self.sample_ids(split))) if rows is None else np.asarray(rows)
        for start in range(0, len(positions), batch):
            yield self.images(split, positions[start : start + batch])

    def check_column(self, name: str) -> tuple[str, ...]:
        """The class names of column `name`; raises DataError naming the known columns."""
        if name not in self.classes:
            guess = difflib.get_close_matches(name, self.classes, 1)
            hint = f"did you mean {guess[0]!r}? " if guess else ""
            if set(name) & set("<>="):
                hint = "a threshold is written NAME>X, as in age>39.5; "
            raise DataError(
                f"{self.uri}: no label column {name!r}; {hint}it has {', '.join(sorted(self.classes))}"
            )
        return self.classes[name]

    def check_split(self, split: str) -> str:
        """`split` itself; raises DataError unless it is train, valid or test."""
        if split not in SPLITS:
            raise DataError(f"{self.uri}: no split {split!r}; expected one of {', '.join(SPLITS)}")
        return split

    def check_rows(
        self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """`rows` as an array, shape [n]; raises DataError unless each is a position in the split."""
        n = len(self.sample_ids(split))
        positions = np.asarray(rows, dtype=np.int64).reshape(-1)
        if positions.size and not (positions.min() >= 0 and positions.max() < n):
            raise DataError(f"{self.uri}: split {split} has rows 0 to {n - 1}; asked for others")
        return positions
