"""Writing a bundle, shard by shard, so that nothing is lost when a run is killed.

The shards of a bundle are a fixed partition of its individuals and each depends on nothing but its own, so the bytes
are the same for one process or many, and a run that goes on after a kill only adds what is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from producer.counterparts import CounterpartRepresentations
from producer.identity import refuse_other
from producer.views.registry import AnyView
from shared_spec.artifacts.atomic import (
    partial_directory,
    publish_directory,
    write_atomically,
)
from shared_spec.artifacts.bundle import Bundle, load_bundle, save_shard, seal_bundle, shard_name
from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.canonical import canonical_json, parse_json
from shared_spec.artifacts.document import parse_document
from shared_spec.artifacts.individuals import format_individuals
from shared_spec.artifacts.kinds import BUNDLE
from shared_spec.chains import Similarity, own_latents
from shared_spec.distributed import Workers
from shared_spec.errors import ArtifactError
from shared_spec.progress import Advance, Report, onward, remark, silent, stage
from shared_spec.relu_network import ReluNetwork

__all__ = ["BundleContents", "SplitData", "refuse_other_bundle", "write_bundle"]


@dataclass(frozen=True)
class SplitData:
    """The individuals of one split that go into the bundle.

    Attributes:
        sample_ids: n ids.
        latents: z [n, q] float32, or [n, 1 + v, q] along chains, memory-mapped or not.
        labels: class names [n] per label column that is shared.
        counterparts: those of the individuals, per attribute that the manifest names for this split.
    """

    sample_ids: list[str]
    latents: npt.NDArray[np.float32]
    labels: Mapping[str, list[str]]
    counterparts: Sequence[CounterpartRepresentations] = ()


@dataclass(frozen=True)
class BundleContents:
    """Everything that a bundle's bytes follow from.

    Attributes:
        manifest: what the bundle will say but for its files; also the identity of this export.
        encoder: R.
        similarity: S(x).
        views: in which to bound; the manifest's entry of each says for which splits.
        splits: the individuals.
    """

    manifest: Manifest
    encoder: ReluNetwork
    similarity: Similarity
    views: tuple[AnyView, ...]
    splits: Mapping[str, SplitData]

    def shards(self) -> list[_Shard]:
        """The partition, those that are the most work first, so that dealing them out in turn is fair."""
        most = self.manifest.shard_rows
        shards = [
            _Shard(
                split, number, first, min(most, len(data.sample_ids) - first), self._bounding(split)
            )
            for split, data in self.splits.items()
            for number, first in enumerate(range(0, len(data.sample_ids), most))
        ]
        return sorted(shards, key=lambda shard: shard.cost, reverse=True)

    def _bounding(self, split: str) -> tuple[AnyView, ...]:
        entries = self.manifest.views
        return tuple(view for view in self.views if split in entries[view.name].splits)

    def individuals(self) -> Iterator[bytes]:
        """The bytes of individuals.csv, piece by piece."""
        ids = {split: data.sample_ids for split, data in self.splits.items()}
        labels = {
            name: {split: data.labels[name] for split, data in self.splits.items()}
            for name in self.manifest.labels
        }
        return format_individuals(ids, labels, self.manifest.shard_rows)


@dataclass(frozen=True)
class _Shard:
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


def refuse_other_bundle(
    out: Path, manifest: Manifest, force: bool, apart_from: Collection[str] = ()
) -> None:
    """Raises SettingsError if `out` was exported, or its export begun, with other settings and `force` is off.

    Which release finished a bundle does not matter. One that is continued must be the work of one release, since
    another may compute other last bits.
    """
    if force:
        return
    apart = {"files", "content_digest", *apart_from}
    if out.exists():
        refuse_other(out, "exported", load_bundle(out).manifest, manifest, {"tool", *apart})
    elif (begun := _begun(out)) is not None:
        where = partial_directory(out)
        refuse_other(where, "exported", begun.tool, manifest.tool)
        refuse_other(where, "exported", begun, manifest, apart)


def write_bundle(
    out: Path,
    contents: BundleContents,
    force: bool = False,
    workers: Workers | None = None,
    report: Report = silent,
) -> Bundle:
    """Writes the bundle, or what is missing of it.

    Args:
        out: the directory to write; until it is complete it stands beside, under a name that no reader accepts.
        contents: what to write.
        force: replace what stands there.
        workers: the processes that share the shards; all must call with the same arguments.
        report: told how many individuals this process has bounded, in one view after the other.

    Raises:
        SettingsError: if `out` was exported, or its export begun, with other settings.
        LassiError: if the place cannot be written.
    """
    workers = workers or Workers()
    refuse_other_bundle(out, contents.manifest, force)
    there = out.exists() and not force
    if there:
        remark(report, f"using {out}, exported before with the same settings")
    workers.wait()
    if not there:
        partial = partial_directory(out)
        if workers.first:
            _prepare(out, contents.manifest)
        workers.wait()
        _write_shards(partial, contents, workers, report)
        workers.wait()
        if workers.first:
            seal_bundle(partial, contents.individuals(), contents.manifest)
            publish_directory(out, force, BUNDLE)
    if workers.first and not partial_directory(out).exists():
        _plan(out).unlink(missing_ok=True)
    workers.wait()
    return load_bundle(out)


def _plan(out: Path) -> Path:
    """Where an unfinished export of `out` says what it is; the partial directory itself is published as it stands."""
    return partial_directory(out).with_suffix(".json")


def _begun(out: Path) -> Manifest | None:
    """What an export of `out` that was cut off would have said."""
    plan = _plan(out)
    if not (plan.exists() and partial_directory(out).exists()):
        return None
    return parse_document(Manifest, parse_json(plan.read_bytes(), str(plan)), str(plan))


def _prepare(out: Path, manifest: Manifest) -> None:
    """Leaves a partial directory that belongs to this export, keeping what an earlier run of it finished."""
    partial = partial_directory(out)
    if partial.is_symlink():
        partial.unlink()
    try:
        same = _begun(out) == manifest
    except ArtifactError:
        same = False
    if same:
        for litter in partial.glob(".*.partial"):
            litter.unlink()
        return
    shutil.rmtree(partial, ignore_errors=True)
    write_atomically(_plan(out), canonical_json(manifest.model_dump(mode="json")))


def _write_shards(folder: Path, contents: BundleContents, workers: Workers, report: Report) -> None:
    """Writes this process's share of the shards that are not there yet."""
    shards = [
        shard
        for shard in contents.shards()[workers.rank :: workers.world]
        if not (folder / shard_name(shard.split, shard.number)).exists()
    ]
    total = sum(shard.rows * len(shard.views) for shard in shards)
    advance = stage(report, "bounding similarity sets", total)
    done = 0
    for shard in shards:
        tensors = _shard_tensors(contents, shard, advance, done)
        save_shard(folder, contents.manifest, shard.split, shard.number, tensors)
        done += shard.rows * len(shard.views)


def _shard_tensors(
    contents: BundleContents, shard: _Shard, advance: Advance, done: int
) -> dict[str, Tensor]:
    data = contents.splits[shard.split]
    part = slice(shard.first, shard.first + shard.rows)
    # Copied into torch's own, aligned memory: the last bits of a matrix product depend on the alignment.
    latents = torch.from_numpy(np.array(data.latents[part])).clone()
    encoder, similarity, seed = contents.encoder, contents.similarity, contents.manifest.seed
    tensors: dict[str, Tensor] = {}
    for number, view in enumerate(shard.views):
        counted = onward(advance, done + number * shard.rows, view.name)
        bounds = view.bound(encoder, latents, data.sample_ids[part], similarity, seed, counted)
        tensors |= bounds.tensors(view.name)
        if bounds.representation is not None:
            tensors["representation"] = bounds.representation
    if "representation" not in tensors:
        tensors["representation"] = encoder(own_latents(latents)).to(torch.float32)
    for known in data.counterparts:
        tensors |= known.tensors(encoder, part)
    return tensors
