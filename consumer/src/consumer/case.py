"""A case: whom to decide by which head. Every decision, claim and verification follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from consumer.decide import Bounds, Decisions, Draws, decide
from consumer.head import FrozenHead, Head
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.errors import DataError
from shared_spec.rng import Seed
from shared_spec.sampling import Sampling
from shared_spec.terms import RadiusMethod, Similar, Statement
from shared_spec.views import contract_of

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """The individuals of one split of a bundle, and a head.

    Attributes:
        bundle: what the producer states.
        split: whose individuals.
        head: C, trained.
        sampling: settings of the sampled methods.
        seed: root of the individuals' random streams.
    """

    bundle: Bundle
    split: str
    head: Head
    sampling: Sampling
    seed: Seed

    @property
    def config(self) -> HeadConfig:
        """The head's sizes, classes and noise."""
        return self.head.config

    @cached_property
    def frozen(self) -> FrozenHead:
        """The function that is certified."""
        return self.head.frozen()

    @property
    def draws(self) -> Draws:
        """Noise and streams of the sampled methods."""
        return Draws(self.config.sigma_rs, self.sampling, self.seed)

    @property
    def sample_ids(self) -> Sequence[str]:
        """Ids of the individuals, in the bundle's order."""
        return self.bundle.sample_ids(self.split)

    def bounds(self, view: str) -> Iterator[Bounds]:
        """What the bundle states about the individuals in one view, shard by shard.

        Raises:
            ArtifactError: for a malformed shard.
        """
        at_centre = contract_of(view).decides_at_centre
        spec, statement = self.bundle.manifest.spec, self.bundle.manifest.views[view].statement
        along = spec.similar == Similar.VECTORS and len(spec.attributes) == 1
        for found in self.bundle.shards(self.split):
            yield Bounds(
                points=found[f"{view}.centre" if at_centre else "representation"],
                centres=found[f"{view}.centre"],
                radii=found[f"{view}.radius"],
                status=found[f"{view}.status"],
                tube=found.get(f"{view}.tube"),
                affine=found.get(f"{view}.affine"),
                delta=found.get(f"{view}.delta"),
                place=found.get(f"{view}.place"),
                epsilon=spec.epsilon if statement == Statement.X else None,
                along_vector=along,
            )

    def decide(
        self, view: str, methods: Sequence[RadiusMethod]
    ) -> tuple[list[Decisions], npt.NDArray[np.float64]]:
        """Decides all individuals by each method, holding one shard at a time; also returns their d_cs [n].

        Raises:
            DataError: if there is nobody to decide.
        """
        parts: list[list[Decisions]] = [[] for _ in methods]
        radii = []
        ids, start = self.sample_ids, 0
        for shard in self.bounds(view):
            end = start + len(shard.radii)
            radii.append(shard.radii.numpy())
            for method, found in zip(methods, parts, strict=True):
                found.append(decide(self.frozen, shard, method, self.draws, ids[start:end]))
            start = end
        if not radii:
            raise DataError("the bundle certifies no individual; ask the producer to export some")
        return [Decisions.join(found) for found in parts], np.concatenate(radii)
