"""What the manifest of a bundle shows by itself: plans that do not follow from their settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from shared_spec.errors import SettingsError
from shared_spec.smoothing.plan import make_plan
from shared_spec.smoothing.settings import SmoothingSettings
from shared_spec.terms import Statement

if TYPE_CHECKING:
    from shared_spec.artifacts.bundle_documents import ViewEntry

__all__ = ["exact_entry", "smoothing_entry", "smoothing_settings"]

_SMALLEST_LEVEL = 1e-12
"""Nobody draws enough samples for less, and plans for less take long to refuse."""


def exact_entry(entry: ViewEntry, epsilon: float) -> str | None:
    """Statement X has no failure probability."""
    if entry.statement != Statement.X or entry.alpha:
        return f"states {entry.statement} with alpha {dict(entry.alpha)}; this view proves X, without one"
    return None


def smoothing_entry(entry: ViewEntry, epsilon: float) -> str | None:
    """The plan follows from the statement, the counts, the noise, epsilon and the sum of the levels."""
    settings, alpha = dict(entry.settings), math.fsum(entry.alpha.values())
    if entry.statement == Statement.X:
        return "states X, which sampling cannot show"
    if not _SMALLEST_LEVEL <= alpha < 1:
        return f"alpha is {alpha:g} in all, expected {_SMALLEST_LEVEL:g} to 1"
    try:
        plan = make_plan(smoothing_settings(entry), epsilon)
    except (SettingsError, OverflowError) as error:
        return f"its plan is impossible: {str(error).splitlines()[0]:.300}"
    for name, expected in plan.numbers().items():
        if not _agree(settings.pop(name, None), expected):
            return f"its plan does not follow from its settings: {name} should be {expected}"
    if settings:
        return f"its plan has no {next(iter(settings))!r:.100}"
    if dict(entry.alpha) != dict(plan.events):
        return f"alpha is {dict(entry.alpha)}, by its plan {dict(plan.events)}"
    return None


def smoothing_settings(entry: ViewEntry) -> SmoothingSettings:
    """The settings that a stated plan was made from. Raises SettingsError if there can be none."""
    chosen: dict[str, Any] = {
        name: entry.settings.get(name) for name in ("sigma", "n0", "n1", "n", "candidates")
    }
    alpha = math.fsum(entry.alpha.values())
    chosen |= {"statement": entry.statement.value, "alpha": alpha, "n1": chosen["n1"] or None}
    try:
        return SmoothingSettings(**chosen)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _agree(stated: object, expected: object) -> bool:
    """Counts agree exactly; what a special function computes, up to its last digits on another machine."""
    if isinstance(expected, float) and isinstance(stated, int | float):
        return math.isclose(stated, expected, rel_tol=1e-9)
    return type(stated) is type(expected) and stated == expected
