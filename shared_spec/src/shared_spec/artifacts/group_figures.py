"""How groups of people fare beside a certificate: counts, by the classes of a label that the producer shares.

Nothing is proved about groups. The counts are those of the certificate's own rows, so whoever verifies it counts again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from shared_spec.artifacts.claim_documents import Claim
from shared_spec.artifacts.document import Count, Name, Strict

__all__ = ["FEWEST", "GroupCounts", "GroupTable"]

FEWEST = 10
"""People of a group whose figures are stated; a rate of fewer says nothing."""


class GroupCounts(Strict):
    """One group in one view.

    Attributes:
        name: the class of the label that they share.
        people: how many they are.
        predicted: for how many of them the model decides each class, if anybody; it abstains for the rest.
        labelled: those whose true class is known.
        correct: those of them for whom it is the model's.
        certified: those who are.
    """

    name: Name
    people: Annotated[Count, Field(ge=FEWEST)]
    predicted: dict[Name, Annotated[Count, Field(gt=0)]]
    labelled: Count
    correct: Count
    certified: Count

    @model_validator(mode="after")
    def _parts_of_a_whole(self) -> Self:
        decided = sum(self.predicted.values())
        if (
            max(decided, self.labelled, self.certified) > self.people
            or self.correct > self.labelled
        ):
            raise ValueError(f"the group {self.name} has fewer people than are counted of it")
        return self


class GroupTable(Strict):
    """The groups of one label.

    Attributes:
        label: the column.
        few: groups of fewer than `FEWEST` people, of which there is somebody; none of their figures are stated.
        few_people: the people in those.
        views: per view whose model can be evaluated the other groups, in the order of the label's classes.
    """

    label: Name
    few: Count
    few_people: Count
    views: dict[str, tuple[GroupCounts, ...]]

    def check_beside(self, claims: Mapping[str, Claim], classes: Collection[str]) -> None:
        """Raises ValueError unless it counts the people of these claims, and decisions for these classes."""
        for view, groups in self.views.items():
            if view not in claims:
                raise ValueError(
                    f"{self.label}: counts the {view} view, which nothing is claimed of"
                )
            people = self.few_people + sum(group.people for group in groups)
            if people != claims[view].individuals:
                raise ValueError(
                    f"{self.label}: counts {people} people of {claims[view].individuals}"
                )
            rest = claims[view].certified - sum(group.certified for group in groups)
            if not 0 <= rest <= self.few_people:
                raise ValueError(
                    f"{self.label}: counts other certificates than the {view} view claims"
                )
            if not all(group.predicted.keys() <= set(classes) for group in groups):
                raise ValueError(
                    f"{self.label}: counts decisions for classes which the head has not"
                )
