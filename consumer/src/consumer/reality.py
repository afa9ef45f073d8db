"""How the decisions on true counterparts compare with the certificates: counted beside them, and proved by nobody.

A certificate speaks of the similarity set; a counterpart is the person whom that set was meant to hold, drawn,
rendered, edited or photographed by whoever made the data. Where both are known, this is what a certificate is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from consumer.case import Case
from consumer.population import percent_down
from shared_spec.artifacts.reality import Alike, RealityCheck
from shared_spec.artifacts.rows import Row
from shared_spec.stats import clopper_pearson_lower, clopper_pearson_upper
from shared_spec.terms import Status

__all__ = ["CONFIDENCE", "check_reality", "interval", "reality_lines"]

CONFIDENCE = 0.95
"""Of each interval by itself."""


def check_reality(case: Case, rows: Mapping[str, Sequence[Row]]) -> tuple[RealityCheck, ...]:
    """Compares the head's decision at each individual's R(x) with those at all of its counterparts.

    Args:
        case: the individuals and the head.
        rows: per view, in the order of the individuals, who is certified.

    Raises:
        ArtifactError: for a malformed shard.
    """
    known = case.bundle.counterparts(case.split)
    if not known:
        return ()
    own = case.frozen.predict(
        case.bundle.gather(case.split, ["representation"])["representation"]
    ).numpy()
    certified = {
        view: np.array([row.status == Status.CERTIFIED for row in found])
        for view, found in rows.items()
    }
    checks = []
    for name, (points, owners) in known.items():
        owner = owners.numpy()
        differs = case.frozen.predict(points).numpy() != own[owner]
        has = np.bincount(owner, minlength=len(own)) > 0
        alike = has & (np.bincount(owner, weights=differs, minlength=len(own)) == 0)
        checks.append(
            RealityCheck(
                attribute=name,
                counterparts=len(owner),
                everybody=_count(has, alike),
                certified={view: _count(has & mine, alike) for view, mine in certified.items()},
            )
        )
    return tuple(checks)


def _count(people: npt.NDArray[np.bool_], alike: npt.NDArray[np.bool_]) -> Alike:
    return Alike(people=int(people.sum()), alike=int((people & alike).sum()))


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
    return f"{100 * found.alike / found.people:.1f}% ({percent_down(low)} to {up:.1f})"


def reality_lines(check: RealityCheck) -> list[tuple[str, Alike]]:
    """The people whom a check counts, group by group."""
    groups = []
    for view in check.certified:
        groups.append((f"certified ({view} view)", check.certified[view]))
        groups.append((f"not certified ({view} view)", check.others(view)))
    return [*groups, ("all", check.everybody)]
