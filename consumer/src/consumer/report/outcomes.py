"""What is known of people proven fair, proven unfair, or nothing; counted in one pass, in constant space."""

from __future__ import annotations

from dataclasses import dataclass

from shared_spec.artifacts.rows import Row
from shared_spec.terms import Status

__all__ = ["Outcomes"]


@dataclass
class Outcomes:
    """A running count of one view's rows.

    Attributes:
        fair: certified: everybody in the similarity set gets the decision, as the claim's statement says it.
        unfair: somebody in the similarity set is known who gets another decision, the witness.
        unknown: neither; nothing is said of them.
    """

    fair: int = 0
    unfair: int = 0
    unknown: int = 0

    def add(self, row: Row) -> None:
        """Counts one more individual."""
        if row.status == Status.CERTIFIED:
            self.fair += 1
        elif row.witness is not None:
            self.unfair += 1
        else:
            self.unknown += 1

    @property
    def total(self) -> int:
        """All who were counted."""
        return self.fair + self.unfair + self.unknown
