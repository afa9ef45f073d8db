"""Sampled radii: the law of the noise, closed forms for linear heads, streams, abstention."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import binom, norm

from consumer.radius.linear import linear_radius
from consumer.radius.noise import NoisyHead
from consumer.radius.randomized import randomized_radius, select_classes
from shared_spec.errors import SettingsError
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.stats import clopper_pearson_lower

F64 = torch.float64


def frozen(*layers):
    return FrozenHead(
        tuple(torch.as_tensor(w, dtype=F64) for w, _ in layers),
        tuple(torch.as_tensor(b, dtype=F64) for _, b in layers),
    )


def random_head(generator, *widths):
    pairs = pairwise(widths)
    return frozen(
        *[
            (torch.randn(o, i, generator=generator), torch.randn(o, generator=generator))
            for i, o in pairs
        ]
    )


def streams(n, purpose="test", seed=0):
    return [numpy_generator(seed, purpose, str(i)) for i in range(n)]


@pytest.mark.parametrize("widths", [(30, 2), (30, 5), (30, 8, 3), (4, 9, 3), (1, 2)])
def test_the_noise_after_the_first_layer_has_the_law_of_the_noise_before_it(widths):
    """N(0, sigma^2 W W^T), from as few normals as its rank: the covariance is an identity, not an estimate."""
    head = random_head(torch_generator(1, str(widths)), *widths)
    noisy = NoisyHead(head, 0.7)
    factor, weight = noisy._factor, head.weights[0]
    assert torch.allclose(factor.T @ factor, 0.49 * weight @ weight.T, atol=1e-12)
    assert noisy.noise_dim == min(widths[:2])


def test_the_noise_enters_before_the_relu_and_is_fresh_for_each_sample():
    head = frozen(([[1.0]], [0.0]), ([[1.0], [0.0]], [0.0, 0.0]))
    noisy = NoisyHead(head, 2.0)
    logits = noisy._logits(torch.tensor([[0.5]]), 4000, streams(1))[0, :, 0]
    assert logits.unique().numel() > 2000
    assert float((logits == 0).double().mean()) == pytest.approx(norm.cdf(-0.25), abs=0.04)


@pytest.mark.parametrize(("margin", "sigma"), [(0.4, 1.0), (2.0, 1.0), (3.0, 2.5)])
def test_binary_linear_heads_win_with_probability_phi_of_the_margin(margin, sigma):
    head = frozen(([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]], [0.0, 0.0]))  # ||w_0 - w_1|| = 5
    centre = torch.tensor([[3.0, 4.0, 9.0]]) * margin / 5.0
    n = 100_000
    result = randomized_radius(
        NoisyHead(head, sigma), centre, torch.tensor([0]), n, 0.001, streams(1)
    )
    p = norm.cdf(margin / sigma)
    assert abs(result.successes[0] - n * p) < 6 * np.sqrt(n * p * (1 - p)), (
        "p_A is not Phi(m / (sigma ||w||))"
    )
    assert result.p_lower[0] == clopper_pearson_lower(int(result.successes[0]), n, 0.001)
    assert result.radius[0] == pytest.approx(sigma * norm.ppf(result.p_lower[0]))
    assert 0.9 * margin < result.radius[0] <= margin


def test_the_closed_form_of_a_linear_head_is_never_beaten():
    """docs/guarantees.md, C.4: one-sided up to alpha; alpha is so small that no seed can fail."""
    generator = torch_generator(2, "dominance")
    head = random_head(generator, 8, 4)
    centres = 2.0 * torch.randn(150, 8, generator=generator)
    classes = head.predict(centres)
    exact = linear_radius(head, centres, classes).numpy()
    result = randomized_radius(NoisyHead(head, 0.5), centres, classes, 2000, 1e-9, streams(150))
    assert (result.radius <= exact).all(), "sampling certified more than there is"
    assert (result.radius > 0).sum() > 100


def test_the_class_is_chosen_by_the_noisy_majority_not_by_the_logits():
    # C says 0 on a needle around the origin only: under noise, class 1 wins nearly always.
    needle = frozen(([[100.0], [-100.0]], [0.0, 0.0]), ([[-1.0, -1.0], [0.0, 0.0]], [1.0, 0.0]))
    centre = torch.zeros(1, 1)
    assert needle.predict(centre)[0] == 0
    noisy = NoisyHead(needle, 1.0)
    classes, votes = select_classes(noisy, centre, 500, streams(1, "class"))
    assert classes.tolist() == [1]
    assert votes.sum() == 500
    held = randomized_radius(noisy, centre, torch.tensor([0]), 500, 0.01, streams(1))
    assert held.abstained[0], "the base head's class was certified for the smoothed head"
    assert held.radius[0] == 0


def test_ties_and_what_is_not_finite_abstain():
    tied = NoisyHead(frozen(([[1.0, 1.0]] * 2, [0.0, 0.0])), 1.0)
    result = randomized_radius(tied, torch.ones(1, 2), torch.tensor([0]), 200, 0.01, streams(1))
    assert result.successes[0] == 0, "a tie was counted as a win"
    assert result.abstained[0]
    head = NoisyHead(frozen(([[1.0, 0.0], [0.0, 0.0]], [0.0, 0.0])), 0.1)
    for bad in (float("nan"), float("inf")):
        broken = torch.tensor([[5.0, bad]])
        result = randomized_radius(head, broken, torch.tensor([0]), 200, 0.01, streams(1))
        assert result.abstained[0]
        assert result.radius[0] == 0
        assert select_classes(head, broken, 50, streams(1))[1].sum() == 0
    # W_1 n in floats breaks the tie of equal rows by rounding, always in favour of the first here.
    large = NoisyHead(frozen(([[1.0, 1.0], [1.0, 1.0]], [1e9, 1e9])), 1.0)
    assert (
        randomized_radius(
            large, torch.ones(1, 2), torch.tensor([0]), 200, 0.01, streams(1)
        ).successes[0]
        == 0
    )
    half = randomized_radius(head, torch.zeros(1, 2), torch.tensor([0]), 5000, 0.001, streams(1))
    assert half.abstained[0], "p_A = 1/2 must abstain"


def test_results_do_not_depend_on_batches_or_order():
    generator = torch_generator(3, "batches")
    noisy = NoisyHead(random_head(generator, 6, 10, 3), 0.8)
    centres = torch.randn(40, 6, generator=generator)
    classes, votes = select_classes(noisy, centres, 300, streams(40, "class"))
    result = randomized_radius(noisy, centres, classes, 5000, 0.01, streams(40))
    order = torch.randperm(40, generator=generator)
    shuffled = [numpy_generator(0, "test", str(int(i))) for i in order]
    again = randomized_radius(noisy, centres[order], classes[order], 5000, 0.01, shuffled)
    assert (again.successes == result.successes[order.numpy()]).all()
    one = randomized_radius(
        noisy, centres[7:8], classes[7:8], 5000, 0.01, [numpy_generator(0, "test", "7")]
    )
    assert one.successes[0] == result.successes[7]
    fresh = select_classes(noisy, centres, 300, streams(40, "other"))[1]
    assert not torch.equal(fresh, votes), "the selection does not use its own stream"


def test_the_number_of_samples_caps_the_radius():
    """Where all samples agree: docs/guarantees.md, A.2 item 8; 3.81 sigma at n = 100,000, alpha = 0.001."""
    certain = NoisyHead(frozen(([[1.0], [0.0]], [1e6, 0.0])), 2.5)
    for n, largest in ((1, 0.0), (1000, 2.5 * norm.ppf(0.001**0.001)), (100_000, 9.53)):
        result = randomized_radius(
            certain, torch.zeros(1, 1), torch.tensor([0]), n, 0.001, streams(1)
        )
        assert result.radius[0] == pytest.approx(largest, abs=0.01 if n > 1000 else 1e-8)


def test_settings_that_make_no_sense_are_refused():
    head = frozen(([[1.0], [0.0]], [0.0, 0.0]))
    for sigma in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(SettingsError, match="sigma_rs"):
            NoisyHead(head, sigma)
    noisy, zero = NoisyHead(head, 1.0), torch.tensor([0])
    with pytest.raises(SettingsError, match="sample"):
        randomized_radius(noisy, torch.zeros(1, 1), zero, 0, 0.01, streams(1))
    with pytest.raises(SettingsError, match="stream"):
        randomized_radius(noisy, torch.zeros(1, 1), zero, 10, 0.01, streams(2))
    with pytest.raises(SettingsError, match="alpha"):
        randomized_radius(noisy, torch.zeros(1, 1), zero, 10, 1.5, streams(1))


def test_the_level_is_one_sided():
    """At p_A where exactly half of a two-sided alpha would be wasted, the bound uses all of it."""
    assert binom.sf(989, 1000, clopper_pearson_lower(990, 1000, 0.05)) == pytest.approx(
        0.05, rel=1e-6
    )
