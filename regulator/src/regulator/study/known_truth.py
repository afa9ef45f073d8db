"""What a data set must offer so that similarity sets can be compared with the truth."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from shared_spec.data.counterparts import Counterparts
from shared_spec.data.source import UInt8Images

__all__ = ["KnownTruth"]


@runtime_checkable
class KnownTruth(Counterparts, Protocol):
    """A source that can show the truly similar individuals of every person."""

    def similar(self, split: str, row: int, attribute: str) -> UInt8Images:
        """The same individual at several values of one factor, [m, 3, S, S]."""
