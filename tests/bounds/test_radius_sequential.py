"""The sequential decision: the e-process it is, its cost, and what must stay undecided."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from consumer.radius.noise import NoisyHead
from consumer.radius.sequential import sequential_decision
from shared_spec.errors import SettingsError
from shared_spec.frozen_head import FrozenHead
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.stats import log_wealth_steps, wealth_threshold

F64 = torch.float64
# One dimension, margin = x: p_A = Phi(x / sigma) and the true radius is x.
STEP = FrozenHead((torch.tensor([[1.0], [0.0]], dtype=F64),), (torch.zeros(2, dtype=F64),))


def streams(n, seed=0):
    return [numpy_generator(seed, "sequential", str(i)) for i in range(n)]


def decide(margins, radii, alpha=0.001, seed=0, **options):
    centres = torch.as_tensor(margins, dtype=F64)[:, None]
    classes = torch.zeros(len(centres), dtype=torch.int64)
    radii = torch.as_tensor(radii, dtype=F64)
    return sequential_decision(
        NoisyHead(STEP, 1.0), centres, radii, classes, alpha, streams(len(centres), seed), **options
    )


def test_each_individual_is_one_e_process():
    """The batch decides as the scalar process fed with the same outcomes, drawn at once from the same stream."""
    margins, radii = np.linspace(0.52, 2.5, 40), np.full(40, 0.5)
    got = decide(margins, radii, cap=2000)
    assert set(got.status) == {"CERTIFIED", "UNDECIDED"}
    for i, margin in enumerate(margins):
        # Binary heads draw two numbers per sample; only the first reaches this one's logits.
        noise = numpy_generator(0, "sequential", str(i)).standard_normal((2000, 1))[:, 0]
        factor = float(NoisyHead(STEP, 1.0)._factor[0, 0])
        wins = margin + factor * noise > 0
        wealth = log_wealth_steps(wins, float(norm.cdf(0.5)) * (1 + 1e-12)).cumsum()
        reached = np.flatnonzero(wealth >= wealth_threshold(0.001))
        assert (reached.size > 0) == (got.status[i] == "CERTIFIED")
        trials = int(reached[0]) + 1 if reached.size else 2000
        assert trials == got.samples[i]
        assert wins[:trials].sum() == got.successes[i]
        assert wealth[trials - 1] == pytest.approx(got.log_wealth[i], abs=1e-9)


@pytest.mark.parametrize(
    ("distance", "excess", "mean"),
    [(0.5, 0.5, 126), (1, 0.5, 234), (1, 1, 83), (2, 0.5, 901), (2, 1, 521)],
)
def test_the_number_of_samples_is_the_published_one(distance, excess, mean):
    """docs/guarantees.md, C.6: mean samples at alpha = 0.001, against 100,000."""
    got = decide(np.full(300, distance + excess), np.full(300, float(distance)))
    assert (got.status == "CERTIFIED").mean() > 0.98
    assert got.samples.mean() == pytest.approx(mean, rel=0.2)
    assert (got.drawn >= got.samples).all()
    assert got.drawn.mean() <= 1.3 * got.samples.mean() + 32
    assert got.drawn.mean() * 10 < 100_000


def test_no_more_is_drawn_at_once_than_fits(monkeypatch):
    """Whatever the cap: a hostile certificate may name 10^7."""
    rows, wins = [], NoisyHead.wins

    def counted(self, centres, classes, size, streams):
        rows.append(len(centres) * size)
        return wins(self, centres, classes, size, streams)

    monkeypatch.setattr(NoisyHead, "wins", counted)
    got = decide(np.full(3, 1.0), np.full(3, 1.0), alpha=1e-9, cap=500_000)
    assert (got.samples == 500_000).all()
    assert max(rows) == 65_536


def test_hopeless_individuals_stop_early_and_are_not_certified():
    got = decide(np.full(200, 0.5), np.full(200, 1.0))
    assert (got.status == "NOT_CERTIFIED").all()
    assert got.samples.mean() < 1000


def test_the_border_stays_undecided_up_to_the_cap():
    got = decide(np.full(20, 1.0), np.full(20, 1.0), alpha=1e-6, cap=2000)
    assert (got.status == "UNDECIDED").all()
    assert (got.samples == 2000).all()
    assert (got.drawn == 2000).all()


def test_radii_out_of_reach_cost_nothing():
    got = decide([9.0, 9.0], [4.5, 8.9], cap=100_000)
    assert (got.status == "UNDECIDED").all()
    assert (got.drawn == 0).all(), (
        "no number of agreeing samples within the cap could have certified"
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, torch.finfo(F64).max])
def test_what_is_no_radius_never_certifies(bad):
    got = decide([50.0], [bad])
    assert got.status[0] != "CERTIFIED"
    assert got.drawn[0] == 0


def test_what_is_no_centre_never_certifies():
    for bad in (float("nan"), float("inf"), -float("inf")):
        assert decide([bad], [0.1], cap=500).status[0] == "NOT_CERTIFIED"


def test_the_tested_class_is_the_given_one():
    centres, one = torch.full((1, 1), -2.0), torch.ones(1, dtype=torch.int64)
    noisy, radii = NoisyHead(STEP, 1.0), torch.tensor([0.5])
    assert (
        sequential_decision(noisy, centres, radii, one, 0.001, streams(1)).status[0] == "CERTIFIED"
    )
    assert (
        sequential_decision(noisy, centres, radii, 1 - one, 0.001, streams(1)).status[0]
        == "NOT_CERTIFIED"
    )


@pytest.mark.parametrize("unit", [0.25, 8.0])
def test_only_the_ratio_to_sigma_matters(unit):
    """Representations, radii and sigma_rs in another unit: every number of the decision stays."""
    margins, radii = torch.linspace(0.2, 2.0, 30, dtype=F64), torch.full((30,), 0.6, dtype=F64)
    zero = torch.zeros(30, dtype=torch.int64)
    noisy = NoisyHead(STEP, unit)
    scaled = sequential_decision(
        noisy, unit * margins[:, None], unit * radii, zero, 0.001, streams(30), cap=4000
    )
    plain = decide(margins, radii, cap=4000)
    assert (scaled.status == plain.status).all()
    assert (scaled.samples == plain.samples).all()
    assert np.allclose(scaled.log_wealth, plain.log_wealth)


def test_results_do_not_depend_on_batches_or_order():
    generator = torch_generator(1, "sequential")
    margins = 2.0 * torch.rand(300, generator=generator, dtype=F64)
    radii = torch.rand(300, generator=generator, dtype=F64)
    whole = decide(margins, radii, cap=4000)
    for i in range(0, 300, 37):
        centre, zero = margins[i : i + 1, None], torch.zeros(1, dtype=torch.int64)
        alone = sequential_decision(
            NoisyHead(STEP, 1.0), centre, radii[i : i + 1], zero, 0.001,
            [numpy_generator(0, "sequential", str(i))], cap=4000,
        )  # fmt: skip
        assert (alone.status[0], alone.samples[0]) == (whole.status[i], whole.samples[i])
    assert set(whole.status) == {"CERTIFIED", "NOT_CERTIFIED", "UNDECIDED"}
    certified = whole.status == "CERTIFIED"
    assert (margins.numpy()[certified] > radii.numpy()[certified]).all()


def test_an_unfair_individual_is_not_certified_by_any_seed():
    """The boundary runs through the ball: P(false certificate) <= alpha for each of 200 seeds."""
    statuses = [decide([0.3], [1.0], alpha=1e-4, seed=seed).status[0] for seed in range(200)]
    assert "CERTIFIED" not in statuses


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(SettingsError, match="cap"):
        decide([1.0], [0.1], cap=0)
    with pytest.raises(SettingsError, match="alpha"):
        decide([1.0], [0.1], alpha=0.0)
    zero = torch.zeros(2, dtype=torch.int64)
    with pytest.raises(SettingsError, match="stream"):
        sequential_decision(
            NoisyHead(STEP, 1.0), torch.zeros(2, 1), torch.zeros(2), zero, 0.1, streams(1)
        )
