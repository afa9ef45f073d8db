"""Measured failure rates of the sampled statements, against their levels.

Each test fails by chance with probability 1e-6: it counts failures over independent replicates and refuses more than
the binomial quantile of the level allows.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binom, norm

from consumer.decide import decide
from consumer.decisions import Bounds, Draws
from consumer.radius.noise import NoisyHead
from consumer.radius.randomized import randomized_radius
from consumer.radius.sequential import sequential_decision
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import numpy_generator
from shared_spec.sampling import Sampling
from shared_spec.stats import (
    clopper_pearson_lower,
    log_wealth_steps,
    order_statistic_index,
    wealth_threshold,
)
from shared_spec.terms import BoundStatus, RadiusMethod

pytestmark = pytest.mark.statistical

F64 = torch.float64
STEP = FrozenHead((torch.tensor([[1.0], [0.0]], dtype=F64),), (torch.zeros(2, dtype=F64),))

# m_0 - m_1 = 2 x: where x = 0 neither class wins. Two layers, since of a linear head nothing would be drawn.
HALVES = FrozenHead(
    (
        torch.tensor([[1.0], [-1.0]], dtype=F64),
        torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=F64),
    ),
    (torch.zeros(2, dtype=F64), torch.zeros(2, dtype=F64)),
)


def allowed(replicates, level):
    return int(binom.isf(1e-6, replicates, level))


def streams(n, purpose):
    return [numpy_generator(0, purpose, str(i)) for i in range(n)]


@pytest.mark.parametrize(("n", "p", "alpha"), [(100, 0.8, 0.05), (2000, 0.952, 0.05)])
def test_the_order_statistic_covers(n, p, alpha):
    k = order_statistic_index(n, p, alpha)
    generator = numpy_generator(1, f"order-{n}")
    replicates = 4000
    failures = sum(
        int(np.partition(generator.random(n), k - 1)[k - 1] < p) for _ in range(replicates)
    )
    assert failures <= allowed(replicates, alpha)
    assert failures >= replicates * binom.sf(k - 1, n, p) / 2, (
        "the bound is far looser than its level"
    )


def test_the_order_statistic_covers_atoms():
    """Half of the mass sits on one point: >= instead of > would be wrong here."""
    n, alpha, replicates = 60, 0.05, 4000
    k = order_statistic_index(n, 0.5 + 1e-9, alpha)
    generator = numpy_generator(2, "atoms")
    failures = sum(
        int(np.sort(np.maximum(generator.random(n), 0.5))[k - 1] <= 0.5) for _ in range(replicates)
    )
    assert failures <= allowed(replicates, alpha), (
        "the quantile just above the atom was missed too often"
    )


@pytest.mark.parametrize("margin", [0.3, 1.2])
def test_the_randomized_radius_exceeds_the_truth_as_rarely_as_stated(margin):
    replicates, alpha = 4000, 0.05
    centres, classes = (
        torch.full((replicates, 1), margin, dtype=F64),
        torch.zeros(replicates, dtype=torch.int64),
    )
    result = randomized_radius(
        NoisyHead(STEP, 1.0), centres, classes, 300, alpha, streams(replicates, f"cp-{margin}")
    )
    failures = int((result.radius > margin).sum())
    assert failures <= allowed(replicates, alpha), "the radius is too large too often"
    counts = np.arange(301)
    above = np.array(
        [clopper_pearson_lower(int(count), 300, alpha) for count in counts]
    ) > norm.cdf(margin)
    expected = binom.pmf(counts[above], 300, norm.cdf(margin)).sum()
    assert failures >= binom.ppf(1e-6, replicates, expected), (
        "too few failures: the noise is not the one that is claimed"
    )


@pytest.mark.parametrize("distance", [0.0, 0.5, 1.5])
def test_the_sequential_decision_errs_as_rarely_as_stated_on_the_border(distance):
    """d_cs equal to the true radius: p_A = p0, where the e-process is exactly fair and CERTIFIED is false."""
    replicates, alpha = 3000, 0.05
    centres, classes = (
        torch.full((replicates, 1), distance, dtype=F64),
        torch.zeros(replicates, dtype=torch.int64),
    )
    radii = torch.full((replicates,), distance, dtype=F64)
    got = sequential_decision(
        NoisyHead(STEP, 1.0),
        centres,
        radii,
        classes,
        alpha,
        streams(replicates, f"e-{distance}"),
        cap=3000,
    )
    failures = int((got.status == "CERTIFIED").sum())
    assert failures <= allowed(replicates, alpha), "stopping early spends more than alpha"
    assert failures > 0, "the border never certifies: the test has no power"


@pytest.mark.parametrize("p0", [0.5, 0.84, 0.977])
def test_the_wealth_ever_reaches_one_over_alpha_as_rarely_as_stated(p0):
    replicates, alpha = 3000, 0.1
    generator = numpy_generator(3, f"ville-{p0}")
    decided = 0
    for _ in range(replicates):
        wealth = log_wealth_steps(generator.random(4000) < p0, p0).cumsum()
        decided += bool(wealth.max() >= wealth_threshold(alpha))
    assert decided <= allowed(replicates, alpha)
    assert decided > 0


@pytest.mark.parametrize("method", [RadiusMethod.RANDOMIZED, RadiusMethod.SEQUENTIAL])
def test_the_class_is_not_chosen_on_the_samples_that_test_it(method):
    """On the boundary with d_cs = 0 every certificate is false; a class that won the test's own samples would get twice
    its level."""
    replicates, alpha, n = 4000, 0.05, 300
    origin = torch.zeros(replicates, 1, dtype=F64)
    bounds = Bounds(
        points=origin,
        centres=origin,
        radii=torch.zeros(replicates, dtype=F64),
        status=torch.full((replicates,), int(BoundStatus.BOUNDED), dtype=torch.uint8),
    )
    draws = Draws(1.0, Sampling(alpha=alpha, selection_samples=n, samples=n), 0)
    names = [str(i) for i in range(replicates)]
    certified = decide(HALVES, bounds, method, draws, names).certified
    assert certified <= allowed(replicates, alpha), "the class was chosen on the test's samples"
    assert certified >= replicates * alpha / 4, "the border never certifies: the test has no power"


def test_peeking_with_clopper_pearson_would_fail_here():
    """The instance above does tell a valid sequential test from the classic bug."""
    replicates, alpha, p0 = 1000, 0.05, norm.cdf(0.5)
    generator = numpy_generator(4, "peeking")
    looks = np.arange(32, 3001, 32)
    counts = (generator.random((replicates, 3000)) < p0).cumsum(1)[:, looks - 1]
    peeked = (binom.sf(counts - 1, looks, p0) <= alpha).any(1).sum()
    assert peeked > allowed(replicates, alpha)
