"""Which individuals stand at the two ends of an attribute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared_spec.data.column import Column
from shared_spec.data.source import Source
from shared_spec.errors import DataError

__all__ = ["Groups", "find_groups"]


@dataclass(frozen=True)
class Groups:
    """The individuals between whom the vector of one attribute points.

    Attributes:
        name: the attribute as the user named it.
        negative: positions [n0] of those without it (or of the class where it begins).
        positive: positions [n1] of those with it (or of the class where it ends).
        classes: names of the two groups.
    """

    name: str
    negative: npt.NDArray[np.int64]
    positive: npt.NDArray[np.int64]
    classes: tuple[str, str]

    @property
    def counts(self) -> dict[str, int]:
        """Individuals per group."""
        sizes = (len(self.negative), len(self.positive))
        return dict(zip(self.classes, sizes, strict=True))

    def targets(self, count: int) -> npt.NDArray[np.float64]:
        """What a classifier of the attribute is taught, [count]: 0 and 1 for the two groups, NaN for all others."""
        targets = np.full(count, np.nan)
        targets[self.negative], targets[self.positive] = 0.0, 1.0
        return targets


def find_groups(source: Source, split: str, attribute: str) -> Groups:
    """The two groups of `NAME` (a binary column) or `NAME:BEGIN:END` (two classes of a column).

    Raises:
        DataError: if the column or a class is unknown, the column is not binary, or a group is empty.
    """
    column = Column.parse(attribute)
    pair = column.classes(source)
    labels, known = source.labels(split, column.name), source.classes[column.name]
    negative, positive = (np.flatnonzero(labels == known.index(end)) for end in pair)
    for end, rows in zip(pair, (negative, positive), strict=True):
        if len(rows) == 0:
            raise DataError(
                f"{source.uri}: no individual of {split} has {column.name} = {end}; "
                "a vector needs examples of both groups, so choose another attribute or more data"
            )
    return Groups(attribute, negative, positive, pair)
