"""How far S(x) covers the individuals who truly are similar to x (paper, App. F).

Portraits and 3D Shapes know the truth: the same individual with one factor moved. Each such image is encoded, and its
distance to S(x) is compared with its distance to x itself: 0 where S(x) contains it, 1 where S(x) comes no nearer to
it than x does. Latents also hold detail that no eye sees, so the decoded nearest point is compared in pixels as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.study.chain_points import nearest_on_chains
from regulator.study.known_truth import KnownTruth
from regulator.study.projection import nearest_coefficients
from shared_spec.artifacts.quality import CoverageEntry
from shared_spec.chains import EditChains
from shared_spec.data.column import Column
from shared_spec.data.source import UInt8Images
from shared_spec.errors import DataError, SettingsError
from shared_spec.flow import Glow, preprocess, to_images
from shared_spec.flow.images import decode_images
from shared_spec.latents import encode_images
from shared_spec.progress import Report, silent, stage
from shared_spec.similarity import SimilaritySet

__all__ = [
    "CoverageExample",
    "CoverageReport",
    "measure_coverage",
]

_LINE = 9


@dataclass(frozen=True)
class CoverageExample:
    """One x: its truly similar individuals [m, 3, S, S] and the decoded nearest points of S(x), uint8.

    `relative` [m] is as in `CoverageEntry`, 0 for x itself; `t` [m, k] are the nearest points' coefficients, along
    chains how much of each edit is in them.
    """

    sample_id: str
    attribute: str
    truth: UInt8Images
    nearest: UInt8Images
    relative: npt.NDArray[np.float64]
    t: npt.NDArray[np.float64]


@dataclass(frozen=True)
class CoverageReport:
    """The table, a row per attribute, and the examples to look at."""

    table: tuple[CoverageEntry, ...]
    examples: tuple[CoverageExample, ...]

    def __repr__(self) -> str:
        rows = (f"{row.attribute} {row.relative_mean:.3f}" for row in self.table)
        return f"CoverageReport(mean distance left: {', '.join(rows)})"


def measure_coverage(
    source: KnownTruth,
    split: str,
    rows: npt.NDArray[np.int64],
    flow: Glow,
    similarity: SimilaritySet | EditChains,
    attributes: Sequence[str],
    examples: int = 3,
    report: Report = silent,
) -> CoverageReport:
    """Compares S(x) with the truth, for every x among `rows` and every attribute.

    Args:
        source: knows the truly similar individuals.
        split: train, valid or test.
        rows: positions of the x, at least two.
        flow: G = (E, D).
        similarity: the whole set, with all attributes at once.
        attributes: the factors to move; of `NAME:BEGIN:END` the NAME.
        examples: how many x per attribute to keep for the picture.
        report: told what is done.

    Raises:
        DataError: the source does not know an attribute's truth, or an image cannot be read.
        SettingsError: fewer than two individuals.
    """
    if len(rows) < 2:
        raise SettingsError(f"coverage over {len(rows)} individuals: expected at least 2")
    images = source.images(split, rows)
    latents = _encode(flow, images)
    typical = float(torch.pdist(latents).median())
    ids = source.sample_ids(split)
    advance = stage(report, "comparing with the truth", len(rows) * len(attributes))
    table, kept = [], []
    for index, attribute in enumerate(attributes):
        compared = []
        for at, (row, z) in enumerate(zip(rows.tolist(), latents, strict=True)):
            truth = source.similar(split, row, Column.parse(attribute).name)
            example, figures = _compare(flow, similarity, z, truth, ids[row], attribute, images[at])
            compared.append(figures)
            if at < examples:
                kept.append(example)
            advance(index * len(rows) + at + 1, attribute)
        table.append(_summary(source.uri, attribute, compared, typical))
    return CoverageReport(tuple(table), tuple(kept))


def _compare(
    flow: Glow,
    similarity: SimilaritySet | EditChains,
    z: Tensor,
    truth: UInt8Images,
    sample_id: str,
    attribute: str,
    image: UInt8Images,
) -> tuple[CoverageExample, Tensor]:
    """One x against its m truly similar individuals, and the six figures of each that `_summary` unpacks: [6, m]."""
    offsets = _encode(flow, truth) - z
    if isinstance(similarity, EditChains):
        line = similarity.images(image[None])[0]
        nearest, t, at_border = nearest_on_chains(similarity, _encode(flow, line), z + offsets)
    else:
        t = nearest_coefficients(similarity, offsets)
        nearest = similarity.points(z, t)
        at_border = torch.linalg.vector_norm(t, dim=1) > (1 - 1e-9) * similarity.epsilon
        line = decode_images(flow, similarity.points(z, _lines(similarity)))
    to_self = torch.linalg.vector_norm(offsets, dim=1)
    to_set = torch.linalg.vector_norm(z + offsets - nearest, dim=1)
    decoded = decode_images(flow, nearest)
    # What the flow keeps of an image: it never sees the lowest bits.
    seen, own = (_seen(flow, part) for part in (truth, image[None]))
    along = torch.stack([_pixel_error(seen, point[None]) for point in line])
    relative = torch.where(to_self > 0, to_set / to_self.clamp_min(1e-300), 0.0)
    example = CoverageExample(sample_id, attribute, truth, decoded, relative.numpy(), t.numpy())
    pixels = (_pixel_error(seen, decoded), along.amin(dim=0), _pixel_error(seen, own))
    figures = torch.stack([one.double() for one in (to_set, to_self, at_border, *pixels)])
    return example, figures


def _summary(uri: str, attribute: str, compared: Sequence[Tensor], typical: float) -> CoverageEntry:
    """Statistics over all truly similar individuals but the x themselves."""
    joined = torch.cat(list(compared), dim=1)
    to_set, to_self, border, pixel_set, pixel_line, pixel_self = joined
    other = to_self > 1e-6 * typical
    if not bool(other.any()):
        raise DataError(
            f"{uri}: nobody but the individuals themselves is similar to them in {attribute}; choose another attribute"
        )
    relative = (to_set[other] / to_self[other]).clamp(max=1.0)
    return CoverageEntry(
        attribute=attribute,
        individuals=len(compared),
        truths=int(other.sum()),
        relative_mean=float(relative.mean()),
        relative_p90=float(torch.quantile(relative, 0.9)),
        typical_mean=float(to_set[other].mean()) / typical,
        at_border=float(border[other].mean()),
        pixel_set=float(pixel_set[other].mean()),
        pixel_line=float(pixel_line[other].mean()),
        pixel_self=float(pixel_self[other].mean()),
    )


def _lines(similarity: SimilaritySet) -> Tensor:
    """Coefficients of evenly spaced points along each vector alone, ends included: [9 k, k] float64."""
    t = torch.linspace(-similarity.epsilon, similarity.epsilon, _LINE, dtype=torch.float64)
    axes = torch.eye(similarity.k, dtype=torch.float64)
    return (axes[:, None] * t[:, None]).flatten(0, 1)


def _seen(flow: Glow, images: UInt8Images) -> UInt8Images:
    """The images after preprocessing, back in 0 ... 255."""
    pixels = preprocess(torch.from_numpy(images), flow.config.bits)
    seen: UInt8Images = to_images(pixels).numpy()
    return seen


def _encode(flow: Glow, images: UInt8Images) -> Tensor:
    """Latents [n, q] float64."""
    return encode_images(flow, images).to(torch.float64)


def _pixel_error(first: UInt8Images, second: UInt8Images) -> Tensor:
    """Mean absolute difference of images [m, 3, S, S], in 0 ... 255: [m] float64."""
    difference = np.abs(first.astype(np.float64) - second.astype(np.float64))
    return torch.from_numpy(difference.mean(axis=(1, 2, 3)))
