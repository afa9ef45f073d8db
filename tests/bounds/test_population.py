"""What many certificates say together."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from shared_spec.errors import SettingsError
from shared_spec.population import population_statement, rounded_up


def test_published_figures():
    """docs/guarantees.md, A.6: 306 of 312, alpha = 0.011, delta = 0.05."""
    sampled = population_statement(312, 306, 0.011, 0.95)
    assert sampled.fair_at_least == pytest.approx(0.9514, abs=1e-4)
    assert sampled.false_certificates_bound == 7
    assert sampled.expected_false_certificates == pytest.approx(3.432)
    assert sampled.any_false_certificate == 1.0
    exact = population_statement(312, 306, 0.0, 0.95)
    assert exact.fair_at_least == pytest.approx(0.9624, abs=1e-4)
    assert exact.false_certificates_bound == 0
    assert exact.expected_false_certificates == 0.0
    assert exact.any_false_certificate == 0.0


def test_the_population_bound_is_computed_from_the_tail():
    for n, k, delta in [(312, 306, 0.05), (50, 20, 0.01), (10, 10, 0.001)]:
        bound = population_statement(n, k, 0.0, 1.0 - delta).fair_at_least
        assert binom.sf(k - 1, n, bound) == pytest.approx(delta, rel=1e-6)
        assert population_statement(n, k, 0.01, 1.0 - delta).fair_at_least == pytest.approx(
            bound - 0.01
        )


def test_counts_never_exceed_what_there_is():
    assert population_statement(100, 1, 0.05).false_certificates_bound == 1
    assert population_statement(100, 0, 0.05).false_certificates_bound == 0
    assert population_statement(100, 0, 0.05).fair_at_least == 0.0
    assert population_statement(10, 1, 0.9).fair_at_least == 0.0


def test_the_count_bound_holds_with_the_stated_probability():
    """Independent false certificates at the full level: the tail beyond the bound, without sampling."""
    for n, alpha, delta in [(312, 0.011, 0.05), (1000, 0.002, 0.01)]:
        m = population_statement(n, n, alpha, 1.0 - delta).false_certificates_bound
        tail = sum(math.comb(n, j) * alpha**j * (1 - alpha) ** (n - j) for j in range(m + 1))
        assert 1.0 - tail <= delta


def test_the_words_say_what_is_proved():
    deterministic = " ".join(population_statement(312, 306, 0.0).sentences())
    assert "without any failure probability" in deterministic
    assert "96.23%" in deterministic, "a lower bound was rounded up, or is missing"
    sampled = " ".join(population_statement(312, 306, 0.011).sentences())
    assert "certified and yet not treated fairly is at most 0.011" in sampled
    assert "drawn at random" in sampled
    assert "no more than 7" in sampled
    assert "any of them" not in sampled, "a probability of at most 1 says nothing"
    assert "any of them" in " ".join(population_statement(30, 29, 0.011).sentences())
    nobody = " ".join(population_statement(312, 0, 0.011).sentences())
    assert "certificates are false" not in nobody
    assert "drawn at random" not in nobody, "at least 0% says nothing"


@pytest.mark.parametrize(
    ("n", "k", "alpha", "confidence"),
    [(0, 0, 0.1, 0.9), (5, 6, 0.1, 0.9), (5, -1, 0.1, 0.9), (5, 1, 1.0, 0.9), (5, 1, -0.1, 0.9), (5, 1, 0.1, 1.0),
     (5, 1, np.nan, 0.9), (5, 1, 0.1, np.nan)],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(n, k, alpha, confidence):
    with pytest.raises(SettingsError):
        population_statement(n, k, alpha, confidence)


@given(st.floats(1e-9, 1e9))
def test_upper_bounds_are_never_shown_below_themselves(bound):
    shown = rounded_up(bound)
    assert Decimal(shown) >= Decimal(repr(bound))
    assert float(shown) <= bound * 1.01 + (bound >= 100)
    assert "e" not in shown.lower()
