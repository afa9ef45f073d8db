"""head.safetensors: the weights of a consumer's classifier, in a directory whose document describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared_spec.artifacts.arrays import Array, parse_arrays
from shared_spec.artifacts.directory import FileEntry, read_listed
from shared_spec.artifacts.document import parse_document
from shared_spec.artifacts.head_documents import HeadDocument, HeadEntry
from shared_spec.errors import ArtifactError
from shared_spec.terms import HeadKind

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["HEAD", "read_head", "save_head"]

HEAD = "head.safetensors"
"""Name of the file."""


def save_head(folder: Path, kind: HeadKind, weights: Mapping[str, Tensor]) -> str:
    """Writes the file; returns its content digest."""
    from shared_spec.artifacts.tensors import save_tensors

    described = HeadDocument(kind=kind).model_dump(mode="json", exclude={"content_digest"})
    return save_tensors(folder / HEAD, weights, described)


def read_head(folder: Path, files: Sequence[FileEntry], entry: HeadEntry) -> dict[str, Array]:
    """The weights that a directory lists and describes. Raises ArtifactError for others."""
    where = str(folder / HEAD)
    weights, raw = parse_arrays(read_listed(folder, files, HEAD), where)
    described = parse_document(HeadDocument, raw, where)
    if (described.content_digest, described.kind) != (entry.digest, entry.kind):
        raise ArtifactError(f"{where}: not the head that its directory speaks of")
    return weights
