"""What the smoothing view states and with which probability, as data that travels with the artefact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SENTENCES", "Plan", "SmoothingSettings", "Statement", "StatementId"]

StatementId: TypeAlias = Literal["D", "I", "paper"]

SENTENCES: Mapping[StatementId, str] = {
    "D": (
        "For each fixed similar individual x', chosen independently of the random draws, the probability over the "
        "draws made for x and for x' that the deployed smoothed encoder answers at x' with a representation further "
        "than the radius from the centre of x is at most alpha. The deployed encoder may abstain at x'."
    ),
    "I": (
        "With probability at least 1 - alpha over the draws made for x, simultaneously for all similar individuals "
        "x', the ideal smoothed representation of x' (the centre of a smallest ball that holds half of the mass) "
        "lies within the radius of the centre of x. The ideal smoothed encoder cannot be evaluated exactly."
    ),
    "paper": (
        "For each fixed similar individual x', chosen independently of the random draws, the probability over the "
        "draws made for x and for x' that the center-smoothed encoder, with the published constants, answers at x' "
        "with a representation further than the radius from the centre of x is at most alpha. It may abstain at x'."
    ),
}


class SmoothingSettings(BaseModel):
    """The settings of the smoothing view; the defaults are the paper's, with statement D of docs/guarantees.md, A.4.

    Attributes:
        statement: `D` (deployed predictor, per pair of individuals), `I` (ideal model, all similar individuals at
            once) or `paper` (published constants: Hoeffding, Delta = 0.05, factor 3).
        sigma: standard deviation of the noise per coefficient t_i; None means relative_sigma * epsilon.
        relative_sigma: sigma / epsilon where sigma is not given.
        n0: draws from which a centre is computed.
        n1: fresh draws that check a centre's ball; None means n0. Not used by statement I.
        n: draws behind the radius.
        alpha: failure probability per individual, split evenly between centre and radius as published.
        candidates: how many of the n0 points are tried as the centre; too few cost 2^-candidates of alpha.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement: StatementId = "D"
    sigma: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    relative_sigma: float = Field(default=0.65, gt=0, allow_inf_nan=False)
    n0: int = Field(default=10_000, ge=1)
    n1: int | None = Field(default=None, ge=1)
    n: int = Field(default=10_000, ge=1)
    alpha: float = Field(default=0.01, gt=0, lt=1)
    candidates: int = Field(default=200, ge=32)

    def sigma_at(self, epsilon: float) -> float:
        """Sigma in units of t for a similarity set of this radius."""
        return self.relative_sigma * epsilon if self.sigma is None else self.sigma

    @property
    def check_draws(self) -> int:
        """n1, resolved; 0 where nothing is checked."""
        if self.statement == "I":
            return 0
        return self.n0 if self.n1 is None else self.n1


@dataclass(frozen=True)
class Statement:
    """What is claimed of one individual.

    Attributes:
        id: `D`, `I` or `paper`.
        sentence: the claim in words.
        events: failure probability by event; they sum to alpha at most.
    """

    id: StatementId
    sentence: str
    events: Mapping[str, float]


@dataclass(frozen=True)
class Plan:
    """Everything that the settings decide before a single draw; the sufficient counts of docs/guarantees.md, A.3-A.4.

    Attributes:
        statement: what will be claimed.
        sigma: noise per coefficient t_i.
        n0, n1, n, candidates: as in the settings, n1 resolved (0: no check).
        mass_count: m, how many of the n0 points the centre's ball holds.
        check_count: of the n1 fresh points how many must lie in that ball, or else the predictor abstains.
        covered_mass: v, the mass that the ball of radius D_(k) keeps at every similar individual.
        target_mass: p = Phi(Phi^-1(v) + epsilon/sigma), the mass that it must hold at the individual itself.
        order_index: k of D_(k), the distance (1-indexed, ascending) that bounds the p-quantile.
        factor: the radius is factor * D_(k).
    """

    statement: Statement
    sigma: float
    n0: int
    n1: int
    n: int
    candidates: int
    mass_count: int
    check_count: int
    covered_mass: float
    target_mass: float
    order_index: int
    factor: float
