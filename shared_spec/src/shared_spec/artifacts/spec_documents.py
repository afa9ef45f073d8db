"""What spec.safetensors says of itself, and its numbers as far as they can be checked without building the flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field

from shared_spec.artifacts.arrays import Array, array_hash, load_arrays
from shared_spec.artifacts.bundle_documents import Plain, SpecEntry, unique
from shared_spec.artifacts.document import (
    Count,
    DataEntry,
    Digest,
    Document,
    Name,
    Strict,
    Tool,
    parse_document,
)
from shared_spec.artifacts.quality import Quality
from shared_spec.errors import ArtifactError
from shared_spec.flow.config import GlowConfig
from shared_spec.flow.stored import check_stored
from shared_spec.seeds import Seed
from shared_spec.terms import Similar

__all__ = [
    "FLOW",
    "VECTOR",
    "AttributeEntry",
    "CounterpartSpecDocument",
    "EditSpecDocument",
    "SpecDocument",
    "StatedSpec",
    "VectorSpecDocument",
    "read_spec",
]

FLOW, VECTOR = "flow.", "attribute."
"""What the names of tensors begin with."""

_NORM_TOLERANCE = 1e-5
"""Relative: lengths are stated as float32 arithmetic found them."""


class AttributeEntry(Strict):
    """One sensitive attribute and how its vector a was found."""

    name: Name
    method: Name
    unit: Literal["vector", "unit-vector", "edit", "counterpart"]
    """What one unit of epsilon means: a as the method scales it, a unit vector, an edit, or all counterparts."""
    norm: float = Field(
        gt=0,
        description="l2 norm of the stored vector, in latent units; of an edit in 8-bit levels",
    )
    counts: dict[Name, Annotated[Count, Field(gt=0)]]
    """Individuals behind the vector, per class."""
    settings: Plain


def _named_apart(entries: tuple[AttributeEntry, ...]) -> tuple[AttributeEntry, ...]:
    unique(tuple(entry.name for entry in entries))
    return entries


class SpecDocument(Document):
    """Everything in spec.safetensors but the tensors."""

    similar: ClassVar[Similar]

    flow: GlowConfig
    flow_digest: Digest
    """Content digest of the flow file that the spec was published from."""
    preprocessing: Literal["floor(v/2^(8-bits))/2^bits-0.5"] = "floor(v/2^(8-bits))/2^bits-0.5"
    epsilon: float = Field(gt=0)
    attributes: Annotated[tuple[AttributeEntry, ...], AfterValidator(_named_apart)] = Field(
        min_length=1, max_length=1000
    )
    data: DataEntry
    quality: Quality
    tool: Tool
    seed: Seed


class VectorSpecDocument(SpecDocument):
    """Of a spec along attribute vectors."""

    similar = Similar.VECTORS

    media_type: Literal["application/vnd.lassi.similarity-spec.v1+safetensors"] = (
        "application/vnd.lassi.similarity-spec.v1+safetensors"
    )


class EditSpecDocument(SpecDocument):
    """Of a spec whose similar people lie on chains of edited images; epsilon is the largest |t| of the steps."""

    similar = Similar.EDITS

    media_type: Literal["application/vnd.lassi.similarity-spec.v2+safetensors"] = (
        "application/vnd.lassi.similarity-spec.v2+safetensors"
    )
    steps: tuple[float, ...] = Field(min_length=1, max_length=100)


class CounterpartSpecDocument(SpecDocument):
    """Of a spec whose similar people are those that the data set itself knows; epsilon is 1 and means all of them."""

    similar = Similar.COUNTERPARTS

    media_type: Literal["application/vnd.lassi.similarity-spec.v3+safetensors"] = (
        "application/vnd.lassi.similarity-spec.v3+safetensors"
    )
    length: int = Field(ge=2, le=1000)
    """Images of the longest chain of one attribute, the individual's own among them."""


