"""spec.safetensors: the regulator's word on who is similar to whom.

It holds all that a stranger needs to compute S(x): the flow G = (E, D), one vector per attribute and epsilon.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from shared_spec.artifacts.document import DataEntry, Document, Strict, Tool, parse_document
from shared_spec.artifacts.quality import Quality
from shared_spec.artifacts.tensors import load_tensors, load_weights, save_tensors
from shared_spec.errors import ArtifactError
from shared_spec.flow import Glow, GlowConfig
from shared_spec.rng import Seed
from shared_spec.similarity import SimilaritySet

__all__ = [
    "AttributeEntry",
    "Spec",
    "SpecDocument",
    "load_spec",
    "save_spec",
]

_FLOW, _VECTOR = "flow.", "attribute."


class AttributeEntry(Strict):
    """One sensitive attribute and how its vector a was found."""

    name: str
    method: str
    unit: Literal["vector", "unit-vector"]
    """What one unit of epsilon means: one times a as the method scales it, or one times a unit vector."""
    norm: float = Field(gt=0, description="l2 norm of the stored vector, in latent units")
    counts: dict[str, int]
    """Individuals behind the vector, per class."""
    settings: dict[str, float | int | str]


class SpecDocument(Document):
    """Everything in spec.safetensors but the tensors."""

    media_type: Literal["application/vnd.lassi.similarity-spec.v1+safetensors"] = (
        "application/vnd.lassi.similarity-spec.v1+safetensors"
    )
    flow: GlowConfig
    flow_digest: str
    """Content digest of the flow file that the spec was published from."""
    preprocessing: Literal["floor(v/2^(8-bits))/2^bits-0.5"] = "floor(v/2^(8-bits))/2^bits-0.5"
    epsilon: float = Field(gt=0)
    attributes: tuple[AttributeEntry, ...] = Field(min_length=1)
    data: DataEntry
    quality: Quality
    tool: Tool
    seed: Seed


@dataclass(frozen=True)
class Spec:
    """A spec as its readers use it."""

    document: SpecDocument
    flow: Glow
    similarity: SimilaritySet

    def __repr__(self) -> str:
        names = ", ".join(entry.name for entry in self.document.attributes)
        size = self.document.flow.size
        return f"Spec({names}; epsilon = {self.document.epsilon:g}; {size} px; {self.digest})"

    @property
    def digest(self) -> str:
        """Content digest that later artefacts quote."""
        return self.document.content_digest


def save_spec(path: Path, document: SpecDocument, flow: Glow, vectors: Tensor) -> str:
    """Writes spec.safetensors atomically and returns its content digest; vectors: [k, q] f32, one per attribute."""
    tensors = {_FLOW + name: tensor for name, tensor in flow.state_dict().items()}
    for entry, vector in zip(document.attributes, vectors, strict=True):
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
    document = parse_document(SpecDocument, raw, str(path))
    names = [_VECTOR + entry.name for entry in document.attributes]
    vectors = [tensors.pop(name, None) for name in names]
    q = document.flow.latent_dim
    for name, vector in zip(names, vectors, strict=True):
        if vector is None or vector.shape != (q,) or vector.dtype != torch.float32:
            found = "nothing" if vector is None else f"{vector.dtype} {tuple(vector.shape)}"
            raise ArtifactError(f"{path}: tensor {name}: expected float32 ({q},), got {found}")
    flow = Glow(document.flow, torch.Generator())
    load_weights(
        flow, {name.removeprefix(_FLOW): value for name, value in tensors.items()}, str(path)
    )
    stacked = torch.stack([vector for vector in vectors if vector is not None])
    similarity = SimilaritySet(stacked, document.epsilon)
    return Spec(document, flow.eval(), similarity)
