"""How the decisions on true counterparts compare with the certificates: counted beside them, and proved by nobody.

A certificate speaks of the similarity set; a counterpart is the person whom that set was meant to hold, drawn,
rendered, edited or photographed by whoever made the data. Where both are known, this is what a certificate is worth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.reality import Alike, RealityCheck
from shared_spec.artifacts.rows import Rows
from shared_spec.artifacts.shards import COUNTERPART, OWNER
from shared_spec.frozen_head import FrozenHead
from shared_spec.terms import Status

__all__ = ["Comparison"]


class Comparison:
    """Compares the head's decision at each individual's R(x) with those at all of its counterparts, shard by shard.

    Args:
        bundle: who has counterparts.
        split: whose individuals.
        head: the certified function.
    """

    def __init__(self, bundle: Bundle, split: str, head: FrozenHead) -> None:
        self._head = head
        self._counts = {name: _Counts() for name in bundle.manifest.counterparts_of(split)}

    def add(self, tensors: Mapping[str, Tensor], rows: Iterable[tuple[Hashable, Rows]]) -> None:
        """One shard, and its individuals' rows per set of certificates, each under a key of its own."""
        if not self._counts:
            return
        own = self._head.predict(tensors["representation"]).numpy()
        certified = {
            key: np.array([status == Status.CERTIFIED for status in found.status], dtype=bool)
            for key, found in rows
        }
        for attribute, counts in self._counts.items():
            if COUNTERPART.format(attribute) not in tensors:
                continue
            owner = tensors[OWNER.format(attribute)].numpy()
            found = self._head.predict(tensors[COUNTERPART.format(attribute)]).numpy()
            has = np.bincount(owner, minlength=len(own)) > 0
            differs = np.bincount(owner, weights=found != own[owner], minlength=len(own))
            alike = has & (differs == 0)
            counts.images += len(owner)
            for key, mine in [(_EVERYBODY, np.ones_like(has)), *certified.items()]:
                counts.people[key] += int((has & mine).sum())
                counts.alike[key] += int((alike & mine).sum())

    def checks(self, certified: Mapping[str, Hashable]) -> tuple[RealityCheck, ...]:
        """What was counted, per attribute.

        Args:
            certified: per view the key of the certificates that it issues.
        """
        return tuple(
            RealityCheck(
                attribute=attribute,
                counterparts=counts.images,
                everybody=counts.of(_EVERYBODY),
                certified={view: counts.of(key) for view, key in certified.items()},
            )
            for attribute, counts in self._counts.items()
        )


_EVERYBODY = None
"""The key of all who have counterparts, certified or not."""


@dataclass
class _Counts:
    """Of one attribute: counterparts, the people who have some, and those who get the decision of all of theirs."""

    images: int = 0
    people: Counter[Hashable] = field(default_factory=Counter)
    alike: Counter[Hashable] = field(default_factory=Counter)

    def of(self, key: Hashable) -> Alike:
        return Alike(people=self.people[key], alike=self.alike[key])