@dataclass(frozen=True)
class StatedSpec:
    """What a spec states: all of it but the flow.

    Attributes:
        document: see there.
        vectors: one per attribute, in their order: [q] or, along edits, [3, S, S], f32; none along counterparts.
    """

    document: SpecDocument
    vectors: tuple[Array, ...]

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of the vector of each attribute."""
        names = [entry.name for entry in self.document.attributes]
        return dict(zip(names, map(array_hash, self.vectors), strict=bool(self.vectors)))

    @property
    def entry(self) -> SpecEntry:
        """What later artefacts quote."""
        document = self.document
        return SpecEntry(
            digest=document.content_digest,
            attributes=tuple(entry.name for entry in document.attributes),
            epsilon=document.epsilon,
            similar=document.similar,
        )


def read_spec(path: Path) -> tuple[StatedSpec, dict[str, Array]]:
    """What spec.safetensors states, and the weights of its flow; neither builds the flow nor needs torch.

    Raises:
        ArtifactError: if the file is truncated, changed, of another kind or version, or its tensors do not fit its
            own description.
    """
    arrays, raw = load_arrays(path)
    document = parse_document(_kind_of(raw), raw, str(path))
    measured = document.quality
    worst = max(measured.in_distribution.max, measured.out_of_distribution.max)
    if not worst <= measured.threshold:
        raise ArtifactError(
            f"{path}: the inversion error is {worst:g}, above its threshold {measured.threshold:g}; trust none of it"
        )
    vectors: tuple[Array, ...] = ()
    if isinstance(document, CounterpartSpecDocument):
        _require_unit(document, "counterpart", str(path))
    else:
        vectors = tuple(
            _pop_vector(arrays, entry, document, str(path)) for entry in document.attributes
        )
    weights = {name.removeprefix(FLOW): value for name, value in arrays.items()}
    if len(weights) != len(arrays) or not all(name.startswith(FLOW) for name in arrays):
        raise ArtifactError(
            f"{path}: holds tensors that are neither of the flow nor of an attribute"
        )
    check_stored(document.flow, weights, str(path))
    return StatedSpec(document, vectors), weights


def _kind_of(raw: Mapping[str, object]) -> type[SpecDocument]:
    """The kind of document by its media type; that of vectors, which then says what it reads, for an unknown one."""
    for kind in (EditSpecDocument, CounterpartSpecDocument):
        if raw.get("media_type") == kind.model_fields["media_type"].default:
            return kind
    return VectorSpecDocument


def _require_unit(document: SpecDocument, unit: str | None, where: str) -> None:
    """Whether every attribute counts in this unit, or in one of vectors if None."""
    for entry in document.attributes:
        if (entry.unit if entry.unit in ("edit", "counterpart") else None) != unit:
            raise ArtifactError(
                f"{where}: attribute {entry.name} has the unit {entry.unit}, which such a spec has not"
            )


def _pop_vector(
    arrays: dict[str, Array], entry: AttributeEntry, document: SpecDocument, where: str
) -> Array:
    """The attribute's vector [q], or edit [3, S, S], of the length that its entry states."""
    edit = isinstance(document, EditSpecDocument)
    _require_unit(document, "edit" if edit else None, where)
    size = document.flow.size
    name = VECTOR + entry.name
    shape = (3, size, size) if edit else (document.flow.latent_dim,)
    vector = arrays.pop(name, None)
    if vector is None or tuple(vector.shape) != shape or vector.dtype != np.float32:
        found = "nothing" if vector is None else f"{vector.dtype} {tuple(vector.shape)}"
        raise ArtifactError(f"{where}: tensor {name}: expected float32 {shape}, got {found}")
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    stated = 1.0 if entry.unit == "unit-vector" else entry.norm
    for expected in (stated, entry.norm):
        if not abs(norm - expected) <= _NORM_TOLERANCE * expected:
            raise ArtifactError(
                f"{where}: tensor {name} has length {norm:g}, its entry says {expected:g}; trust none of it"
            )
    return vector
