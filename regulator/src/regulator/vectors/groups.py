"""Which individuals stand at the two ends of an attribute, and the vector that a method finds between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from shared_spec.data.source import Source
from shared_spec.errors import DataError

__all__ = ["AttributeVector", "Groups", "find_groups"]


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


@dataclass(frozen=True)
class AttributeVector:
    """What a method returns.

    Attributes:
        vector: a [q] float64.
        unit: what one unit of epsilon means: one times this vector, which is a `vector` of the method's own length,
            or a `unit-vector`.
        settings: what the method was told and what it measured, for the spec.
    """

    vector: Tensor
    unit: Literal["vector", "unit-vector"]
    settings: dict[str, float | int | str] = field(default_factory=dict)


def find_groups(source: Source, split: str, attribute: str) -> Groups:
    """The two groups of `NAME` (a binary column) or `NAME:BEGIN:END` (two classes of a column).

    Raises:
        DataError: if the column or a class is unknown, the column is not binary, or a group is empty.
    """
    name, *ends = attribute.split(":")
    classes = source.check_column(name)
    if not ends and len(classes) != 2:
        raise DataError(
            f"{source.uri}: {name} has {len(classes)} classes ({', '.join(classes)}); "
            f"name the two ends, as in {name}:{classes[0]}:{classes[-1]}"
        )
    pair = tuple(ends) if ends else classes
    if len(pair) != 2 or pair[0] not in classes or pair[1] not in classes or pair[0] == pair[1]:
        raise DataError(
            f"{source.uri}: {attribute!r}: expected {name}:BEGIN:END with two of {', '.join(classes)}"
        )
    labels = source.labels(split, name)
    negative, positive = (np.flatnonzero(labels == classes.index(end)) for end in pair)
    for end, rows in zip(pair, (negative, positive), strict=True):
        if len(rows) == 0:
            raise DataError(
                f"{source.uri}: no individual of {split} has {name} = {end}; "
                "a vector needs examples of both groups, so choose another attribute or more data"
            )
    return Groups(attribute, negative, positive, (pair[0], pair[1]))
