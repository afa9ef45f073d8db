"""What a bundle's bytes follow from, and the tensors of each of its shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from producer.counterparts import CounterpartRepresentations
from producer.views.registry import AnyView
from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.individuals import Cells, list_individuals
from shared_spec.chains import Similarity, own_latents
from shared_spec.device import to_host
from shared_spec.progress import Advance, onward
from shared_spec.relu_network import ReluNetwork

__all__ = ["BundleContents", "Shard", "SplitData"]


@dataclass(frozen=True)
class SplitData:
    """The individuals of one split that go into the bundle, or into a part of it.

    Attributes:
        sample_ids: n ids.
        latents: z [n, q] float32, or [n, 1 + v, q] along chains, memory-mapped or not.
        labels: class names [n] per label column that is shared.
        counterparts: those of the individuals, per attribute that the manifest names for this split.
        first: position of the first of them in the bundle's split, where a shard begins.
    """

    sample_ids: list[str]
    latents: npt.NDArray[np.float32]
    labels: Mapping[str, list[str]]
    counterparts: Sequence[CounterpartRepresentations] = ()
    first: int = 0


@dataclass(frozen=True)
class Shard:
    """`rows` individuals of a split from the `first` on, and the views in which they are bounded."""

    split: str
    number: int
    first: int
    rows: int
    views: tuple[AnyView, ...]

    @property
    def cost(self) -> int:
        """An order of the work per individual."""
        return sum(view.cost for view in self.views)


@dataclass(frozen=True)
class BundleContents:
    """Everything that a bundle's bytes follow from, or those of a part of it.

    Attributes:
        manifest: what the bundle will say but for its files; also the identity of this export.
        encoder: R, on the device that computes.
        similarity: S(x).
        views: in which to bound; the manifest's entry of each says for which splits.
        splits: the individuals; of a part those that are its own.
    """

    manifest: Manifest
    encoder: ReluNetwork
    similarity: Similarity
    views: tuple[AnyView, ...]
    splits: Mapping[str, SplitData]

    def shards(self) -> list[Shard]:
        """The partition, those that are the most work first, so that dealing them out in turn is fair."""
        most = self.manifest.shard_rows
        shards = [
            Shard(
                split, data.first // most + index, first,
                min(most, len(data.sample_ids) - first), self._bounding(split),
            )
            for split, data in self.splits.items()
            for index, first in enumerate(range(0, len(data.sample_ids), most))
        ]  # fmt: skip
        return sorted(shards, key=lambda shard: shard.cost, reverse=True)

    def _bounding(self, split: str) -> tuple[AnyView, ...]:
        entries = self.manifest.views
        return tuple(view for view in self.views if split in entries[view.name].splits)

    def individuals(self) -> Iterator[Cells]:
        """The rows of the table of individuals, shard by shard."""
        ids = {split: data.sample_ids for split, data in self.splits.items()}
        labels = {
            name: {split: data.labels[name] for split, data in self.splits.items()}
            for name in self.manifest.labels
        }
        firsts = {split: data.first for split, data in self.splits.items()}
        return list_individuals(ids, labels, self.manifest.shard_rows, firsts)

    def tensors(self, shard: Shard, advance: Advance, done: int) -> dict[str, Tensor]:
        """What a shard holds; `advance` is told of its individuals, view by view, from `done` on."""
        data = self.splits[shard.split]
        part = slice(shard.first, shard.first + shard.rows)
        # Copied into torch's own, aligned memory: the last bits of a matrix product depend on the alignment.
        latents = torch.from_numpy(np.array(data.latents[part])).clone()
        ids, seed = data.sample_ids[part], self.manifest.seed
        tensors: dict[str, Tensor] = {}
        for number, view in enumerate(shard.views):
            counted = onward(advance, done + number * shard.rows, view.name)
            bounds = view.bound(self.encoder, latents, ids, self.similarity, seed, counted)
            tensors |= bounds.tensors(view.name)
            if bounds.representation is not None:
                tensors["representation"] = bounds.representation
        if "representation" not in tensors:
            tensors["representation"] = to_host(self.encoder(own_latents(latents)).float())
        for known in data.counterparts:
            tensors |= known.tensors(self.encoder, part)
        return tensors
