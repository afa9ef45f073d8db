"""What true counterparts, where a data set knows them, say about decisions: counts beside the certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from shared_spec.artifacts.claim_documents import Claim
from shared_spec.artifacts.document import Count, Name, Strict

__all__ = ["Alike", "RealityCheck"]


class Alike(Strict):
    """How many of some people get the decision of all their counterparts."""

    people: Count
    alike: Count

    @model_validator(mode="after")
    def _among_them(self) -> Self:
        if self.alike > self.people:
            raise ValueError(f"{self.alike} of {self.people} people are treated alike")
        return self


class RealityCheck(Strict):
    """One attribute's counterparts. Decisions are those of the head itself at each image's own representation."""

    attribute: Name
    counterparts: Count = Field(gt=0)
    """Images, of all people together; a person's own image is none."""
    everybody: Alike
    """The people who have any."""
    certified: dict[Name, Alike]
    """Those among them who are CERTIFIED, per view."""

    def others(self, view: str) -> Alike:
        """Those among them who are not CERTIFIED in this view."""
        mine = self.certified[view]
        return Alike(
            people=self.everybody.people - mine.people, alike=self.everybody.alike - mine.alike
        )

    def check_beside(self, claims: Mapping[str, Claim]) -> None:
        """Raises ValueError unless it may be about the people of these claims."""
        if self.certified.keys() != claims.keys():
            raise ValueError(f"reality: {self.attribute}: its views are not those of the claims")
        for view, claim in claims.items():
            if (
                self.everybody.people > claim.individuals
                or self.certified[view].people > claim.certified
            ):
                raise ValueError(
                    f"reality: {self.attribute}: has more people than the {view} view claims anything of"
                )

    @model_validator(mode="after")
    def _among_everybody(self) -> Self:
        for view in self.certified:
            self.others(view)
        return self
