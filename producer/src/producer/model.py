"""model/: the trained encoder, the producer's property. It never enters reps/."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch

from producer.encoder import Encoder, EncoderConfig, fold
from shared_spec.artifacts.document import DataEntry, Document, Tool, parse_document
from shared_spec.artifacts.tensors import load_tensors, load_weights, save_tensors
from shared_spec.errors import ArtifactError
from shared_spec.relu_network import ReluNetwork

__all__ = ["EncoderDocument", "Model", "load_encoder", "model_path", "save_encoder"]

_FILE = "encoder.safetensors"


class EncoderDocument(Document):
    """How an encoder was made, and for which spec."""

    media_type: Literal["application/vnd.lassi.encoder.v1+safetensors"] = (
        "application/vnd.lassi.encoder.v1+safetensors"
    )
    spec_digest: str
    data: DataEntry
    encoder: EncoderConfig
    method: Literal["lassi", "augment", "naive"]
    targets: tuple[str, ...]
    training: dict[str, Any]
    """The resolved settings; the same command with the same settings reuses the model, with others it refuses."""
    curves: tuple[dict[str, Any], ...]
    chosen_epoch: int
    tool: Tool
    seed: int


@dataclass(frozen=True)
class Model:
    """A checked encoder, folded for certification."""

    document: EncoderDocument
    encoder: Encoder
    folded: ReluNetwork

    @property
    def digest(self) -> str:
        """Content digest that bundles quote."""
        return self.document.content_digest


def model_path(folder: Path) -> Path:
    """Where the encoder is, inside `--model DIR`."""
    return Path(folder) / _FILE


def save_encoder(folder: Path, document: EncoderDocument, encoder: Encoder) -> str:
    """Writes model/encoder.safetensors atomically; returns its content digest."""
    content = document.model_dump(mode="json", exclude={"content_digest"})
    return save_tensors(model_path(folder), encoder.state_dict(), content)


def load_encoder(folder: Path) -> Model:
    """Reads and checks model/encoder.safetensors.

    Raises:
        ArtifactError: if it is missing, truncated, changed, or its weights do not fit its description.
    """
    path = model_path(folder)
    tensors, raw = load_tensors(path)
    document = parse_document(EncoderDocument, raw, str(path))
    sizes = sum(a * b for a, b in pairwise(document.encoder.widths))
    if sizes != sum(tensor.numel() for tensor in tensors.values() if tensor.ndim == 2):
        raise ArtifactError(f"{path}: weights do not fit their description; ask for it again")
    encoder = Encoder(document.encoder, torch.Generator())
    load_weights(encoder, tensors, str(path))
    encoder.eval().requires_grad_(False)
    return Model(document, encoder, fold(encoder))
