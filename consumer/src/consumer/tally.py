"""Running counts of one view's rows and a sample of them: all that claims and pages need, however many there are."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from consumer.report.curve import EpsilonTally
from consumer.report.outcomes import Outcomes
from shared_spec.artifacts.certificate import CertificateDocument
from shared_spec.artifacts.rows import Row, Rows
from shared_spec.rng import stream
from shared_spec.seeds import Seed
from shared_spec.terms import Reason, Status

__all__ = ["SAMPLE", "Group", "Tally", "tallies_for"]

SAMPLE = 20_000
"""Rows that are kept; all of them where there are no more."""


class Group(NamedTuple):
    """What rows have in common that are counted together."""

    label: str
    prediction: str
    status: Status
    reason: Reason


class Tally:
    """Counts of rows that are added some at a time, in the order of the individuals.

    The sample is systematic: of n individuals every n/`SAMPLE`-th is taken, from a start that the seed draws, so that
    it is the same whoever adds the rows, and takes no memory to choose.

    Args:
        view: whose rows.
        individuals: how many there will be.
        seed: of the certificate.
        epsilon: of the spec.
    """

    def __init__(self, view: str, individuals: int, seed: Seed, epsilon: float) -> None:
        self.groups: Counter[Group] = Counter()
        self.sample: list[Row] = []
        self.epsilons = EpsilonTally(epsilon)
        self.individuals = individuals
        draw = stream(seed, "consumer.report", view)
        self._place = int(draw.integers(individuals)) if individuals > SAMPLE else 0

    def add(self, rows: Rows) -> None:
        """Some more."""
        found = Counter(zip(rows.label, rows.prediction, rows.status, rows.reason, strict=True))
        for (label, prediction, status, reason), count in found.items():
            self.groups[Group(label, prediction, Status(status), Reason(reason))] += count
        self.epsilons.add(rows.epsilon)
        cycle = max(self.individuals, SAMPLE)
        places = (self._place + SAMPLE * np.arange(len(rows))) % cycle
        self.sample += rows.at(np.flatnonzero(places < SAMPLE).tolist())
        self._place = (self._place + SAMPLE * len(rows)) % cycle

    @property
    def counts(self) -> dict[Status, int]:
        """How many rows have each status."""
        return {status: self.count(status=status) for status in Status}

    @property
    def outcomes(self) -> Outcomes:
        """What is known of whom; nobody has a witness but those for whom it is the reason."""
        fair, unfair = self.count(status=Status.CERTIFIED), self.count(reason=Reason.WITNESS)
        return Outcomes(fair, unfair, self.groups.total() - fair - unfair)

    def count(self, **having: object) -> int:
        """How many rows have these cells."""
        return sum(
            count
            for group, count in self.groups.items()
            if all(getattr(group, name) == value for name, value in having.items())
        )


def tallies_for(document: CertificateDocument) -> dict[str, Tally]:
    """An empty tally for each claim of a certificate."""
    return {
        view: Tally(view, claim.individuals, document.seed, document.spec.epsilon)
        for view, claim in document.claims.items()
    }
