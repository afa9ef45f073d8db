"""spec.safetensors: the regulator's word on who is similar to whom.

It holds all that a stranger needs to compute S(x): the flow G = (E, D), and per attribute a vector or an edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

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
from shared_spec.artifacts.tensors import load_tensors, load_weights, save_tensors
from shared_spec.chains import EditChains, Similarity
from shared_spec.counterpart_chains import CounterpartChains
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.flow import Glow, GlowConfig
from shared_spec.flow.stored import check_stored
from shared_spec.rng import Seed
from shared_spec.similarity import SimilaritySet
from shared_spec.terms import Similar

__all__ = [
    "AttributeEntry",
    "CounterpartSpecDocument",
    "EditSpecDocument",
    "Spec",
    "SpecDocument",
    "VectorSpecDocument",
    "load_spec",
    "save_spec",
]

_FLOW, _VECTOR = "flow.", "attribute."

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
class Spec:
    """A spec as its readers use it."""

    document: SpecDocument
    flow: Glow
    similarity: Similarity

    def __repr__(self) -> str:
        names = ", ".join(entry.name for entry in self.document.attributes)
        size = self.document.flow.size
        return f"Spec({names}; epsilon = {self.document.epsilon:g}; {size} px; {self.digest})"

    @property
    def digest(self) -> str:
        """Content digest that later artefacts quote."""
        return self.document.content_digest

    @property
    def entry(self) -> SpecEntry:
        """What later artefacts quote."""
        document = self.document
        return SpecEntry(
            digest=self.digest,
            attributes=tuple(entry.name for entry in document.attributes),
            epsilon=document.epsilon,
            similar=document.similar,
        )


def save_spec(path: Path, document: SpecDocument, flow: Glow, vectors: Tensor | None) -> str:
    """Writes spec.safetensors atomically and returns its content digest.

    `vectors` are [k, q] f32, one per attribute; of a spec along edits the edits [k, 3, S, S], of one along counterparts
    none.
    """
    tensors = {_FLOW + name: tensor for name, tensor in flow.state_dict().items()}
    for entry, vector in (
        zip(document.attributes, vectors, strict=True) if vectors is not None else ()
    ):
        tensors[_VECTOR + entry.name] = vector.to(torch.float32)
    return save_tensors(path, tensors, document.model_dump(mode="json", exclude={"content_digest"}))


def load_spec(path: Path | str | Spec) -> Spec:
    """Reads and checks spec.safetensors; a spec that is loaded already is returned.

    Raises:
        ArtifactError: if the file is truncated, changed, of another kind or version, or its tensors do not fit its
            own description.
    """
    if isinstance(path, Spec):
        return path
    path = Path(path)
    tensors, raw = load_tensors(path)
    document = parse_document(_kind_of(raw), raw, str(path))
    measured = document.quality
    worst = max(measured.in_distribution.max, measured.out_of_distribution.max)
    if not worst <= measured.threshold:
        raise ArtifactError(
            f"{path}: the inversion error is {worst:g}, above its threshold {measured.threshold:g}; trust none of it"
        )
    if isinstance(document, CounterpartSpecDocument):
        _require_unit(document, "counterpart", str(path))
        vectors = []
    else:
        vectors = [
            _pop_vector(tensors, entry, document, str(path)) for entry in document.attributes
        ]
    weights = {name.removeprefix(_FLOW): value for name, value in tensors.items()}
    if len(weights) != len(tensors) or not all(name.startswith(_FLOW) for name in tensors):
        raise ArtifactError(
            f"{path}: holds tensors that are neither of the flow nor of an attribute"
        )
    check_stored(document.flow, weights, str(path))
    flow = Glow(document.flow, torch.Generator())
    load_weights(flow, weights, str(path))
    return Spec(document, flow.eval(), _similarity(document, vectors, str(path)))


def _kind_of(raw: Mapping[str, object]) -> type[SpecDocument]:
    """The kind of document by its media type; that of vectors, which then says what it reads, for an unknown one."""
    for kind in (EditSpecDocument, CounterpartSpecDocument):
        if raw.get("media_type") == kind.model_fields["media_type"].default:
            return kind
    return VectorSpecDocument


def _similarity(document: SpecDocument, vectors: list[Tensor], where: str) -> Similarity:
    if isinstance(document, CounterpartSpecDocument):
        names = tuple(entry.name for entry in document.attributes)
        return CounterpartChains(names, document.length, document.flow.size)
    if not isinstance(document, EditSpecDocument):
        return SimilaritySet(torch.stack(vectors), document.epsilon)
    try:
        chains = EditChains(torch.stack(vectors), document.steps)
    except SettingsError as error:
        raise ArtifactError(f"{where}: {error}; ask its sender for it again") from None
    if chains.epsilon != document.epsilon:
        raise ArtifactError(
            f"{where}: epsilon is {document.epsilon:g}, but its steps go to {chains.epsilon:g}; trust none of it"
        )
    return chains


def _require_unit(document: SpecDocument, unit: str | None, where: str) -> None:
    """Whether every attribute counts in this unit, or in one of vectors if None."""
    for entry in document.attributes:
        if (entry.unit if entry.unit in ("edit", "counterpart") else None) != unit:
            raise ArtifactError(
                f"{where}: attribute {entry.name} has the unit {entry.unit}, which such a spec has not"
            )


def _pop_vector(
    tensors: dict[str, Tensor], entry: AttributeEntry, document: SpecDocument, where: str
) -> Tensor:
    """The attribute's vector [q], or edit [3, S, S], of the length that its entry states."""
    edit = isinstance(document, EditSpecDocument)
    _require_unit(document, "edit" if edit else None, where)
    size = document.flow.size
    name = _VECTOR + entry.name
    shape = (3, size, size) if edit else (document.flow.latent_dim,)
    vector = tensors.pop(name, None)
    if vector is None or tuple(vector.shape) != shape or vector.dtype != torch.float32:
        found = "nothing" if vector is None else f"{vector.dtype} {tuple(vector.shape)}"
        raise ArtifactError(f"{where}: tensor {name}: expected float32 {shape}, got {found}")
    norm = float(torch.linalg.vector_norm(vector.double()))
    stated = 1.0 if entry.unit == "unit-vector" else entry.norm
    for expected in (stated, entry.norm):
        if not abs(norm - expected) <= _NORM_TOLERANCE * expected:
            raise ArtifactError(
                f"{where}: tensor {name} has length {norm:g}, its entry says {expected:g}; trust none of it"
            )
    return vector
