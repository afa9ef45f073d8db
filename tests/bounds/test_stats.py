"""The tail bounds against their definitions, closed forms and brute force."""

from __future__ import annotations

import math
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from scipy.stats import binom, norm

from shared_spec.errors import SettingsError
from shared_spec.stats import (
    binomial_tail,
    clopper_pearson_lower,
    clopper_pearson_upper,
    count_bound,
    gaussian_shift,
    hypergeometric_upper,
    log_wealth_steps,
    order_statistic_index,
    smallest_sample_size,
    wealth_threshold,
)


def test_the_tail_of_a_binomial_is_the_sum_of_its_terms():
    p = Fraction(3, 10)
    for n in (1, 2, 9, 40):
        k = np.arange(-1, n + 3)
        want = [
            float(sum(comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(max(0, least), n + 1)))
            for least in k
        ]
        found = binomial_tail(k, n, float(p))
        np.testing.assert_allclose(found, want, rtol=2e-11)
        assert (found >= want).all(), "rounded down"
    assert binomial_tail(3, 7, 0.0) == 0.0
    assert binomial_tail(7, 7, 1.0) == 1.0


@pytest.mark.parametrize("n", [1, 7, 108, 1000, 10_000, 100_000])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.95196, 0.99])
@pytest.mark.parametrize("alpha", [0.3, 0.05, 0.005, 1e-6])
def test_the_index_is_the_smallest_that_is_sound(n, p, alpha):
    k, close = order_statistic_index(n, p, alpha), alpha * (1 - 2e-11)
    if k is None:
        assert binom.sf(n - 1, n, p) > close, "abstained although the largest sample would do"
        return
    assert binom.sf(k - 1, n, p) <= alpha, "the index is too small: unsound"
    if k > 1:
        assert binom.sf(k - 2, n, p) > close, "the index is larger than needed"


def test_the_index_agrees_with_exact_rational_arithmetic():
    for n, p, alpha in [
        (12, Fraction(3, 4), 0.1),
        (30, Fraction(9, 10), 0.05),
        (9, Fraction(1, 3), 0.2),
    ]:
        tail = [
            sum(math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(k, n + 1))
            for k in range(n + 2)
        ]
        want = min(k for k in range(1, n + 2) if tail[k] <= Fraction(alpha))
        got = order_statistic_index(n, float(p), alpha)
        assert got == (want if want <= n else None)


def test_the_index_never_fails_more_often_than_alpha_where_tail_and_alpha_are_one_number():
    """In rational arithmetic on the very floats that are asked about; betainc is off by a little on either side."""
    failed = []
    for n in range(1, 40):
        for hundredths in range(2, 100, 7):
            p = hundredths / 100
            for k in range(1, n + 1):
                alpha = float(binom.sf(k - 1, n, p))
                if not 1e-12 < alpha < 1:
                    continue
                found, q = order_statistic_index(n, p, alpha), Fraction(p)
                if found is None:
                    continue
                terms = (math.comb(n, j) * q**j * (1 - q) ** (n - j) for j in range(found, n + 1))
                if sum(terms) > Fraction(alpha):
                    failed.append((n, p, k))
    assert not failed


def test_published_figures_of_the_order_statistic():
    # docs/guarantees.md, B.1 and A.6: n = 10,000 at sigma_cs = 0.65.
    p = gaussian_shift(0.55, 1 / 0.65)
    assert p == pytest.approx(0.95196, abs=5e-6)
    for people, level in [(1, 0.9575), (312, 0.9607), (20_000, 0.9624)]:
        k = order_statistic_index(10_000, p, 0.005 / people)
        assert k is not None
        assert k / 10_000 == pytest.approx(level, abs=2e-4)
    assert smallest_sample_size(p, 0.005) == 108


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.952, 0.9999])
@pytest.mark.parametrize("alpha", [0.5, 0.01, 1e-9])
def test_the_smallest_sample_size_is_the_smallest(p, alpha):
    n = smallest_sample_size(p, alpha)
    assert order_statistic_index(n, p, alpha) is not None
    assert n == 1 or order_statistic_index(n - 1, p, alpha) is None


