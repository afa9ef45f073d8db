"""Center smoothing of any function g of the coefficients: predict at one individual, certify around it.

The mathematics of the smoothing view, as docs/guarantees.md, A.3 and A.4 prove it. g is an argument, so that both can
be held against functions whose smoothed values are known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from producer.views.smoothing.medoid import order_statistic
from producer.views.smoothing.sampling import RepresentationMap, distances_along, medoid_along
from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.smoothing.settings import Plan

__all__ = ["Bound", "Prediction", "certify", "predict"]


@dataclass(frozen=True)
class Prediction:
    """The deployed smoothed encoder at one individual.

    Attributes:
        centre: [d] float64 with float32 values; zeros if it is not finite.
        ball_radius: r', the distance from the centre to the m-th of the n0 points.
        ball_count: how many of the n1 fresh points lie within it (0 where nothing is checked).
        answered: False means ABSTAIN.
    """

    centre: Tensor
    ball_radius: float
    ball_count: int
    answered: bool


@dataclass(frozen=True)
class Bound:
    """A prediction at x with the quantile and radius that bound the predictions at all x' in S(x).

    Attributes:
        prediction: the centre and its check.
        quantile: D_(k), with high probability above the p-quantile of ||g(sigma xi) - centre||.
        radius: factor * (D_(k) + 2 error), rounded up; the largest float64 for whoever abstains.
        bounded: False means ABSTAIN.
    """

    prediction: Prediction
    quantile: float
    radius: float
    bounded: bool


def predict(
    g: RepresentationMap, plan: Plan, centre_draws: Tensor, check_draws: Tensor
) -> Prediction:
    """The deployed predictor F of statement D (docs/guarantees.md, A.4), on given draws.

    Args:
        g: the representations along the similarity set.
        plan: counts and levels.
        centre_draws: [n0, k], distributed as N(0, sigma^2 I_k).
        check_draws: [n1, k], alike and independent of the former.
    """
    centre, radius = medoid_along(g, centre_draws, plan.mass_count, plan.candidates)
    count = 0
    if plan.n1:
        count = int((distances_along(g, check_draws, centre) <= radius).sum())
    finite = math.isfinite(radius) and bool(torch.isfinite(centre).all())
    answered = finite and count >= plan.check_count
    return Prediction(centre if finite else torch.zeros_like(centre), radius, count, answered)


def certify(
    g: RepresentationMap,
    plan: Plan,
    centre_draws: Tensor,
    check_draws: Tensor,
    radius_draws: Tensor,
    error: float = 0.0,
) -> Bound:
    """Centre and radius at one individual; what it guarantees is `plan.statement`.

    The check at x itself is part of the deployed predictor, whose answer at x the centre is.

    Args:
        g: the representations along the similarity set.
        plan: counts and levels.
        centre_draws: [n0, k], distributed as N(0, sigma^2 I_k).
        check_draws: [n1, k], alike.
        radius_draws: [n, k], alike; the three independent of each other.
        error: bound on the distance between g as computed and g in the reals, for this individual and all similar ones.
    """
    prediction = predict(g, plan, centre_draws, check_draws)
    quantile = order_statistic(
        distances_along(g, radius_draws, prediction.centre), plan.order_index
    )
    # Reals: the quantile is at most D_(k) + error. At x' a ball of real points grows by error on its way to computed
    # ones and back, so r' <= beta (D_(k) + 2 error), and the two balls meet at (1 + beta)(D_(k) + 2 error) at the most.
    radius = _round_up(plan.factor * (quantile + 2.0 * error), prediction.centre)
    bounded = prediction.answered and math.isfinite(radius)
    return Bound(prediction, quantile, radius if bounded else UNBOUNDED, bounded)


def _round_up(radius: float, centre: Tensor) -> float:
    """The radius with room for the rounding of centres and distances.

    The centre exported at x' is a sample rounded to float32: by at most 2^-24 of its norm, which the centre and the
    radius here bound; as much again leaves room for its share in r', and 2^-39 for what a medoid's r' is widened by. A
    relative 1e-9 is far more than a norm loses.
    """
    size = float(torch.linalg.vector_norm(centre)) + radius
    return math.nextafter(radius * (1.0 + 1e-9) + (2.0**-23 + 2.0**-39) * size, math.inf)
