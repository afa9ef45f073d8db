"""spec.safetensors: the regulator's word on who is similar to whom.

It holds all that a stranger needs to compute S(x): the flow G = (E, D), and per attribute a vector or an edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from shared_spec.artifacts.bundle_documents import SpecEntry
from shared_spec.artifacts.spec_documents import (
    FLOW,
    VECTOR,
    CounterpartSpecDocument,
    EditSpecDocument,
    SpecDocument,
    StatedSpec,
    read_spec,
)
from shared_spec.artifacts.tensors import as_tensors, load_weights, save_tensors
from shared_spec.chains import EditChains, Similarity
from shared_spec.counterpart_chains import CounterpartChains
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.flow import Glow
from shared_spec.similarity import SimilaritySet

__all__ = ["Spec", "load_spec", "save_spec"]


@dataclass(frozen=True)
class Spec:
    """A spec as its readers use it."""

    stated: StatedSpec
    flow: Glow
    similarity: Similarity

    @property
    def document(self) -> SpecDocument:
        """What it says."""
        return self.stated.document

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
        return self.stated.entry


def save_spec(path: Path, document: SpecDocument, flow: Glow, vectors: Tensor | None) -> str:
    """Writes spec.safetensors atomically and returns its content digest.

    `vectors` are [k, q] f32, one per attribute; of a spec along edits the edits [k, 3, S, S], of one along counterparts
    none.
    """
    tensors = {FLOW + name: tensor for name, tensor in flow.state_dict().items()}
    for entry, vector in (
        zip(document.attributes, vectors, strict=True) if vectors is not None else ()
    ):
        tensors[VECTOR + entry.name] = vector.to(torch.float32)
    return save_tensors(path, tensors, document.model_dump(mode="json", exclude={"content_digest"}))


def load_spec(path: Path | str | Spec) -> Spec:
    """Reads and checks spec.safetensors; a spec that is loaded already is returned.

    Raises:
        ArtifactError: as `read_spec`, or if the weights are not those of its flow.
    """
    if isinstance(path, Spec):
        return path
    path = Path(path)
    stated, weights = read_spec(path)
    flow = Glow(stated.document.flow, torch.Generator())
    load_weights(flow, as_tensors(weights), str(path))
    return Spec(stated, flow.eval(), _similarity(stated, str(path)))


def _similarity(stated: StatedSpec, where: str) -> Similarity:
    document = stated.document
    if isinstance(document, CounterpartSpecDocument):
        names = tuple(entry.name for entry in document.attributes)
        return CounterpartChains(names, document.length, document.flow.size)
    vectors = torch.stack([torch.from_numpy(vector) for vector in stated.vectors])
    if not isinstance(document, EditSpecDocument):
        return SimilaritySet(vectors, document.epsilon)
    try:
        chains = EditChains(vectors, document.steps)
    except SettingsError as error:
        raise ArtifactError(f"{where}: {error}; ask its sender for it again") from None
    if chains.epsilon != document.epsilon:
        raise ArtifactError(
            f"{where}: epsilon is {document.epsilon:g}, but its steps go to {chains.epsilon:g}; trust none of it"
        )
    return chains
