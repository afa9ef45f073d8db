"""What a certificate claims of one view, and the numbers that stand behind the claim."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from shared_spec.artifacts.document import Count, Name, Strict
from shared_spec.sampling import Sampling
from shared_spec.statements import words_of
from shared_spec.terms import RadiusMethod, Statement, Status

__all__ = ["Claim", "Population"]


class Population(Strict):
    """What the certified individuals say about the population that they were drawn from, if drawn at random."""

    confidence: float = Field(gt=0, lt=1)
    fair_at_least: float = Field(ge=0, le=1)
    """P_x(the model is fair at x) is at least this, with that confidence over the draw of the individuals."""


class Claim(Strict):
    """What is claimed for one view: of which model, with which failure probability, and how often."""

    certified_model: Name
    statement: Statement
    sentence: str
    alpha: dict[Name, Annotated[float, Field(gt=0, lt=1)]]
    """Failure probability per event and individual; empty for deterministic certificates."""
    alpha_per_individual: float = Field(ge=0, lt=1)
    radius_method: RadiusMethod
    methods_tried: tuple[RadiusMethod, ...] = Field(min_length=1)
    """On these individuals; the one that certified most was kept, which the population statement pays for."""
    sampling: Sampling | None = None
    """Of the methods tried; null if none of them is sampled."""
    individuals: Annotated[Count, Field(gt=0)]
    counts: dict[Status, Count]
    certified_fraction: float = Field(ge=0, le=1)
    accuracy: float | None = Field(ge=0, le=1)
    """Accuracy of the certified model on these individuals, abstentions counted as errors; null without labels, and
    for a model that nobody can evaluate (statement I)."""
    balanced_accuracy: float | None = Field(ge=0, le=1)
    majority_accuracy: float | None = Field(ge=0, le=1)
    """What always answering the most frequent class would score."""
    expected_false_certificates: float = Field(ge=0)
    """At most this many of the CERTIFIED are expected to be wrong."""
    false_certificates_bound: int = Field(ge=0)
    """More false certificates than this have probability at most 1 - population.confidence."""
    population: Population

    @model_validator(mode="after")
    def _says_what_it_states(self) -> Self:
        if self.sentence != words_of(self.statement).sentence:
            raise ValueError(f"the sentence is not that of statement {self.statement}")
        tried = self.methods_tried
        if len(set(tried)) != len(tried) or self.radius_method not in tried:
            raise ValueError(
                "methods_tried should name each method once, with the one that was kept"
            )
        return self

    @property
    def certified(self) -> int:
        """How many individuals are certified."""
        return self.counts[Status.CERTIFIED]
