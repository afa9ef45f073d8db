"""What is known of people: proven fair, proven unfair, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Outcomes"]


@dataclass(frozen=True)
class Outcomes:
    """How many people of one view.

    Attributes:
        fair: certified: everybody in the similarity set gets the decision, as the claim's statement says it.
        unfair: somebody in the similarity set is known who gets another decision, the witness.
        unknown: neither; nothing is said of them.
    """

    fair: int
    unfair: int
    unknown: int

    @property
    def total(self) -> int:
        """All who were counted."""
        return self.fair + self.unfair + self.unknown
