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
    """How well one column is read, on held-out individuals; see `regulator.effects.ColumnReader`."""

    column: str
    truth: Literal["factor", "label"]
    probe_accuracy: float = Field(ge=0, le=1)
    image_accuracy: float = Field(ge=0, le=1)
    image_error: float = Field(ge=0)


class EffectEntry(Strict):
    """What changes in a column as t goes from -epsilon to epsilon along a vector; see `regulator.effects.Effect`."""

    vector: str
    column: str
    logit: float
    probability: float = Field(ge=-1, le=1)
    reading: float = Field(ge=-1, le=1)
    rising: float = Field(ge=0, le=1)


class EffectsEntry(Strict):
    """All effects: every vector on every column that was read."""

    individuals: int = Field(gt=0)
    points: int = Field(gt=1)
    readers: tuple[ReaderEntry, ...]
    effects: tuple[EffectEntry, ...]


class CoverageEntry(Strict):
    """How far S(x) covers the truth of one attribute; see `regulator.coverage.Coverage`."""

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
