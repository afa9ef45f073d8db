"""flow.safetensors: a trained flow before a spec is published from it; it stays with the regulator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from shared_spec.artifacts.document import DataEntry, Document, Tool, parse_document
from shared_spec.artifacts.tensors import load_tensors, load_weights, save_tensors
from shared_spec.flow import Glow, GlowConfig
from shared_spec.flow.stored import check_stored

__all__ = ["FlowDocument", "FlowFile", "load_flow", "save_flow"]


class FlowDocument(Document):
    """How a flow was trained."""

    media_type: Literal["application/vnd.lassi.flow.v1+safetensors"] = (
        "application/vnd.lassi.flow.v1+safetensors"
    )
    flow: GlowConfig
    data: DataEntry
    training: dict[str, float | int | str | bool]
    bits_per_dim: float
    """On held-out images."""
    tool: Tool
    seed: int


@dataclass(frozen=True)
class FlowFile:
    """A checked flow file."""

    document: FlowDocument
    flow: Glow


def save_flow(path: Path, document: FlowDocument, flow: Glow) -> str:
    """Writes the flow atomically; returns its content digest."""
    return save_tensors(
        path, flow.state_dict(), document.model_dump(mode="json", exclude={"content_digest"})
    )


def load_flow(path: Path) -> FlowFile:
    """Reads and checks a flow file. Raises ArtifactError as `load_spec` does."""
    tensors, raw = load_tensors(path)
    document = parse_document(FlowDocument, raw, str(path))
    check_stored(document.flow, tensors, str(path))
    flow = Glow(document.flow, torch.Generator())
    load_weights(flow, tensors, str(path))
    return FlowFile(document, flow.eval())
