"""`publish_spec`: from a flow and attributes to spec.safetensors, through the gate."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.flow.file import FlowFile, load_flow
from regulator.flow.gate import flow_quality, require_invertible
from regulator.flow.settings import FlowSettings
from regulator.study.effects import EffectSettings
from regulator.study.known_truth import KnownTruth
from regulator.study.vectors import columns_to_read, study_chains, study_vectors
from regulator.train import train_flow
from regulator.vectors.counterparts import known_chains
from regulator.vectors.edits import mean_image_edits
from regulator.vectors.methods import check_request, check_use, compute_vectors
from regulator.vectors.request import Encoded, VectorRequest
from regulator.vectors.settings import VectorSettings
from shared_spec.artifacts.atomic import refuse_existing, require_writable
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.kinds import SPEC
from shared_spec.artifacts.quality import Quality
from shared_spec.artifacts.spec import Spec, load_spec, save_spec
from shared_spec.artifacts.spec_documents import (
    CounterpartSpecDocument,
    EditSpecDocument,
    VectorSpecDocument,
)
from shared_spec.chains import ChainSet, EditChains, Similarity
from shared_spec.counterpart_chains import CounterpartChains
from shared_spec.data import Source, open_source
from shared_spec.device import open_device
from shared_spec.distributed import join_workers
from shared_spec.errors import ArtifactError, DataError
from shared_spec.flow import Glow
from shared_spec.interruption import kept
from shared_spec.latents import (
    ENCODE_BATCH,
    cache_folder,
    data_entry,
    encode_split,
    evenly_spread,
    selected_rows,
)
from shared_spec.progress import Report, remark, silent, stage
from shared_spec.rng import torch_generator
from shared_spec.seeds import Seed
from shared_spec.similarity import SimilaritySet
from shared_spec.terms import Similar

__all__ = ["publish_spec"]

_KEPT = "a trained flow and the images encoded so far are kept; the same command goes on from there"

_HELD_OUT = 512
"""Validation images behind the quality report, at most."""

_TOGETHER = 16
"""Individuals whose chains are held at once."""


def publish_spec(
    data: str | Source,
    attributes: Sequence[str],
    out: Path | str,
    *,
    flow: FlowSettings | FlowFile | Path | str | None = None,
    vectors: VectorSettings | None = None,
    study: Sequence[str] = (),
    seed: Seed = 0,
    device: str = "cpu",
    cache: Path | None = None,
    force: bool = False,
    report: Report = silent,
) -> Spec:
    """Publishes who is similar to whom: the flow, one vector per attribute, and epsilon.

    The flow must pass the publication gate: initialised, finite, and inverting well on held-out images and on noise.
    All that can be refused by settings and labels alone is refused before a flow is trained or an image is encoded.

    Args:
        data: the data set, as `open_source` takes it.
        attributes: `NAME`, a binary column, or `NAME:BEGIN:END`, two classes of a column, one vector each; none for a
            method that discovers its own.
        out: spec.safetensors to write.
        flow: a flow that `train_flow` returned or wrote, or how one is trained now and kept beside `out`, as
            `NAME.flow.safetensors`; the preset `demo` unless given.
        vectors: the method, epsilon and what else may be chosen; mean differences unless given.
        study: columns on which the vectors' effects are measured, beside their own; along edits the coverage alone.
        seed: of the flow's training and of every other draw.
        device: `cpu` or `cuda[:N]`: trains the flow, encodes and decodes.
        cache: folder of the latent cache; `$LASSI_CACHE` or ~/.cache/lassi unless given.
        force: replace what stands at `out`.
        report: told how far the work is.

    Raises:
        SettingsError: `out` exists, there is no such device, or settings and attributes do not go together or would do
            nothing.
        DataError: a column is unknown, a group is empty, nothing distinguishes two groups, or an image is unreadable.
        ArtifactError: the flow file is damaged, the flow does not pass the gate, or another flow is kept beside `out`.
    """
    out, vectors = Path(out), vectors or VectorSettings()
    refuse_existing(out, force, kind=SPEC, inputs=(flow,))
    require_writable(cache_folder(cache) / "latents")
    check_use(vectors, studied=bool(study))
    place = open_device(device)
    flow = FlowSettings.preset() if flow is None else flow
    wanted = flow if isinstance(flow, FlowSettings) else load_flow(flow)
    config = wanted.document.flow if isinstance(wanted, FlowFile) else wanted.architecture
    source = open_source(data, config.size)
    check_request(source, attributes, vectors)
    read = columns_to_read(source, attributes, study)
    for split in ("train", "valid", *(["test"] if read else [])):
        selected_rows(source, split)
    if read and isinstance(source, KnownTruth) and len(source.sample_ids("test")) < 2:
        raise DataError(
            f"{source.uri}: `study` needs two individuals of test; use more data or leave it out"
        )
    with join_workers(place) as workers, kept(lambda: _KEPT):
        if isinstance(wanted, FlowSettings):
            beside = out.with_name(f"{out.stem}.flow.safetensors")
            wanted = _trained(beside, wanted, source, seed, device, report)
        elif source.digest() != wanted.document.data.digest:
            remark(report, f"note: the flow was trained on other data ({wanted.document.data.uri})")
        if workers.first:
            # A copy: the flow that was given stays where it lies.
            file = replace(wanted, flow=copy.deepcopy(wanted.flow).to(place))
            if vectors.similar != Similar.VECTORS:
                _publish_chains(out, file, source, tuple(attributes), vectors, read, seed, report)
            else:
                encoded = _encode(file.flow, source, cache, report)
                request = VectorRequest(encoded, tuple(attributes), vectors, seed, report=report)
                _publish(out, file.document.content_digest, request, read)
        workers.wait()
    return load_spec(out)


def _trained(
    path: Path, flow: FlowSettings, source: Source, seed: Seed, device: str, report: Report
) -> FlowFile:
    """The flow at `path`, trained now unless it was before. Raises ArtifactError if another flow stands there."""
    if not path.exists():
        return train_flow(source, path, flow=flow, seed=seed, device=device, report=report)
    file = load_flow(path)
    found = (file.document.flow, file.document.training, file.document.data, file.document.seed)
    if found != (flow.architecture, flow.training, data_entry(source), seed):
        raise ArtifactError(
            f"{path}: trained with other settings or data; pass it as `flow`, or move it away"
        )
    remark(report, f"using {path}, trained before with the same settings")
    return file


def _encode(flow: Glow, source: Source, cache: Path | None, report: Report) -> Encoded:
    """The latents of the splits from which vectors are computed."""
    latents = {}
    for split in ("train", "valid"):
        batches = -(-len(source.sample_ids(split)) // ENCODE_BATCH)
        advance = stage(report, f"encoding {split} (batches)", batches)
        latents[split] = encode_split(
            flow, source, split, cache=cache_folder(cache), advance=advance
        )
    return Encoded(source, flow, latents["train"], latents["valid"])


def _publish(out: Path, flow_digest: str, request: VectorRequest, read: Sequence[str]) -> None:
    """Finds the vectors, measures them and the flow, and writes the spec if the flow passes the gate."""
    data, settings, seed = request.data, request.settings, request.seed
    found = compute_vectors(request)
    stacked = torch.stack([vector.vector for vector in found]).to(torch.float32)
    similarity = SimilaritySet(stacked, settings.radius)
    names = [vector.name for vector in found]
    quality = _quality(data.source, data.flow, similarity, seed)
    if read:
        quality = study_vectors(
            quality,
            data,
            similarity,
            names,
            read,
            seed=seed,
            settings=EffectSettings(epochs=settings.boundary_epochs),
            report=request.report,
        )
    document = VectorSpecDocument(
        flow=data.flow.config,
        flow_digest=flow_digest,
        epsilon=settings.radius,
        attributes=tuple(vector.entry(settings) for vector in found),
        data=data_entry(data.source),
        quality=quality,
        tool=this_tool("lassi-regulator"),
        seed=seed,
    )
    save_spec(out, document, data.flow, similarity.vectors)


def _publish_chains(
    out: Path,
    file: FlowFile,
    source: Source,
    attributes: tuple[str, ...],
    settings: VectorSettings,
    read: Sequence[str],
    seed: Seed,
    report: Report,
) -> None:
    """Finds edits or counterparts, measures the flow and, if columns are studied, the coverage, and writes the spec."""
    about: dict[str, Any] = {
        "flow": file.document.flow,
        "flow_digest": file.document.content_digest,
        "data": data_entry(source),
        "tool": this_tool("lassi-regulator"),
        "seed": seed,
    }
    if settings.similar == Similar.COUNTERPARTS:
        entries, length = known_chains(source, attributes, report)
        known = CounterpartChains(attributes, length, source.size)
        quality = _quality(source, file.flow, known, seed)
        document = CounterpartSpecDocument(
            **about, epsilon=1.0, length=length, attributes=entries, quality=quality
        )
        save_spec(out, document, file.flow, None)
        return
    edits, described = mean_image_edits(source, attributes, settings.adjust_for, report)
    chains = EditChains(edits, settings.moves)
    quality = _quality(source, file.flow, chains, seed)
    if read:
        quality = study_chains(quality, source, file.flow, chains, attributes, report=report)
    edited = EditSpecDocument(
        **about,
        epsilon=chains.epsilon,
        steps=chains.steps,
        attributes=tuple(described),
        quality=quality,
    )
    save_spec(out, edited, file.flow, edits)


def _quality(source: Source, flow: Glow, similarity: Similarity, seed: Seed) -> Quality:
    """What the gate measured, on evenly spread validation images. Raises ArtifactError unless the flow passes."""
    rows = evenly_spread(len(source.sample_ids("valid")), _HELD_OUT)
    images = torch.from_numpy(source.images("valid", rows))
    similar = (
        similarity if isinstance(similarity, SimilaritySet) else _ends(source, rows, similarity)
    )
    measured = flow_quality(flow, images, torch_generator(seed, "regulator.quality"), similar)
    require_invertible(measured)
    return measured


def _ends(source: Source, rows: npt.NDArray[np.int64], chains: ChainSet) -> Tensor:
    """Both ends of a chain of each of these validation individuals [2 n, 3, S, S], who take turns with the chains.

    The ends are the least like the images that the flow was trained on. Of many edits together there are more chains
    than one would hold in memory at once.
    """
    ends = chains.visits[:, [0, -1]].tolist()
    found = []
    for start in range(0, len(rows), _TOGETHER):
        images = chains.images_of(source, "valid", rows[start : start + _TOGETHER])
        found += [each[ends[who % len(ends)]] for who, each in enumerate(images, start)]
    return torch.from_numpy(np.concatenate(found))
