"""manifest.json of reps/: what the producer states about the representations it hands over."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from shared_spec.artifacts.directory import FileEntry
from shared_spec.artifacts.document import DataEntry, Document, Strict, Tool

__all__ = [
    "EncoderEntry",
    "FileEntry",
    "Manifest",
    "SpecEntry",
    "SplitEntry",
    "View",
    "ViewEntry",
]


View: TypeAlias = Literal["smoothing", "exact"]


class SpecEntry(Strict):
    """The spec that the representations were made for, by its digest, and what it says in short."""

    digest: str
    attributes: tuple[str, ...] = Field(min_length=1)
    epsilon: float = Field(gt=0)


class EncoderEntry(Strict):
    """The encoder R, which itself stays with the producer."""

    digest: str
    method: Literal["lassi", "augment", "naive"]
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

    statement: Literal["D", "I", "paper", "X"]
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


class Manifest(Document):
    """The document of a representation bundle."""

    media_type: Literal["application/vnd.lassi.representations.v1+json"] = (
        "application/vnd.lassi.representations.v1+json"
    )
    spec: SpecEntry
    data: DataEntry
    encoder: EncoderEntry
    views: dict[View, ViewEntry]
    splits: dict[str, SplitEntry]
    shard_rows: int = Field(gt=0)
    """Individuals per shard; the last of a split may hold fewer."""
    labels: dict[str, tuple[str, ...]]
    """Label columns that the producer shares, with their class names in the order of their codes."""
    files: tuple[FileEntry, ...] = Field(min_length=1)
    tool: Tool
    seed: int