def test_mass_one_is_never_covered():
    assert order_statistic_index(10**6, 1.0, 0.5) is None
    with pytest.raises(SettingsError, match="no number of samples"):
        smallest_sample_size(1.0, 0.01)


@pytest.mark.parametrize(("k", "n"), [(1, 1), (1, 10), (5, 10), (990, 1000), (100_000, 100_000)])
@pytest.mark.parametrize("alpha", [0.2, 0.001])
def test_clopper_pearson_solves_its_equation_on_the_safe_side(k, n, alpha):
    lower = clopper_pearson_lower(k, n, alpha)
    assert binom.sf(k - 1, n, lower) <= alpha, "lower bound too high"
    assert binom.sf(k - 1, n, lower) == pytest.approx(alpha, rel=1e-5), (
        "one-sided level not used up"
    )
    upper = clopper_pearson_upper(n - k, n, alpha)
    assert binom.cdf(n - k, n, upper) <= alpha * (1 + 1e-9), "upper bound too low"
    assert upper == pytest.approx(1 - lower, rel=1e-6)


def test_clopper_pearson_covers_at_the_stated_level_exactly():
    """The sum over all outcomes of P(outcome) [bound > p] never exceeds alpha: no sampling involved."""
    alpha, n = 0.05, 40
    bounds = np.array([clopper_pearson_lower(k, n, alpha) for k in range(n + 1)])
    worst = 0.0
    for p in np.linspace(0.01, 0.99, 197):
        failure = float(binom.pmf(np.arange(n + 1), n, p)[bounds > p].sum())
        assert failure <= alpha
        worst = max(worst, failure)
    assert worst > 0.8 * alpha, "a two-sided level would waste half of alpha"


def test_closed_ends():
    assert clopper_pearson_lower(0, 10, 0.01) == 0.0
    assert clopper_pearson_upper(10, 10, 0.01) == 1.0
    assert clopper_pearson_lower(10, 10, 0.01) == pytest.approx(0.01**0.1)


def test_gaussian_shift():
    assert gaussian_shift(0.5, 1.0) == pytest.approx(norm.cdf(1.0))
    assert gaussian_shift(0.5, 1.0) >= norm.cdf(1.0), "required mass rounded down"
    assert gaussian_shift(0.5, -1.0) <= norm.cdf(-1.0), "remaining mass rounded up"
    assert gaussian_shift(gaussian_shift(0.7, 0.9), -0.9) == pytest.approx(0.7)
    assert gaussian_shift(0.3, 0.0) == 0.3
    assert gaussian_shift(0.9, 50.0) == 1.0
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(SettingsError):
            gaussian_shift(bad, 1.0)


def test_count_bound():
    assert count_bound(312, 0.011, 0.05) == 7  # docs/guarantees.md, A.6
    assert count_bound(100, 0.0, 0.05) == 0
    for n, alpha, delta in [(50, 0.1, 0.01), (312, 0.011, 0.001), (3, 0.9, 0.01)]:
        m = count_bound(n, alpha, delta)
        assert binom.sf(m, n, alpha) <= delta
        assert m == 0 or binom.sf(m - 1, n, alpha) > delta


def _textbook_wealth(outcomes, p0):
    """docs/guarantees.md, C.6, one trial at a time."""
    s, wealth, path = 0, 0.0, []
    for i, x in enumerate(outcomes):
        q = max((s + 1) / (i + 1.5), p0)
        wealth += math.log(q / p0) if x else (math.log((1 - q) / (1 - p0)) if q > p0 else 0.0)
        s += int(x)
        path.append(wealth)
    return path


@pytest.mark.parametrize("block", [1, 7, 100, 1000])
def test_blocks_do_not_change_the_e_process(block):
    generator = np.random.default_rng(5)
    outcomes = generator.random(1000) < 0.9
    path = _textbook_wealth(outcomes, 0.8)
    steps = np.concatenate(
        [
            log_wealth_steps(outcomes[start : start + block], 0.8, start, outcomes[:start].sum())
            for start in range(0, 1000, block)
        ]
    )
    assert steps.cumsum() == pytest.approx(path)


