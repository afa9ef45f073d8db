"""What a vector does to other attributes: does moving along Pale_Skin move Smiling?

Two readers, so that neither has to be believed alone. A linear probe per column sees latents, and its answer along a
vector is a closed form. A convolutional network sees decoded images; where a data set knows its true factors
(portraits), it was taught those, and so recovers the true factor from the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.recogniser import Recogniser, RecogniserSettings, train_recogniser
from regulator.vectors.groups import find_groups
from regulator.vectors.linear_boundary import Boundary, fit_column
from regulator.vectors.request import Encoded
from shared_spec.artifacts.quality import EffectEntry, EffectsEntry, ReaderEntry
from shared_spec.data.source import Source
from shared_spec.flow import Glow, preprocess
from shared_spec.flow.images import decode_pixels
from shared_spec.latents import evenly_spread
from shared_spec.progress import Report, silent, stage
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.seeds import Seed
from shared_spec.similarity import SimilaritySet

__all__ = [
    "EffectSettings",
    "KnownFactors",
    "column_targets",
    "decoded_readings",
    "measure_effects",
    "probe_effect",
]

_BATCH = 256


@runtime_checkable
class KnownFactors(Protocol):
    """A source that knows the continuous factor behind a label column of the same name."""

    def factors(self, split: str) -> dict[str, npt.NDArray[np.float64]]:
        """Per factor its values [n] in [0, 1]."""


@dataclass(frozen=True)
class EffectSettings:
    """How effects are measured.

    Attributes:
        individuals: how many of the split valid are moved, at most, evenly spread.
        points: points per individual and vector.
        epochs: passes per linear probe.
        recogniser: how the image reader is trained.
    """

    individuals: int = 256
    points: int = 7
    epochs: int = 3
    recogniser: RecogniserSettings = field(default_factory=RecogniserSettings)


def measure_effects(
    data: Encoded,
    similarity: SimilaritySet,
    names: Sequence[str],
    columns: Sequence[str],
    seed: Seed = 0,
    settings: EffectSettings | None = None,
    report: Report = silent,
) -> EffectsEntry:
    """Trains the readers and moves held-out individuals along every vector, one at a time, from -epsilon to epsilon.

    Args:
        data: labels, images and latents.
        similarity: vectors [k, q] and epsilon.
        names: the vectors' names, k.
        columns: `NAME` or `NAME:BEGIN:END`, the columns that are read.
        seed: of every draw.
        settings: how; defaults unless given.
        report: told what is done.

    Raises:
        DataError: a column is unknown, or one of its groups is empty.
    """
    settings = settings or EffectSettings()
    reader = _reader(data, columns, seed, settings.recogniser, report)
    advance = stage(report, "studying the vectors", len(columns) + len(names))
    probes = []
    for index, column in enumerate(columns):
        generator = numpy_generator(seed, "regulator.probe", column)
        probes.append(fit_column(data, column, generator, settings.epochs)[0])
        advance(index + 1, f"probe {column}")
    readers = _judge(data, reader, columns, probes)
    shown = evenly_spread(len(data.valid), settings.individuals)
    latents = torch.from_numpy(np.array(data.valid[shown]))
    epsilon = similarity.epsilon
    t = torch.linspace(-epsilon, epsilon, settings.points, dtype=torch.float64)
    effects = []
    for index, name in enumerate(names):
        vector = similarity.vectors[index].to(torch.float64)
        readings = decoded_readings(data.flow, reader, latents, vector, t)
        change = (readings[:, -1].sigmoid() - readings[:, 0].sigmoid()).double().mean(dim=0)
        rising = (readings.diff(dim=1) > 0).all(dim=1).double().mean(dim=0)
        for c, (column, probe) in enumerate(zip(columns, probes, strict=True)):
            logit, probability = probe_effect(probe, latents, vector, epsilon)
            moved = {"reading": float(change[c]), "rising": float(rising[c])}
            effects.append(
                EffectEntry(
                    vector=name, column=column, logit=logit, probability=probability, **moved
                )
            )
        advance(len(columns) + 1 + index, f"along {name}")
    return EffectsEntry(
        individuals=len(latents),
        points=settings.points,
        readers=tuple(readers),
        effects=tuple(effects),
    )


def probe_effect(
    probe: Boundary, latents: Tensor, vector: Tensor, epsilon: float
) -> tuple[float, float]:
    """Change of a probe's logit and mean change of its probability from z - epsilon a to z + epsilon a.

    Args:
        probe: logistic classifier.
        latents: z [n, q].
        vector: a [q] float64.
        epsilon: > 0.
    """
    half = epsilon * probe.slope * float(probe.normal @ vector)
    logits = probe.logits(latents)
    rise = torch.sigmoid(logits + half) - torch.sigmoid(logits - half)
    return 2 * half, float(rise.mean())


@torch.no_grad()
def decoded_readings(
    flow: Glow, reader: Recogniser, latents: Tensor, vector: Tensor, t: Tensor
) -> Tensor:
    """Logits [n, m, k] of the image reader at the decoded points z + t_j a.

    Args:
        flow: decoder D.
        reader: k outputs.
        latents: z [n, q].
        vector: a [q] float64.
        t: coefficients [m] float64.
    """
    points = (latents.to(torch.float64)[:, None] + t[:, None] * vector).flatten(0, 1)
    parts = torch.split(decode_pixels(flow, points), _BATCH)
    readings = torch.cat([reader(part) for part in parts])
    return readings.reshape(len(latents), len(t), -1)


def column_targets(source: Source, split: str, column: str) -> npt.NDArray[np.float64]:
    """What an image reader is taught of a column, [n]: its factor where known, else 0, 1, or NaN for neither group."""
    if isinstance(source, KnownFactors):
        factors = source.factors(split)
        if column in factors:
            return factors[column]
    return find_groups(source, split, column).targets(len(source.sample_ids(split)))


def _reader(
    data: Encoded,
    columns: Sequence[str],
    seed: Seed,
    settings: RecogniserSettings,
    report: Report,
) -> Recogniser:
    targets = np.stack([column_targets(data.source, "train", name) for name in columns], axis=1)
    generator = torch_generator(seed, "regulator.reader", ",".join(columns))
    bits = data.flow.config.bits
    return train_recogniser(data.source, "train", targets, generator, settings, bits, report)


@torch.no_grad()
def _judge(
    data: Encoded, reader: Recogniser, columns: Sequence[str], probes: Sequence[Boundary]
) -> list[ReaderEntry]:
    """The readers' quality on the split valid."""
    bits = data.flow.config.bits
    images = data.source.batches("valid", _BATCH)
    readings = torch.cat(
        [reader(preprocess(torch.from_numpy(part), bits)).sigmoid() for part in images]
    ).numpy()
    judged = []
    for index, (column, probe) in enumerate(zip(columns, probes, strict=True)):
        truth = column_targets(data.source, "valid", column)
        known = ~np.isnan(truth)
        reading, truth = readings[known, index], truth[known]
        judged.append(
            ReaderEntry(
                column=column,
                truth="label" if np.isin(truth, (0.0, 1.0)).all() else "factor",
                probe_accuracy=probe.accuracy,
                image_accuracy=float(((reading > 0.5) == (truth > 0.5)).mean()),
                image_error=float(np.abs(reading - truth).mean()),
            )
        )
    return judged
