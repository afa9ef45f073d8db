"""The settings of center smoothing, and everything that they decide before a single draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

from shared_spec.settings import Settings, setting
from shared_spec.terms import Statement

__all__ = ["Plan", "SmoothingSettings"]


class SmoothingSettings(Settings):
    """The settings of the smoothing view; the defaults are the paper's, with statement D of docs/guarantees.md, A.4."""

    group: ClassVar[str] = "Smoothing view"

    statement: Literal["D", "I", "paper"] = setting(
        "D",
        "What is stated: D of the deployed predictor, I of an ideal one, paper with the published constants.",
    )
    sigma: float | None = setting(
        None, "Noise per coefficient t, in units of t; relative_sigma * epsilon unless given.", gt=0
    )
    relative_sigma: float = setting(0.65, "sigma / epsilon where sigma is not given.", gt=0)
    n0: int = setting(10_000, "Draws from which a centre is computed.", ge=1, le=10**8)
    n1: int | None = setting(
        None,
        "Fresh draws that check a centre's ball; n0 unless given. Not of statement I.",
        ge=1,
        le=10**8,
    )
    n: int = setting(10_000, "Draws behind the radius.", ge=1, le=10**8)
    alpha: float = setting(0.01, "Failure probability per individual.", gt=0, lt=1)
    candidates: int = setting(
        200,
        "How many of the n0 points are tried as the centre; too few cost 2^-candidates of alpha.",
        ge=32,
        le=10**8,
    )

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
class Plan:
    """Everything that the settings decide before a single draw; the sufficient counts of docs/guarantees.md, A.3-A.4.

    Attributes:
        statement: what will be claimed of one individual.
        events: failure probability by event; they sum to alpha at most.
        sigma: noise per coefficient t_i.
        n0, n1, n, candidates: as in the settings, n1 resolved (0: no check).
        mass_count: m, how many of the n0 points the centre's ball holds.
        check_count: of the n1 fresh points how many must lie in that ball, or else the predictor abstains.
        covered_mass: v, the mass that the ball of radius D_(k) keeps wherever in the similarity set it is asked for.
        target_mass: p = Phi(Phi^-1(v) + epsilon/sigma), the mass that it must hold at the individual itself.
        order_index: k of D_(k), the distance (1-indexed, ascending) that bounds the p-quantile.
        factor: the radius is factor * D_(k).
    """

    statement: Statement
    events: Mapping[str, float]
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

    def numbers(self) -> dict[str, float | int | str | bool]:
        """Everything but the statement and its events, as artefacts store it."""
        return {k: v for k, v in asdict(self).items() if k not in ("statement", "events")}
