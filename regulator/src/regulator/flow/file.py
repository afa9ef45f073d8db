"""flow.safetensors: a trained flow before a spec is published from it; it stays with the regulator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from regulator.flow.settings import FlowTrainingSettings
from shared_spec.artifacts.document import DataEntry, Document, Tool, parse_document
from shared_spec.artifacts.tensors import load_tensors, load_weights, save_tensors
from shared_spec.flow import Glow, GlowConfig
from shared_spec.flow.stored import check_stored
from shared_spec.seeds import Seed

__all__ = ["FlowDocument", "FlowFile", "load_flow", "save_flow"]


class FlowDocument(Document):
    """How a flow was trained."""

    media_type: Literal["application/vnd.lassi.flow.v1+safetensors"] = (
        "application/vnd.lassi.flow.v1+safetensors"
    )
    flow: GlowConfig
    data: DataEntry
    training: FlowTrainingSettings
    bits_per_dim: float
    """On held-out images."""
    tool: Tool
    seed: Seed


@dataclass(frozen=True)
class FlowFile:
    """A checked flow file."""

    document: FlowDocument
    flow: Glow

    def __repr__(self) -> str:
        shape, document = self.document.flow, self.document
        return (
            f"FlowFile({shape.size} px, {shape.blocks} x {shape.flows} x {shape.hidden}; "
            f"{document.bits_per_dim:.3f} bits/dim; {document.content_digest})"
        )


def save_flow(path: Path, document: FlowDocument, flow: Glow) -> str:
    """Writes the flow atomically; returns its content digest."""
    stored = document.model_dump(mode="json", exclude={"content_digest"}, exclude_none=True)
    return save_tensors(path, flow.state_dict(), stored)


def load_flow(path: Path | str | FlowFile) -> FlowFile:
    """Reads and checks a flow file; one that is loaded is returned. Raises ArtifactError as `load_spec` does."""
    if isinstance(path, FlowFile):
        return path
    tensors, raw = load_tensors(Path(path))
    document = parse_document(FlowDocument, raw, str(path))
    check_stored(document.flow, tensors, str(path))
    flow = Glow(document.flow, torch.Generator())
    load_weights(flow, tensors, str(path))
    return FlowFile(document, flow.eval())
