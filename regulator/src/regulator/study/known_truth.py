"""What a data set must offer so that similarity sets can be compared with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from shared_spec.data.source import UInt8Images

__all__ = ["KnownTruth"]


@runtime_checkable
class KnownTruth(Protocol):
    """A source that can show the truly similar individuals of a person."""

    uri: str

    def similar(self, split: str, row: int, attribute: str) -> UInt8Images:
        """The same individual at several values of one factor, [m, 3, S, S]."""

    def sample_ids(self, split: str) -> Sequence[str]:
        """Ids of a split's individuals."""

    def images(self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> UInt8Images:
        """Images of some rows of a split."""
