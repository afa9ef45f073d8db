"""What the reality check counted, in words and intervals."""

from __future__ import annotations

from shared_spec.artifacts.reality import Alike, RealityCheck
from shared_spec.population import percent, percent_down
from shared_spec.stats import clopper_pearson_lower, clopper_pearson_upper

__all__ = ["CONFIDENCE", "interval", "reality_lines"]

CONFIDENCE = 0.95
"""Of each interval by itself."""


def interval(found: Alike) -> str:
    """The share in per cent with its two-sided Clopper-Pearson interval, rounded outwards; empty for nobody.

    Guarantee: if the people were drawn independently from a population, the interval holds the share of that
    population with probability at least `CONFIDENCE` over the draw.
    """
    if not found.people:
        return ""
    tail = (1.0 - CONFIDENCE) / 2.0
    low = clopper_pearson_lower(found.alike, found.people, tail)
    high = clopper_pearson_upper(found.alike, found.people, tail)
    up = 100.0 - float(percent_down(1.0 - high))
    return f"{percent(found.alike / found.people)}% ({percent_down(low)} to {up:.1f})"


def reality_lines(check: RealityCheck) -> list[tuple[str, Alike]]:
    """The people whom a check counts, group by group."""
    groups = []
    for view in check.certified:
        groups.append((f"certified ({view} view)", check.certified[view]))
        groups.append((f"not certified ({view} view)", check.others(view)))
    return [*groups, ("all", check.everybody)]
