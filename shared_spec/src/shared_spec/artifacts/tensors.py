"""The only door to safetensors for torch: what is checked of a file is checked in `arrays`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from shared_spec.artifacts.arrays import (
    METADATA_KEY,
    Array,
    array_digest,
    check_finite,
    load_arrays,
)
from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.canonical import canonical_json
from shared_spec.errors import ArtifactError

__all__ = [
    "as_arrays",
    "as_tensors",
    "load_tensors",
    "load_weights",
    "save_tensors",
    "tensor_digest",
]


def tensor_digest(tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> str:
    """Content digest over names, dtypes, shapes, little-endian bytes and the document."""
    return array_digest(as_arrays(tensors), document)


def save_tensors(path: Path, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> str:
    """Writes tensors and their document to a safetensors file, atomically; returns the content digest.

    The stored document is `document` with `content_digest` added.

    Raises:
        ArtifactError: if a floating-point tensor holds NaN or an infinity: such a file must never leave the house; or
            if one has a type that artefacts do not hold.
        LassiError: if the file cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    arrays = as_arrays(plain)
    for name, array in arrays.items():
        check_finite(str(path), name, array)
    digest = array_digest(arrays, document)
    stored = {**document, "content_digest": digest}
    content = save(plain, metadata={METADATA_KEY: canonical_json(stored).decode()})
    write_atomically(Path(path), content)
    return digest


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the document of a file that `save_tensors` (or a stranger's code) wrote.

    Raises:
        ArtifactError: as `load_arrays`.
    """
    arrays, document = load_arrays(path)
    return as_tensors(arrays), document


def as_tensors(arrays: Mapping[str, Array]) -> dict[str, Tensor]:
    """Copies in torch's own, aligned memory: the last bits of a matrix product depend on the alignment."""
    return {name: torch.from_numpy(array).clone() for name, array in arrays.items()}


def as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, Array]:
    """The same numbers on the host, not copied where they lie there. Raises ArtifactError for types without arrays."""
    try:
        return {name: tensor.numpy(force=True) for name, tensor in tensors.items()}
    except TypeError as error:
        raise ArtifactError(f"a tensor has a type that artefacts do not hold: {error}") from error


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Puts stored tensors into a module; raises ArtifactError if they are not exactly its state."""
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise ArtifactError(f"{where}: weights do not fit their description: {detail}") from error
