"""What a vector does to other attributes: does moving along Pale_Skin move Smiling?

Two readers, so that neither has to be believed alone. A linear probe per column sees latents, and its answer along a
vector is a closed form. A convolutional network sees decoded images; where a data set knows its true factors
(portraits), it was taught those, and so recovers the true factor from the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.recogniser import Recogniser, RecogniserSettings, train_recogniser
from regulator.vectors.groups import find_groups
from regulator.vectors.linear_boundary import Boundary, fit_boundary
from shared_spec.artifacts.quality import EffectEntry, EffectsEntry, ReaderEntry
from shared_spec.data.source import Source
from shared_spec.flow import Glow, preprocess
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.similarity import SimilaritySet

__all__ = [
    "Effects",
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
class Effects:
    """The data behind a report: what is moved, and who reads it.

    Attributes:
        source: labels and images.
        flow: G.
        train: latents [n, q] of the split train.
        valid: latents [m, q] of the split valid.
        seed: of every draw.
        individuals: how many of the split valid are moved, at most, evenly spread.
        points: points per individual and vector.
        epochs: passes per linear probe.
        recogniser: how the image reader is trained.
    """

    source: Source
    flow: Glow
    train: npt.NDArray[np.float32]
    valid: npt.NDArray[np.float32]
    seed: int = 0
    individuals: int = 256
    points: int = 7
    epochs: int = 3
    recogniser: RecogniserSettings = field(default_factory=RecogniserSettings)


def measure_effects(
    data: Effects,
    similarity: SimilaritySet,
    names: Sequence[str],
    columns: Sequence[str],
    advance: Callable[[int, str, int], None] = lambda done, word, total: None,
) -> EffectsEntry:
    """Trains the readers and moves held-out individuals along every vector, one at a time, from -epsilon to epsilon.

    Args:
        data: what is moved.
        similarity: vectors [k, q] and epsilon.
        names: the vectors' names, k.
        columns: `NAME` or `NAME:BEGIN:END`, the columns that are read.
        advance: told how many units are done, a word, and how many there are.

    Raises:
        DataError: a column is unknown, or one of its groups is empty.
    """
    total = len(columns) + 1 + len(names)
    probes = []
    for index, column in enumerate(columns):
        probes.append(_probe(data, column))
        advance(index + 1, f"probe {column}", total)
    reader = _reader(data, columns)
    readers = _judge(data, reader, columns, probes)
    advance(len(columns) + 1, "image reader", total)
    step = max(1, len(data.valid) // data.individuals)
    latents = torch.from_numpy(np.array(data.valid[::step][: data.individuals]))
    effects = []
    for index, name in enumerate(names):
        vector = similarity.vectors[index].to(torch.float64)
        t = torch.linspace(
            -similarity.epsilon, similarity.epsilon, data.points, dtype=torch.float64
        )
        readings = decoded_readings(data.flow, reader, latents, vector, t)
        change = (readings[:, -1].sigmoid() - readings[:, 0].sigmoid()).double().mean(dim=0)
        rising = (readings.diff(dim=1) > 0).all(dim=1).double().mean(dim=0)
        for c, (column, probe) in enumerate(zip(columns, probes, strict=True)):
            logit, probability = probe_effect(probe, latents, vector, similarity.epsilon)
            effects.append(
                EffectEntry(
                    vector=name,
                    column=column,
                    logit=logit,
                    probability=probability,
                    reading=float(change[c]),
                    rising=float(rising[c]),
                )
            )
        advance(len(columns) + 2 + index, f"along {name}", total)
    return EffectsEntry(
        individuals=len(latents),
        points=data.points,
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
    parts = torch.split(points.to(torch.float32), _BATCH)
    readings = torch.cat([reader(flow.decode(part)) for part in parts])
    return readings.reshape(len(latents), len(t), -1)


def column_targets(source: Source, split: str, column: str) -> npt.NDArray[np.float64]:
    """What an image reader is taught of a column, [n]: its factor where known, else 0, 1, or NaN for neither group."""
    if isinstance(source, KnownFactors):
        factors = source.factors(split)
        if column in factors:
            return factors[column]
    targets = np.full(len(source.sample_ids(split)), np.nan)
    groups = find_groups(source, split, column)
    targets[groups.negative], targets[groups.positive] = 0.0, 1.0
    return targets


def _probe(data: Effects, column: str) -> Boundary:
    return fit_boundary(
        data.train,
        find_groups(data.source, "train", column),
        data.valid,
        find_groups(data.source, "valid", column),
        numpy_generator(data.seed, "regulator.probe", column),
        epochs=data.epochs,
    )


def _reader(data: Effects, columns: Sequence[str]) -> Recogniser:
    targets = np.stack([column_targets(data.source, "train", name) for name in columns], axis=1)
    generator = torch_generator(data.seed, "regulator.reader", ",".join(columns))
    settings = replace(data.recogniser, bits=data.flow.config.bits)
    return train_recogniser(data.source, "train", targets, generator, settings)


@torch.no_grad()
def _judge(
    data: Effects, reader: Recogniser, columns: Sequence[str], probes: Sequence[Boundary]
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
