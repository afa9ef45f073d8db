"""What a certificate claims of one view, and the numbers that stand behind the claim."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from shared_spec.artifacts.document import Count, Name, Strict
from shared_spec.population import population_statement
from shared_spec.sampling import Sampling
from shared_spec.statements import words_of
from shared_spec.terms import RadiusMethod, Statement, Status

__all__ = ["Claim", "Population"]

_ROUNDING = 1e-8
"""Relative; libraries of statistics agree to more digits."""


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
    labelled: Count | None = None
    """Those whose true class is known, on whom the accuracies are measured; null before that was said."""
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

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        """A receipt's holder and a signer see the document alone: what follows from other fields has to."""
        individuals, certified = self.individuals, self.counts.get(Status.CERTIFIED, 0)
        if sum(self.counts.values()) != individuals:
            raise ValueError(f"counts has other than {individuals} individuals")
        if self.certified_fraction != certified / individuals:
            raise ValueError(
                f"certified_fraction is {self.certified_fraction}; {certified} of {individuals} are certified"
            )
        if (self.labelled or 0) > individuals or (self.labelled == 0 and self.accuracy is not None):
            raise ValueError(f"labelled is {self.labelled}, of {individuals} individuals")
        # The order of the events, which the sum's last bits depend on, is not kept.
        total = math.fsum(self.alpha.values())
        if not math.isclose(self.alpha_per_individual, total, rel_tol=_ROUNDING):
            raise ValueError(
                f"alpha_per_individual is {self.alpha_per_individual}; alpha sums to {total}"
            )
        if not total < 1.0:
            raise ValueError(f"alpha sums to {total}: expected less than 1")
        follows = population_statement(
            individuals, certified, total, self.population.confidence, len(self.methods_tried)
        )
        for name, stated, least in (
            ("expected_false_certificates", self.expected_false_certificates, follows.expected_false_certificates),
            ("false_certificates_bound", self.false_certificates_bound, follows.false_certificates_bound),
            ("population.fair_at_least, negated,", -self.population.fair_at_least, -follows.fair_at_least),
        ):  # fmt: skip
            if stated < least and not math.isclose(stated, least, rel_tol=_ROUNDING):
                raise ValueError(f"{name} is {stated}; what else is stated gives {least}")
        return self

    @property
    def certified(self) -> int:
        """How many individuals are certified."""
        return self.counts[Status.CERTIFIED]
