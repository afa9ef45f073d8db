"""Counts and levels of the smoothing view, against their definitions; settings that could only abstain."""

import math
import re

import pytest
from scipy.stats import beta, binom, norm

from shared_spec.errors import SettingsError
from shared_spec.smoothing.plan import make_plan
from shared_spec.smoothing.settings import SmoothingSettings


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 10.0])
@pytest.mark.parametrize(
    ("n0", "n1", "n"), [(10_000, None, 10_000), (1000, 2000, 4000), (300, 300, 900)]
)
def test_statement_d_spends_alpha_once_and_its_counts_are_tight(epsilon, n0, n1, n):
    settings = SmoothingSettings(n0=n0, n1=n1, n=n)
    plan = make_plan(settings, epsilon)
    a_mass, a_check, a_radius = plan.events.values()
    assert math.isclose(a_mass + a_check + a_radius, settings.alpha), (
        "alpha is not split, or split twice"
    )
    # A ball of mass v misses m of n0 points with probability a_mass.
    assert binom.cdf(plan.mass_count - 1, n0, plan.covered_mass) <= a_mass * (1 + 1e-9)
    assert binom.cdf(plan.mass_count - 1, n0, plan.covered_mass - 1e-4) > a_mass
    assert plan.mass_count >= n0 / 2, "a medoid needs at least half of the points"
    # The check shows a mass above 1 - v, and one success fewer would not.
    shown = [
        beta.ppf(a_check, c, plan.n1 - c + 1) for c in (plan.check_count, plan.check_count - 1)
    ]
    assert shown[0] + plan.covered_mass > 1 >= shown[1] + plan.covered_mass - 2e-6
    assert math.isclose(plan.sigma, 0.65 * epsilon)
    target = norm.cdf(norm.ppf(plan.covered_mass) + epsilon / plan.sigma)
    assert math.isclose(plan.target_mass, target, rel_tol=1e-9)
    k = plan.order_index
    assert binom.sf(k - 1, n, plan.target_mass) <= a_radius < binom.sf(k - 2, n, plan.target_mass)
    assert plan.factor == 3.0


def test_statement_i_pays_for_the_radius_alone():
    plan = make_plan(SmoothingSettings(statement="I"), 1.0)
    assert plan.events == {"radius": 0.01}
    assert (plan.factor, plan.n1, plan.check_count) == (2.0, 0, 0)
    assert math.isclose(
        plan.target_mass, norm.cdf(1e-6 * math.sqrt(2 * math.pi) + 1 / 0.65), rel_tol=1e-6
    )
    k = plan.order_index
    assert (
        binom.sf(k - 1, 10_000, plan.target_mass)
        <= 0.01
        < binom.sf(k - 2, 10_000, plan.target_mass)
    )


def test_the_published_constants_are_the_published_ones():
    plan = make_plan(SmoothingSettings(statement="paper"), 1.0)
    assert math.isclose(plan.target_mass, 0.95196, abs_tol=5e-6)
    # Hoeffding asks for the level .96823, index 9682.3 of 10,000: the next order statistic, never between two.
    assert plan.order_index == 9683
    assert plan.check_count == math.ceil(10_000 * (0.45 + math.sqrt(math.log(400) / 20_000)))
    assert plan.factor == 3.0
    assert plan.events == {"centre at the similar individual": 0.005, "radius": 0.005}


def test_sigma_is_in_units_of_the_coefficients():
    assert make_plan(SmoothingSettings(sigma=0.4), 1.0).sigma == 0.4
    assert make_plan(SmoothingSettings(relative_sigma=0.5), 10.0).sigma == 5.0


@pytest.mark.parametrize("statement", ["D", "I", "paper"])
def test_too_few_draws_for_the_radius_are_refused_with_the_number_that_works(statement):
    settings = SmoothingSettings(statement=statement, n=20)
    with pytest.raises(SettingsError, match="n = 20 ") as refused:
        make_plan(settings, 1.0)
    smallest = int(re.search(r"expected at least n = (\d+)", str(refused.value)).group(1))
    assert make_plan(settings.model_copy(update={"n": smallest}), 1.0).order_index == smallest
    with pytest.raises(SettingsError):
        make_plan(settings.model_copy(update={"n": smallest - 1}), 1.0)


@pytest.mark.parametrize("statement", ["D", "paper"])
def test_too_few_draws_for_the_centre_are_refused_with_the_number_that_works(statement):
    settings = SmoothingSettings(statement=statement, n0=8, n=10**8)
    with pytest.raises(SettingsError, match="n0 = 8 ") as refused:
        make_plan(settings, 1.0)
    smallest = int(re.search(r"expected at least (\d+) of both", str(refused.value)).group(1))
    make_plan(settings.model_copy(update={"n0": smallest}), 1.0)
    with pytest.raises(SettingsError):
        make_plan(settings.model_copy(update={"n0": smallest - 1}), 1.0)


def test_a_hopeless_sigma_is_refused_with_a_remedy():
    with pytest.raises(SettingsError, match="raise sigma"):
        make_plan(SmoothingSettings(sigma=0.01), 1.0)


def test_candidates_that_eat_up_alpha_are_refused():
    with pytest.raises(SettingsError, match="candidates"):
        make_plan(SmoothingSettings(candidates=32, alpha=8e-10, n=10**5), 1.0)
