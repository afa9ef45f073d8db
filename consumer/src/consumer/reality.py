"""How the decisions on true counterparts compare with the certificates: counted beside them, and proved by nobody.

A certificate speaks of the similarity set; a counterpart is the person whom that set was meant to hold, drawn,
rendered, edited or photographed by whoever made the data. Where both are known, this is what a certificate is worth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from torch import Tensor

from consumer.head import FrozenHead
from consumer.population import percent_down
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.reality import Alike, RealityCheck
from shared_spec.artifacts.rows import Row
from shared_spec.artifacts.shards import COUNTERPART, OWNER
from shared_spec.errors import ArtifactError
from shared_spec.stats import clopper_pearson_lower, clopper_pearson_upper
from shared_spec.terms import RadiusMethod, Status

__all__ = ["CONFIDENCE", "Comparison", "interval", "name_kept", "reality_lines"]

CONFIDENCE = 0.95
"""Of each interval by itself."""


class Comparison:
    """Compares the head's decision at each individual's R(x) with those at all of its counterparts, shard by shard.

    Args:
        bundle: who has counterparts.
        split: whose individuals.
        head: the certified function.
        names: of the sets of certificates that are compared.
    """

    def __init__(self, bundle: Bundle, split: str, head: FrozenHead, names: Iterable[str]) -> None:
        self._head, self._names = head, list(names)
        self._counts: dict[str, Counter[str]] = {
            name: Counter()
            for name, splits in bundle.manifest.counterparts.items()
            if split in splits
        }

    def add(self, tensors: Mapping[str, Tensor], rows: Mapping[str, Sequence[Row]]) -> None:
        """One shard, and per name its individuals' rows."""
        if not self._counts:
            return
        own = self._head.predict(tensors["representation"]).numpy()
        certified = {
            name: np.array([row.status == Status.CERTIFIED for row in found], dtype=bool)
            for name, found in rows.items()
        }
        for attribute, counts in self._counts.items():
            if COUNTERPART.format(attribute) not in tensors:
                continue
            owner = tensors[OWNER.format(attribute)].numpy()
            found = self._head.predict(tensors[COUNTERPART.format(attribute)]).numpy()
            has = np.bincount(owner, minlength=len(own)) > 0
            differs = np.bincount(owner, weights=found != own[owner], minlength=len(own))
            alike = has & (differs == 0)
            counts.update({_IMAGES: len(owner), _EVERYBODY: int(has.sum())})
            counts.update({_ALIKE + _EVERYBODY: int(alike.sum())})
            for name, mine in certified.items():
                counts[name] += int((has & mine).sum())
                counts[_ALIKE + name] += int((alike & mine).sum())

    def checks(self) -> tuple[RealityCheck, ...]:
        """What was counted, per attribute.

        Raises:
            ArtifactError: no shard held counterparts of which the manifest speaks.
        """
        for attribute, counts in self._counts.items():
            if not counts[_IMAGES]:
                raise ArtifactError(
                    f"no shard holds counterparts in {attribute}, of which the manifest speaks; trust none of it"
                )
        return tuple(
            RealityCheck(
                attribute=attribute,
                counterparts=counts[_IMAGES],
                everybody=_alike(counts, _EVERYBODY),
                certified={name: _alike(counts, name) for name in self._names},
            )
            for attribute, counts in self._counts.items()
        )


def name_kept(
    checks: Iterable[RealityCheck], kept: Mapping[str, RadiusMethod]
) -> tuple[RealityCheck, ...]:
    """The checks for certificates: of the sets `VIEW METHOD` those of the methods that were kept, by view."""
    return tuple(
        check.model_copy(
            update={
                "certified": {
                    view: check.certified[f"{view} {method}"] for view, method in kept.items()
                }
            }
        )
        for check in checks
    )


_IMAGES, _EVERYBODY, _ALIKE = "/images", "/everybody", "/alike "
"""Keys that are no names of views."""


def _alike(counts: Counter[str], name: str) -> Alike:
    return Alike(people=counts[name], alike=counts[_ALIKE + name])


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
