"""Measured failure rates of the smoothing view, each with a false-failure rate of 1e-6 should the claim hold.

A test fails when the number of failures in T independent replicates exceeds binom.isf(1e-6, T, alpha).
"""

import math

import pytest
import torch
from scipy.stats import binom, chi2

from producer.views.smoothing.center_smoothing import certify, predict
from producer.views.smoothing.sampling import draws
from shared_spec.smoothing.plan import make_plan
from shared_spec.smoothing.settings import SmoothingSettings

pytestmark = pytest.mark.statistical

REPLICATES = 2000


def replicate(plan, index, k=1, name="x"):
    return tuple(
        draws(index, f"test.coverage.{purpose}", name, n, k, plan.sigma)
        for purpose, n in (("centre", plan.n0), ("check", plan.n1), ("radius", plan.n))
    )


def assert_rate(failures, alpha, replicates=REPLICATES):
    limit = int(binom.isf(1e-6, replicates, alpha))
    assert failures <= limit, (
        f"{failures} of {replicates} failed, expected at most {limit} at alpha = {alpha}"
    )


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("statement", ["D", "I", "paper"])
def test_the_order_statistic_covers_the_quantile(statement, k):
    # ||g(sigma xi)|| follows sigma chi_k, and the centre is held at 0 so that the quantile is known.
    n0 = 1500 if statement == "paper" else 200
    settings = SmoothingSettings(
        statement=statement, n0=n0, n=2000, alpha=0.05 if statement == "I" else 0.1
    )
    plan = make_plan(settings, 1.0)
    quantile = plan.sigma * math.sqrt(chi2.ppf(plan.target_mass, k))
    failures = 0
    for index in range(REPLICATES):
        _, _, t = replicate(plan, index, k)
        held = (
            torch.zeros(plan.n0, k, dtype=torch.float64),
            torch.zeros(plan.n1, k, dtype=torch.float64),
        )
        bound = certify(lambda t: t, plan, *held, t)
        failures += bound.quantile < quantile
    assert_rate(failures, 0.05)
    if statement != "paper":
        # As tight as the exact bound is: without any margin half would fail, with Hoeffding's nearly none.
        assert failures > 0.02 * REPLICATES, "the bound wastes its samples"


@pytest.mark.parametrize("statement", ["D", "paper"])
def test_a_fixed_pair_of_similar_individuals_fails_at_most_as_often_as_stated(statement):
    settings = SmoothingSettings(
        statement=statement, n0=1500 if statement == "paper" else 300, n=1500, alpha=0.1
    )
    plan = make_plan(settings, 1.0)
    tau = plan.sigma * 1.75

    def g(t):  # two levels, with a jump near the quantile, and a slope that keeps balls honest
        return torch.where(t > tau, 3.0, 0.0) + 0.1 * torch.sin(40 * t)

    replicates = 500
    failures = answered = 0
    for index in range(replicates):
        bound = certify(g, plan, *replicate(plan, index))
        t0, t1, _ = replicate(plan, index, name="similar")
        answer = predict(lambda t: g(t + 1.0), plan, t0, t1)
        if answer.answered:
            answered += 1
            distance = float((answer.centre - bound.prediction.centre).norm())
            failures += bound.bounded and distance > bound.radius
    assert answered > 0.5 * replicates, "the predictor abstains, so nothing was tested"
    assert_rate(failures, 0.1, replicates)
