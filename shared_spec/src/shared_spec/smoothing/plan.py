"""From settings to the counts and levels that make a statement true, before anything is drawn.

Settings that could only, or almost only, lead to abstention are refused here, with the smallest number that works.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NoReturn, assert_never

from shared_spec.errors import SettingsError
from shared_spec.smoothing.settings import Plan, SmoothingSettings
from shared_spec.stats import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    gaussian_shift,
    order_statistic_index,
    smallest_sample_size,
)
from shared_spec.terms import Statement

__all__ = ["make_plan"]

# Keeps two balls from merely touching: their masses must sum to more than 1, and the mass 1/2 is never asked for.
_TIE = 1e-6
# The published slack of the smoothing radius (center smoothing's Delta).
_PAPER_DELTA = 0.05
# The ball around a medoid is at most twice as wide as the best: beta = 2, which is tight (docs/guarantees.md, A.1).
_BETA = 2.0
# A medoid's ball is chosen for holding many points and holds fewer fresh ones, by 0.55 / sqrt(n0) on average
# (docs/guarantees.md, A.2 item 10); beyond that, three standard deviations keep abstention rare. Neither is part of
# any proof: they only choose m.
_WINNERS_CURSE = 0.55
_COMFORT = 3.0


def make_plan(settings: SmoothingSettings, epsilon: float) -> Plan:
    """Counts and levels for similarity sets of radius epsilon (docs/guarantees.md, A.3 and A.4).

    Raises:
        SettingsError: the settings could only, or almost only, abstain; the message names the smallest that works.
    """
    match settings.statement:
        case "D":
            return _deployed(settings, epsilon)
        case "I":
            return _ideal(settings, epsilon)
        case "paper":
            return _published(settings, epsilon)
        case _:
            assert_never(settings.statement)


def _deployed(settings: SmoothingSettings, epsilon: float) -> Plan:
    """Statement D: alpha = a_mass + a_check + a_radius = alpha (1/4 + 1/4 + 1/2)."""
    a_mass = a_check = settings.alpha / 4
    a_radius = settings.alpha / 2
    a_points = _without_candidates(a_mass, settings)
    n0, n1 = settings.n0, settings.check_draws
    chosen = _choose_mass(n0, n1, a_points, a_check)
    if chosen is None:
        smallest = n0
        while _choose_mass(smallest, smallest, a_points, a_check) is None:
            smallest += 1
        raise SettingsError(
            f"with n0 = {n0} and n1 = {n1} draws at alpha = {settings.alpha} the smoothed encoder would mostly "
            f"abstain: expected at least {smallest} of both"
        )
    mass_count, check_count, mass = chosen
    target = gaussian_shift(mass, epsilon / settings.sigma_at(epsilon))
    index = _exact_index(settings, target, a_radius)
    events = {
        "mass at the similar individual": a_mass,
        "check at the similar individual": a_check,
        "radius": a_radius,
    }
    counts = (mass_count, check_count, index)
    return _plan(settings, epsilon, events, counts, mass, target, 1.0 + _BETA)


def _ideal(settings: SmoothingSettings, epsilon: float) -> Plan:
    """Statement I: all of alpha goes to the radius, and any centre will do."""
    mass = 0.5 + _TIE
    target = gaussian_shift(mass, epsilon / settings.sigma_at(epsilon))
    index = _exact_index(settings, target, settings.alpha)
    counts = ((settings.n0 + 1) // 2, 0, index)
    return _plan(settings, epsilon, {"radius": settings.alpha}, counts, mass, target, 2.0)


def _published(settings: SmoothingSettings, epsilon: float) -> Plan:
    """The paper's constants, with an order statistic in place of an interpolated quantile (A.2 item 4)."""
    a_centre = a_radius = settings.alpha / 2
    a_points = _without_candidates(a_centre, settings)
    n0, n1, n = settings.n0, settings.check_draws, settings.n
    fewest = math.ceil(math.log(2 / a_points) / (2 * _PAPER_DELTA**2))
    if min(n0, n1) < fewest:
        raise SettingsError(
            f"n0 = {n0} and n1 = {n1} draws can only abstain at alpha = {settings.alpha} and "
            f"Delta = {_PAPER_DELTA}: expected at least {fewest} of both"
        )
    # A fraction that puts the mass above 1/2 - Delta.
    check_count = math.ceil(
        n1 * (0.5 - _PAPER_DELTA + math.sqrt(math.log(2 / a_points) / (2 * n1)))
    )
    mass = 0.5 + _PAPER_DELTA
    target = gaussian_shift(mass, epsilon / settings.sigma_at(epsilon))
    log = math.log(1 / a_radius) / 2
    index = math.ceil(n * (target + math.sqrt(log / n)))
    if index > n:
        _refuse_radius(settings, target, math.ceil(log / (1 - target) ** 2) if target < 1 else None)
    events = {"centre at the similar individual": a_centre, "radius": a_radius}
    counts = ((n0 + 1) // 2, check_count, index)
    return _plan(settings, epsilon, events, counts, mass, target, 1.0 + _BETA)


def _plan(
    settings: SmoothingSettings,
    epsilon: float,
    events: Mapping[str, float],
    counts: tuple[int, int, int],
    mass: float,
    target: float,
    factor: float,
) -> Plan:
    mass_count, check_count, index = counts
    return Plan(
        statement=Statement(settings.statement),
        events=dict(events),
        sigma=settings.sigma_at(epsilon),
        n0=settings.n0,
        n1=settings.check_draws,
        n=settings.n,
        candidates=min(settings.candidates, settings.n0),
        mass_count=mass_count,
        check_count=check_count,
        covered_mass=mass,
        target_mass=target,
        order_index=index,
        factor=factor,
    )


def _without_candidates(alpha: float, settings: SmoothingSettings) -> float:
    """The level left after 2^-candidates, the price of trying only some of the n0 points as the centre (C.3)."""
    failure = 0.0 if settings.candidates >= settings.n0 else 2.0**-settings.candidates
    if failure >= alpha:
        raise SettingsError(
            f"{settings.candidates} candidate centres fail with probability up to {failure:.3g}, all that alpha = "
            f"{settings.alpha} leaves: expected at least {math.floor(-math.log2(alpha)) + 1} candidates"
        )
    return alpha - failure


def _choose_mass(
    n0: int, n1: int, a_points: float, a_check: float
) -> tuple[int, int, float] | None:
    """The smallest m whose ball passes its check comfortably, with the count to pass and the mass v; None if none does.

    v = u(m) is such that a ball of that mass holds fewer than m of n0 points with probability at most a_points. The
    check must show a mass above 1 - v. A larger m asks for more at the radius and for less at the check.
    """

    def attempt(m: int) -> tuple[int, int, float] | None:
        mass = clopper_pearson_upper(m - 1, n0, a_points)
        count = _check_count(n1, 1.0 - mass + _TIE, a_check)
        if count is None:
            return None
        expected = m / n0 - _WINNERS_CURSE / math.sqrt(n0)
        spread = 0.5 * math.sqrt(1 / n0 + 1 / n1)
        return (m, count, mass) if n1 * (expected - _COMFORT * spread) >= count else None

    low, high = (n0 + 1) // 2, n0
    if attempt(high) is None:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if attempt(middle) is not None else (middle + 1, high)
    return attempt(high)


def _check_count(n1: int, mass: float, alpha: float) -> int | None:
    """The smallest count of n1 that shows at level alpha a mass of at least `mass`."""
    if clopper_pearson_lower(n1, n1, alpha) < mass:
        return None
    low, high = 0, n1
    while low < high:
        middle = (low + high) // 2
        enough = clopper_pearson_lower(middle, n1, alpha) >= mass
        low, high = (low, middle) if enough else (middle + 1, high)
    return high


def _exact_index(settings: SmoothingSettings, target: float, alpha: float) -> int:
    """The index of the exact order-statistic bound (docs/guarantees.md, B.1)."""
    index = order_statistic_index(settings.n, target, alpha)
    if index is None:
        _refuse_radius(
            settings, target, smallest_sample_size(target, alpha) if target < 1 else None
        )
    return index


def _refuse_radius(settings: SmoothingSettings, target: float, smallest: int | None) -> NoReturn:
    remedy = (
        "raise sigma"
        if smallest is None
        else f"expected at least n = {smallest}, or a larger sigma"
    )
    raise SettingsError(
        f"n = {settings.n} draws can only abstain: no order statistic covers a mass of {target:.6g} at alpha = "
        f"{settings.alpha}; {remedy}"
    )
