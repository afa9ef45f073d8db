"""model/: the trained encoder, the producer's property. It never enters reps/."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch

from producer.curves import EpochCurve
from producer.encoder import Encoder, EncoderConfig, fold
from producer.settings import TrainingSettings
from shared_spec.artifacts.document import DataEntry, Document, Tool, parse_document
from shared_spec.artifacts.tensors import load_tensors, load_weights, save_tensors
from shared_spec.errors import ArtifactError
from shared_spec.relu_network import ReluNetwork
from shared_spec.seeds import Seed
from shared_spec.terms import EncoderMethod

__all__ = ["EncoderDocument", "Model", "load_encoder", "model_path", "save_encoder"]

_FILE = "encoder.safetensors"
_EARLIER_NAMES = {"output_dim": "dimension", "batch_size": "batch", "precision": "bf16"}


class EncoderDocument(Document):
    """How an encoder was made, and for which spec."""

    media_type: Literal["application/vnd.lassi.encoder.v1+safetensors"] = (
        "application/vnd.lassi.encoder.v1+safetensors"
    )
    spec_digest: str
    data: DataEntry
    encoder: EncoderConfig
    method: EncoderMethod
    targets: tuple[str, ...]
    training: TrainingSettings
    """Resolved; the same command with the same settings reuses the model, with others it refuses."""
    curves: tuple[EpochCurve, ...] = ()
    chosen_epoch: int = 0
    tool: Tool
    seed: Seed

    @classmethod
    def names_of_today(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Encoders from before settings had one name can still be read."""
        if not isinstance(value.get("training"), dict):
            return value
        training = {_EARLIER_NAMES.get(name, name): v for name, v in value["training"].items()}
        if isinstance(training.get("bf16"), str):
            training["bf16"] = training["bf16"] == "bfloat16"
        return {**value, "training": {**training, "method": value.get("method")}}


@dataclass(frozen=True)
class Model:
    """A checked encoder, folded for certification."""

    document: EncoderDocument
    encoder: Encoder
    folded: ReluNetwork

    def on(self, device: torch.device) -> Model:
        """The same, where it is to compute; itself if it is there."""
        if device == self.folded.device:
            return self
        moved = copy.deepcopy(self.encoder).to(device)
        return Model(self.document, moved, self.folded.to(device))

    def __repr__(self) -> str:
        document = self.document
        widths = "-".join(str(width) for width in document.encoder.widths)
        targets = ", ".join(document.targets) or "no target"
        return f"Model({document.method}; {targets}; {widths}; {self.digest})"

    @property
    def digest(self) -> str:
        """Content digest that bundles quote."""
        return self.document.content_digest


def model_path(folder: Path | str) -> Path:
    """Where the encoder is, inside its folder."""
    return Path(folder) / _FILE


def save_encoder(folder: Path, document: EncoderDocument, encoder: Encoder) -> str:
    """Writes model/encoder.safetensors atomically; returns its content digest."""
    content = document.model_dump(mode="json", exclude={"content_digest"})
    return save_tensors(model_path(folder), encoder.state_dict(), content)


def load_encoder(folder: Path | str | Model) -> Model:
    """Reads and checks model/encoder.safetensors; a model that is loaded already is returned.

    Raises:
        ArtifactError: if it is missing, truncated, changed, or its weights do not fit its description.
    """
    if isinstance(folder, Model):
        return folder
    path = model_path(folder)
    tensors, raw = load_tensors(path)
    document = parse_document(EncoderDocument, raw, str(path))
    config = document.encoder
    sizes = sum(a * b for a, b in pairwise(config.widths)) + config.projected * config.input_dim
    if sizes != sum(tensor.numel() for tensor in tensors.values() if tensor.ndim == 2):
        raise ArtifactError(f"{path}: weights do not fit their description; ask for it again")
    encoder = Encoder(document.encoder, torch.Generator())
    load_weights(encoder, tensors, str(path))
    encoder.eval().requires_grad_(False)
    return Model(document, encoder, fold(encoder))