def test_every_bet_is_fair_at_the_null_and_unfavourable_below():
    """E[factor | past] = 1 at p = p0 or less than 1 below it, for every past: the supermartingale property itself."""
    for p0 in (0.5, 0.7, 0.97):
        for seen in range(30):
            for s in range(seen + 1):
                win = math.exp(log_wealth_steps(np.array([True]), p0, seen, s)[0])
                lose = math.exp(log_wealth_steps(np.array([False]), p0, seen, s)[0])
                assert p0 * win + (1 - p0) * lose == pytest.approx(1.0, abs=1e-12)
                assert win >= 1.0 - 1e-15, "a success must never lower the wealth"
                assert lose <= 1.0 + 1e-15, "a failure must never raise the wealth"


def test_the_bet_never_sees_the_trial_it_is_placed_on():
    past = np.array([True, False, True, True])
    for last in (True, False):
        steps = log_wealth_steps(np.append(past, last), 0.6)
        assert np.array_equal(steps[:4], log_wealth_steps(past, 0.6))
    win = np.exp(log_wealth_steps(np.append(past, True), 0.6)[-1])
    lose = np.exp(log_wealth_steps(np.append(past, False), 0.6)[-1])
    assert 0.6 * win + 0.4 * lose == pytest.approx(1.0), "the bet depends on the outcome"


def test_the_earliest_decision_is_at_the_limit_of_the_level():
    """All successes: E = prod q_i/p0 <= p0^-n, so no decision before ln(alpha)/ln(p0)."""
    for p0 in (0.69, 0.84, 0.977):
        wealth = log_wealth_steps(np.ones(5000, dtype=bool), p0).cumsum()
        decided = 1 + int(np.argmax(wealth >= wealth_threshold(0.001)))
        assert wealth[decided - 1] >= wealth_threshold(0.001)
        assert decided >= math.log(0.001) / math.log(p0)
        assert decided <= 1.3 * math.log(0.001) / math.log(p0) + 20


def test_an_impossible_null_is_never_rejected():
    assert log_wealth_steps(np.ones(10_000, dtype=bool), 1.0).cumsum().max() <= 0.0


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_levels_out_of_range_are_refused(alpha):
    for call in (
        lambda: order_statistic_index(10, 0.5, alpha),
        lambda: smallest_sample_size(0.5, alpha),
        lambda: clopper_pearson_lower(1, 2, alpha),
        lambda: clopper_pearson_upper(1, 2, alpha),
        lambda: wealth_threshold(alpha),
        lambda: count_bound(10, 0.1, alpha),
    ):
        with pytest.raises(SettingsError):
            call()


def test_counts_out_of_range_are_refused():
    for k, n in [(-1, 10), (11, 10), (0, 0)]:
        with pytest.raises(SettingsError):
            clopper_pearson_lower(k, n, 0.1)


def test_hypergeometric_bound_is_the_exact_one_and_never_above_that_of_independent_draws():
    alpha = Fraction(1, 20)

    def passes(population, bad, sample, found):
        ways = sum(comb(bad, i) * comb(population - bad, sample - i) for i in range(found + 1))
        return Fraction(ways, comb(population, sample))

    for population in (1, 2, 7, 12, 25):
        for sample in range(1, population + 1):
            for found in range(min(sample, 4) + 1):
                bound = hypergeometric_upper(found, sample, population, 0.05)
                assert found <= bound <= population - sample + found
                # Where the next one has probability alpha to the last digit, either is right.
                if bound < population - sample + found:
                    assert passes(population, bound + 1, sample, found) <= alpha
                if bound > found:
                    assert passes(population, bound, sample, found) > alpha * Fraction(
                        99999, 100000
                    )
                assert bound <= clopper_pearson_upper(found, sample, 0.05) * population
    assert hypergeometric_upper(0, 300, 10**8, 0.05) < (1 - 0.05 ** (1 / 300)) * 10**8


@pytest.mark.parametrize("wrong", [(1, 0, 5), (3, 2, 5), (0, 6, 5), (-1, 2, 5)])
def test_hypergeometric_bound_refuses_counts_that_cannot_be(wrong):
    with pytest.raises(SettingsError):
        hypergeometric_upper(*wrong, 0.05)
