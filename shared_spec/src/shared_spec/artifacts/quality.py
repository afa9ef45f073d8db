"""The quality report of a spec: what the publication gate measured, and what the vectors do and miss."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared_spec.artifacts.document import Strict

__all__ = [
    "CoverageEntry",
    "EffectEntry",
    "EffectsEntry",
    "InversionError",
    "Quality",
    "ReaderEntry",
]


class InversionError(Strict):
    """How far D(E(x)) is from x, over all pixels of some images, in units of x (which spans one unit)."""

    images: int = Field(gt=0)
    max: float = Field(ge=0)
    p999: float = Field(ge=0)


class ReaderEntry(Strict):
    """How well one column is read, on held-out individuals.

    Attributes:
        column: `NAME` or `NAME:BEGIN:END`.
        truth: what the image reader was taught: the `factor` behind the column, or its `label`.
        probe_accuracy: of the linear probe on latents, against the labels.
        image_accuracy: of the image reader, against the label, or whether the factor exceeds 1/2.
        image_error: mean absolute difference of the reading and the truth, both in [0, 1].
    """

    column: str
    truth: Literal["factor", "label"]
    probe_accuracy: float = Field(ge=0, le=1)
    image_accuracy: float = Field(ge=0, le=1)
    image_error: float = Field(ge=0)


class EffectEntry(Strict):
    """What changes in one column when t goes from -epsilon to epsilon along one vector.

    Attributes:
        vector: the attribute of the vector.
        column: the column that is read.
        logit: change of the probe's logit, the same for every individual: 2 epsilon w . a.
        probability: mean change of the probe's probability.
        reading: mean change of the image reader's reading in [0, 1], on decoded points.
        rising: share of individuals whose reading rises at every step of t.
    """

    vector: str
    column: str
    logit: float
    probability: float = Field(ge=-1, le=1)
    reading: float = Field(ge=-1, le=1)
    rising: float = Field(ge=0, le=1)


class EffectsEntry(Strict):
    """All effects of a spec's vectors, every vector on every column that was read.

    Attributes:
        individuals: held-out individuals behind every mean.
        points: points of S(x) per individual and vector, ends included.
        readers: one per column.
        effects: one per vector and column.
    """

    individuals: int = Field(gt=0)
    points: int = Field(gt=1)
    readers: tuple[ReaderEntry, ...]
    effects: tuple[EffectEntry, ...]


class CoverageEntry(Strict):
    """How far S(x) covers the truth of one attribute, over all truly similar individuals but x itself.

    Attributes:
        attribute: whose factor was moved.
        individuals: how many x.
        truths: how many truly similar individuals in all.
        relative_mean: mean of dist(z', S(x)) / dist(z', z), in [0, 1]; 0: contained, 1: no nearer than x.
        relative_p90: its 90th percentile.
        typical_mean: mean of dist(z', S(x)) over the median distance between two of the x.
        at_border: share whose nearest point lies on the border of S(x): a larger epsilon would come nearer.
        pixel_set: mean absolute difference of the true image, as preprocessed, and the decoded nearest point (0-255).
        pixel_line: the same for the best of nine points along each vector alone: an image of S(x) is this near.
        pixel_self: the same between the true image and the image of x.
    """

    attribute: str
    individuals: int = Field(gt=0)
    truths: int = Field(gt=0)
    relative_mean: float = Field(ge=0)
    relative_p90: float = Field(ge=0)
    typical_mean: float = Field(ge=0)
    at_border: float = Field(ge=0, le=1)
    pixel_set: float = Field(ge=0)
    pixel_line: float = Field(ge=0)
    pixel_self: float = Field(ge=0)


class Quality(Strict):
    """What the publication gate measured."""

    images: int = Field(gt=0, description="held-out images behind bits_per_dim")
    bits_per_dim: float
    in_distribution: InversionError
    out_of_distribution: InversionError
    threshold: float = Field(gt=0, description="publication is refused above this inversion error")
    effects: EffectsEntry | None = None
    """What each vector does to other columns; absent if it was not measured."""
    coverage: tuple[CoverageEntry, ...] = ()
    """How far S(x) covers the truly similar individuals; empty where the data set does not know them."""
