"""manifest.json of reps/: what the producer states about the representations it hands over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, field_validator, model_validator

from shared_spec.artifacts.directory import FileEntry
from shared_spec.artifacts.document import (
    Count,
    DataEntry,
    Digest,
    Document,
    Name,
    Strict,
    Tool,
    Width,
)
from shared_spec.seeds import Seed
from shared_spec.statements import words_of
from shared_spec.terms import EncoderMethod, Similar, Statement
from shared_spec.trust.seeds import CommittedSeed
from shared_spec.views import VIEWS

__all__ = [
    "EncoderEntry",
    "FileEntry",
    "Manifest",
    "Names",
    "Plain",
    "ShardDocument",
    "SpecEntry",
    "SplitEntry",
    "ViewEntry",
    "known_views",
    "unique",
]

Plain: TypeAlias = dict[Name, float | int | str | bool]
"""Settings as they are stored."""

Split: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A split's name, which is the beginning of its shards' names."""


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """These names. Raises ValueError if one stands twice."""
    if len(set(names)) != len(names):
        raise ValueError(f"{list(names)}: a name stands twice")
    return names


Names: TypeAlias = Annotated[tuple[Name, ...], Field(max_length=10_000), AfterValidator(unique)]


class SpecEntry(Strict):
    """The spec that the representations were made for, by its digest, and what it says in short."""

    digest: Digest
    attributes: Names = Field(min_length=1)
    epsilon: float = Field(gt=0)
    similar: Similar = Similar.VECTORS


class EncoderEntry(Strict):
    """The encoder R, which itself stays with the producer."""

    digest: Digest
    method: EncoderMethod
    input_dim: Width
    hidden: tuple[Width, ...] = Field(max_length=64)
    output_dim: Width
    targets: Names
    settings: Plain
    """How it was trained: loss weights, epochs, attack, seed."""


class SplitEntry(Strict):
    """Which individuals of a split are in the bundle: every `every`-th of `available`."""

    available: Count
    every: int = Field(ge=1, lt=2**53)
    individuals: Count

    @model_validator(mode="after")
    def _every_nth(self) -> Self:
        if self.individuals != -(-self.available // self.every):
            raise ValueError(
                f"{self.individuals} individuals are not every {self.every}-th of {self.available}"
            )
        return self


class ViewEntry(Strict):
    """One way in which the representations of S(x) were bounded, and what that bound says."""

    statement: Statement
    """Which statement of docs/guarantees.md the radii support."""
    sentence: str
    """The statement in the words of `shared_spec.statements`."""
    alpha: dict[Name, Annotated[float, Field(gt=0, lt=1)]]
    """Failure probability per event and individual; empty where there is none."""
    settings: Plain
    splits: Names
    """Splits whose individuals carry this view's bounds; the others carry representations only."""

    @model_validator(mode="after")
    def _says_what_it_states(self) -> Self:
        if self.sentence != words_of(self.statement).sentence:
            raise ValueError(f"the sentence is not that of statement {self.statement}")
        return self

    @property
    def alpha_total(self) -> float:
        """The union bound over the events."""
        return sum(self.alpha.values())


def known_views(views: Mapping[str, object]) -> None:
    """Raises ValueError for a view that these packages cannot read."""
    for name in views:
        if name not in VIEWS:
            raise ValueError(f"view {name!r} is none of {', '.join(VIEWS)}")


class ShardDocument(Document):
    """The document of a shard: made by which encoder for which spec, and its place."""

    media_type: Literal["application/vnd.lassi.representation-shard.v2+safetensors"] = (
        "application/vnd.lassi.representation-shard.v2+safetensors"
    )
    spec_digest: Digest
    encoder_digest: Digest
    split: Split
    shard: Count


class Manifest(Document):
    """The document of a representation bundle."""

    media_type: Literal["application/vnd.lassi.representations.v2+json"] = (
        "application/vnd.lassi.representations.v2+json"
    )
    spec: SpecEntry
    data: DataEntry
    encoder: EncoderEntry
    views: dict[str, ViewEntry]
    splits: dict[Split, SplitEntry] = Field(max_length=100)
    shard_rows: Annotated[Count, Field(gt=0)]
    """Individuals per shard; the last of a split may hold fewer."""
    labels: dict[Name, Names] = Field(max_length=1000)
    """Label columns that the producer shares, with their class names in the order of their codes."""
    counterparts: dict[Name, Annotated[Names, Field(min_length=1)]] = Field(
        default_factory=dict, max_length=1000
    )
    """Per attribute the splits whose shards hold representations of true counterparts; no bound is about those."""
    files: tuple[FileEntry, ...] = ()
    """Set when the bundle is sealed."""
    tool: Tool
    seed: Seed
    commitment: CommittedSeed | None = None
    """What the seed follows from; null if it was the producer's free choice."""

    @field_validator("views")
    @classmethod
    def _known(cls, views: dict[str, ViewEntry]) -> dict[str, ViewEntry]:
        known_views(views)
        return views

    @model_validator(mode="after")
    def _bounds_its_own(self) -> Self:
        for name, view in self.views.items():
            if stray := set(view.splits) - set(self.splits):
                raise ValueError(f"the {name} view bounds {min(stray)}, of which there is nobody")
            if self.spec.similar != Similar.VECTORS and view.statement != Statement.X:
                raise ValueError(
                    f"the {name} view makes a statement that holds along vectors alone"
                )
        for name, splits in self.counterparts.items():
            if stray := set(splits) - set(self.splits):
                raise ValueError(
                    f"counterparts in {name} of {min(stray)}, of which there is nobody"
                )
        return self

    @model_validator(mode="after")
    def _drawn_as_committed(self) -> Self:
        if self.commitment is not None:
            self.commitment.check(self.seed, self.draw, self.parents)
        return self

    @property
    def parents(self) -> dict[str, str]:
        """Digests of what it was made from."""
        return {
            "spec": self.spec.digest,
            "encoder": self.encoder.digest,
            "data": self.data.digest,
        }

    @property
    def draw(self) -> dict[str, Any]:
        """All that decides what is drawn, besides the seed: what a commitment is to."""
        apart = {"seed", "commitment", "files", "content_digest"}
        return self.model_dump(mode="json", exclude=apart)

    def bounding(self, split: str) -> list[str]:
        """The views that bound the individuals of a split."""
        return [view for view, entry in self.views.items() if split in entry.splits]

    def counterparts_of(self, split: str) -> list[str]:
        """The attributes in which individuals of the split have counterparts."""
        return [name for name, splits in self.counterparts.items() if split in splits]

    @property
    def individuals(self) -> int:
        """How many there are in all splits."""
        return sum(split.individuals for split in self.splits.values())

    @property
    def shard_count(self) -> int:
        """How many shards there are."""
        return sum(map(self.shards_of, self.splits))

    def shards_of(self, split: str) -> int:
        """How many shards a split has."""
        return -(-self.splits[split].individuals // self.shard_rows)

    def rows_in(self, split: str, shards: range | None) -> int:
        """How many individuals are in these shards of a split, neighbours; in all of them unless given."""
        individuals = self.splits[split].individuals
        if shards is None:
            return individuals
        first, last = (
            min(place * self.shard_rows, individuals) for place in (shards.start, shards.stop)
        )
        return last - first

    @property
    def shards(self) -> dict[tuple[str, int], int]:
        """Individuals of each shard, by split and number."""
        return {
            (split, shard): min(self.shard_rows, entry.individuals - shard * self.shard_rows)
            for split, entry in self.splits.items()
            for shard in range(self.shards_of(split))
        }
