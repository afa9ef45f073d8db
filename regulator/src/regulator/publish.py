"""Publication: from a trained flow and attribute vectors to spec.safetensors, through the gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from regulator.coverage import measure_coverage
from regulator.effects import Effects, measure_effects
from regulator.known_truth import KnownTruth
from regulator.quality import INVERSION_THRESHOLD, flow_quality, require_invertible
from shared_spec.artifacts.document import DataEntry, this_tool
from shared_spec.artifacts.quality import CoverageEntry, EffectsEntry, Quality
from shared_spec.artifacts.spec import AttributeEntry, SpecDocument, save_spec
from shared_spec.data.source import Source
from shared_spec.flow import Glow
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet

__all__ = ["HELD_OUT", "Study", "data_entry", "held_out_images", "publish", "study_vectors"]

HELD_OUT = 512
"""Validation images behind the quality report, at most."""


@dataclass(frozen=True)
class Study:
    """What was measured of the vectors beyond the gate."""

    effects: EffectsEntry
    coverage: tuple[CoverageEntry, ...]


def study_vectors(
    data: Effects,
    similarity: SimilaritySet,
    names: Sequence[str],
    columns: Sequence[str],
    individuals: int = 32,
    advance: Callable[[int, str, int], None] = lambda done, word, total: None,
) -> Study:
    """Measures what each vector does to `columns` and, where the data set knows the truth, what S(x) covers of it.

    Args:
        data: source, flow and latents.
        similarity: vectors [k, q] and epsilon.
        names: the vectors' names.
        columns: the label columns that are read.
        individuals: test individuals whose truly similar ones are looked at.
        advance: told how many units are done, a word, and how many there are.

    Raises:
        DataError: a column is unknown or one of its groups is empty.
    """
    effects = measure_effects(data, similarity, names, columns, advance)
    coverage: tuple[CoverageEntry, ...] = ()
    known = [name for name in names if name.split(":")[0] in data.source.classes]
    if isinstance(data.source, KnownTruth) and known:
        rows = np.linspace(0, len(data.source.sample_ids("test")) - 1, individuals).astype(np.int64)
        report = measure_coverage(
            data.source,
            "test",
            np.unique(rows),
            data.flow,
            similarity,
            known,
            examples=0,
            advance=advance,
        )
        coverage = report.table
    return Study(effects, coverage)


def data_entry(source: Source) -> DataEntry:
    """How artefacts name the data that they were computed from."""
    return DataEntry(uri=source.uri, size=source.size, digest=source.digest())


def held_out_images(source: Source, count: int = HELD_OUT) -> Tensor:
    """At most `count` images of the validation split, evenly spread, [n, 3, S, S] uint8."""
    rows = np.arange(len(source.sample_ids("valid")))
    step = max(1, len(rows) // count)
    return torch.from_numpy(source.images("valid", rows[::step][:count]))


def publish(
    path: Path,
    flow: Glow,
    flow_digest: str,
    source: Source,
    entries: Sequence[AttributeEntry],
    vectors: Tensor,
    epsilon: float,
    seed: int,
    threshold: float = INVERSION_THRESHOLD,
    study: Study | None = None,
) -> SpecDocument:
    """Measures the flow's quality on held-out images and, if it passes the gate, writes the spec.

    Args:
        path: where spec.safetensors goes.
        flow: G, trained.
        flow_digest: content digest of its flow file.
        source: data set that the flow and the vectors were computed from.
        entries: what is said of each vector.
        vectors: a_1 ... a_k [k, q].
        epsilon: radius of the ball of coefficients.
        seed: of the noise in the measurements.
        threshold: largest inversion error that is published.
        study: what the vectors do and miss, if it was measured.

    Returns:
        The document that was written, content digest included.

    Raises:
        ArtifactError: the flow was never initialised, is not finite, or does not invert.
        SettingsError: epsilon is not positive, or a vector is zero.
    """
    similarity = SimilaritySet(vectors.to(torch.float32), epsilon)
    images = held_out_images(source)
    measured = flow_quality(flow, images, torch_generator(seed, "regulator.quality"), similarity)
    require_invertible(measured, threshold)
    document = SpecDocument(
        flow=flow.config,
        flow_digest=flow_digest,
        epsilon=epsilon,
        attributes=tuple(entries),
        data=data_entry(source),
        quality=Quality(
            images=measured.images,
            bits_per_dim=measured.bits_per_dim,
            in_distribution=measured.in_distribution,
            out_of_distribution=measured.out_of_distribution,
            threshold=threshold,
            effects=study.effects if study else None,
            coverage=study.coverage if study else (),
        ),
        tool=this_tool("lassi-regulator"),
        seed=seed,
    )
    digest = save_spec(path, document, flow, similarity.vectors)
    return document.model_copy(update={"content_digest": digest})
