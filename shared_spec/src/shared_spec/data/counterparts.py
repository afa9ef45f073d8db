"""Who truly is similar to an individual, where a data set knows it: the same individual with one factor moved.

Such images are drawn, rendered, edited or photographed. They owe nothing to a flow or an attribute vector, so they can
tell how far a similarity set holds those whom it was meant to hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from shared_spec.data.source import UInt8Images

__all__ = ["CounterpartSet", "Counterparts"]


@dataclass(frozen=True)
class CounterpartSet:
    """The counterparts of one individual in one attribute.

    Attributes:
        images: shape [m, 3, S, S], m at least 1.
        values: of the attribute's factor, shape [m], ascending, in the data set's own unit.
        own: which of them is the individual itself; None if none is.
        at: where the individual itself stands in the factor; None if the data set does not say.
    """

    images: UInt8Images
    values: npt.NDArray[np.float64]
    own: int | None
    at: float | None


@runtime_checkable
class Counterparts(Protocol):
    """A source that knows the counterparts of some of its individuals."""

    uri: str

    @property
    def counterpart_attributes(self) -> Sequence[str]:
        """The attributes for which counterparts are known; none in a data set that could have some and has not."""

    def counterpart_rows(self, split: str, attribute: str) -> npt.NDArray[np.int64]:
        """Positions in the split of those whose counterparts are known, ascending, shape [n].

        Raises DataError for an unknown split or attribute.
        """

    def counterparts(self, split: str, row: int, attribute: str) -> CounterpartSet:
        """The counterparts of the individual at position `row` of the split.

        Raises DataError for an unknown split, row or attribute, for an individual without counterparts, or naming the
        image that cannot be read.
        """

    def sample_ids(self, split: str) -> Sequence[str]:
        """Ids of a split's individuals."""

    def images(self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> UInt8Images:
        """Images of some rows of a split."""
