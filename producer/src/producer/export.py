"""Export: from a trained encoder to reps/, shard by shard, so that nothing is lost when a run is killed.

The shards of a bundle are a fixed partition of its individuals and each depends on nothing but its own, so the bytes
are the same for one process or many, and a run that goes on after a kill only adds what is missing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from producer.model import Model
from producer.views.records import Views
from shared_spec.artifacts.atomic import partial_directory, publish_directory, write_atomically
from shared_spec.artifacts.bundle import load_bundle, save_shard, seal_bundle, shard_name
from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.individuals import format_individuals
from shared_spec.distributed import Workers
from shared_spec.errors import SettingsError
from shared_spec.similarity import SimilaritySet

__all__ = ["SHARD_ROWS", "SplitData", "export_bundle"]

SHARD_ROWS = 1024
"""Individuals per shard."""


@dataclass(frozen=True)
class SplitData:
    """The individuals of one split that go into the bundle.

    Attributes:
        sample_ids: n ids.
        latents: z [n, q] float32, memory-mapped or not.
        labels: class names [n] per label column that is shared.
    """

    sample_ids: list[str]
    latents: npt.NDArray[np.float32]
    labels: Mapping[str, list[str]]


def export_bundle(
    out: Path,
    manifest: Mapping[str, Any],
    model: Model,
    similarity: SimilaritySet,
    views: Views,
    splits: Mapping[str, SplitData],
    *,
    force: bool = False,
    workers: Workers | None = None,
    advance: Callable[[int], None] = lambda done: None,
) -> str:
    """Writes the bundle, or what is missing of it, and returns its content digest.

    Args:
        out: the directory to write; until it is complete it stands beside, under a name that no reader accepts.
        manifest: everything in `Manifest` but files and content digest: also the identity of this export. A directory
            or a half-finished export with another one is refused, naming what differs, unless `force` is on.
        model: the encoder.
        similarity: S(x).
        views: what to bound; for which splits, the manifest's entry of each view says.
        splits: the individuals.
        force: replace what stands there.
        workers: the processes that share the shards; all must call with the same arguments.
        advance: told how many more certified individuals are done.

    Raises:
        SettingsError: if `out` exists and was exported with other settings.
        LassiError: if the place cannot be written.
    """
    workers = workers or Workers()
    identity = json.loads(json.dumps(manifest))
    partial = partial_directory(out)
    if out.exists() and not force:
        existing = load_bundle(out).manifest
        _refuse_other(
            out, existing.model_dump(mode="json", exclude={"files", "content_digest"}), identity
        )
        if workers.first:
            _plan(out).unlink(missing_ok=True)
        return existing.content_digest
    workers.wait()
    if workers.first:
        _prepare(out, identity, force)
    workers.wait()
    _export_shards(partial, manifest, model, similarity, views, splits, workers, advance)
    workers.wait()
    digest = _publish(out, manifest, splits, force) if workers.first else ""
    workers.wait()
    return digest or load_bundle(out).digest


def _publish(
    out: Path, manifest: Mapping[str, Any], splits: Mapping[str, SplitData], force: bool
) -> str:
    """Seals the partial directory, all of whose shards are there, and gives it its name; returns the digest."""
    ids = {split: data.sample_ids for split, data in splits.items()}
    labels = {
        name: {split: data.labels[name] for split, data in splits.items()}
        for name in manifest["labels"]
    }
    individuals = format_individuals(ids, labels, manifest["shard_rows"])
    sealed = seal_bundle(partial_directory(out), individuals, Manifest.model_validate(manifest))
    publish_directory(out, force)
    _plan(out).unlink()
    return sealed.content_digest


def _plan(out: Path) -> Path:
    """Where an unfinished export of `out` says what it is; the partial directory itself is published as it stands."""
    return partial_directory(out).with_suffix(".json")


def _prepare(out: Path, identity: Mapping[str, Any], force: bool) -> None:
    """Leaves a partial directory that belongs to this export, keeping what an earlier run of it finished."""
    partial, plan = partial_directory(out), _plan(out)
    if partial.exists():
        if plan.exists() and not force:
            _refuse_other(partial, json.loads(plan.read_text()), identity)
            for litter in partial.glob(".*.partial"):
                litter.unlink()
            return
        shutil.rmtree(partial)
    write_atomically(plan, json.dumps(identity).encode())


def _refuse_other(where: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises SettingsError naming the first setting in which an earlier export differs."""
    for name in wanted:
        if name != "tool" and found.get(name) != wanted[name]:
            raise SettingsError(
                f"{where}: exported before with {name} {_short(found.get(name))}, now {_short(wanted[name])}; "
                "name another --out, or pass --force to replace it"
            )


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _export_shards(
    partial: Path,
    manifest: Mapping[str, Any],
    model: Model,
    similarity: SimilaritySet,
    views: Views,
    splits: Mapping[str, SplitData],
    workers: Workers,
    advance: Callable[[int], None],
) -> None:
    """Writes this process's share of the shards that are not there yet."""
    bounded = {
        split: views.only(
            [name for name, entry in manifest["views"].items() if split in entry["splits"]]
        )
        for split in splits
    }
    tasks = [
        (split, shard)
        for split, data in splits.items()
        for shard in range(-(-len(data.sample_ids) // manifest["shard_rows"]))
    ]
    # Bounded shards are the work; dealing them out in turn gives every process its share.
    tasks.sort(key=lambda task: bounded[task[0]].cost, reverse=True)
    for split, shard in tasks[workers.rank :: workers.world]:
        if not (partial / shard_name(split, shard)).exists():
            part = slice(shard * manifest["shard_rows"], (shard + 1) * manifest["shard_rows"])
            _export_shard(
                partial, manifest, split, shard, splits[split], part, model, similarity,
                bounded[split], manifest["seed"], advance,
            )  # fmt: skip


def _export_shard(
    folder: Path,
    manifest: Mapping[str, Any],
    split: str,
    shard: int,
    data: SplitData,
    part: slice,
    model: Model,
    similarity: SimilaritySet,
    views: Views,
    seed: int,
    advance: Callable[[int], None],
) -> None:
    # Copied into torch's own, aligned memory: the last bits of a matrix product depend on the alignment.
    latents = torch.from_numpy(np.array(data.latents[part])).clone()
    tensors = views.tensors(model.folded, latents, data.sample_ids[part], similarity, seed, advance)
    if "representation" not in tensors:
        tensors["representation"] = model.folded(latents).to(torch.float32)
    save_shard(folder, Manifest.model_validate(manifest), split, shard, tensors)
