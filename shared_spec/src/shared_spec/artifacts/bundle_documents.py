"""manifest.json of reps/: what the producer states about the representations it hands over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from shared_spec.artifacts.directory import FileEntry
from shared_spec.artifacts.document import DataEntry, Document, Strict, Tool
from shared_spec.rng import Seed
from shared_spec.terms import EncoderMethod, Statement
from shared_spec.views import VIEWS

__all__ = [
    "EncoderEntry",
    "FileEntry",
    "Manifest",
    "SpecEntry",
    "SplitEntry",
    "ViewEntry",
    "known_views",
]


class SpecEntry(Strict):
    """The spec that the representations were made for, by its digest, and what it says in short."""

    digest: str
    attributes: tuple[str, ...] = Field(min_length=1)
    epsilon: float = Field(gt=0)


class EncoderEntry(Strict):
    """The encoder R, which itself stays with the producer."""

    digest: str
    method: EncoderMethod
    input_dim: int = Field(gt=0)
    hidden: tuple[int, ...]
    output_dim: int = Field(gt=0)
    targets: tuple[str, ...]
    settings: dict[str, float | int | str | bool]
    """How it was trained: loss weights, epochs, attack, seed."""


class SplitEntry(Strict):
    """Which individuals of a split are in the bundle: every `every`-th of `available`."""

    available: int = Field(ge=0)
    every: int = Field(ge=1)
    individuals: int = Field(ge=0)


class ViewEntry(Strict):
    """One way in which the representations of S(x) were bounded, and what that bound says."""

    statement: Statement
    """Which statement of docs/guarantees.md the radii support."""
    sentence: str
    alpha: dict[str, float]
    """Failure probability per event and individual; empty where there is none."""
    settings: dict[str, float | int | str | bool]
    splits: tuple[str, ...]
    """Splits whose individuals carry this view's bounds; the others carry representations only."""

    @property
    def alpha_total(self) -> float:
        """The union bound over the events."""
        return sum(self.alpha.values())


def known_views(views: Mapping[str, object]) -> None:
    """Raises ValueError for a view that these packages cannot read."""
    for name in views:
        if name not in VIEWS:
            raise ValueError(f"view {name!r} is none of {', '.join(VIEWS)}")


class Manifest(Document):
    """The document of a representation bundle."""

    media_type: Literal["application/vnd.lassi.representations.v1+json"] = (
        "application/vnd.lassi.representations.v1+json"
    )
    spec: SpecEntry
    data: DataEntry
    encoder: EncoderEntry
    views: dict[str, ViewEntry]
    splits: dict[str, SplitEntry]
    shard_rows: int = Field(gt=0)
    """Individuals per shard; the last of a split may hold fewer."""
    labels: dict[str, tuple[str, ...]]
    """Label columns that the producer shares, with their class names in the order of their codes."""
    files: tuple[FileEntry, ...] = ()
    """Set when the bundle is sealed."""
    tool: Tool
    seed: Seed

    @field_validator("views")
    @classmethod
    def _known(cls, views: dict[str, ViewEntry]) -> dict[str, ViewEntry]:
        known_views(views)
        return views
