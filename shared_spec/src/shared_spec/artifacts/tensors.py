"""The only door to safetensors.

The library writes several metadata keys in random order, stores NaN silently and, from numpy, corrupts arrays that are
not contiguous. So: one metadata key holding canonical JSON, torch tensors only, contiguous and finite, and a content
digest that is checked before any tensor is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.canonical import canonical_json, digest_document, parse_json
from shared_spec.artifacts.reading import DOCUMENT_BYTES, TENSOR_BYTES, read_regular
from shared_spec.errors import ArtifactError

__all__ = [
    "METADATA_KEY",
    "dtype_name",
    "load_tensors",
    "load_weights",
    "parse_tensors",
    "read_header",
    "save_tensors",
    "tensor_digest",
]

METADATA_KEY = "lassi"

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def tensor_digest(tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> str:
    """Content digest over names, dtypes, shapes, little-endian bytes and the document."""
    parts = [
        {
            "name": name,
            "dtype": dtype_name(tensors[name], name),
            "shape": list(tensors[name].shape),
            "sha256": hashlib.sha256(_bytes(tensors[name])).hexdigest(),
        }
        for name in sorted(tensors)
    ]
    return digest_document(document, parts)


def save_tensors(path: Path, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> str:
    """Writes tensors and their document to a safetensors file, atomically; returns the content digest.

    The stored document is `document` with `content_digest` added.

    Raises:
        ArtifactError: if a floating-point tensor holds NaN or an infinity: such a file must never leave the house.
        LassiError: if the file cannot be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    for name, tensor in plain.items():
        _check_finite(str(path), name, tensor)
    digest = tensor_digest(plain, document)
    stored = {**document, "content_digest": digest}
    content = save(plain, metadata={METADATA_KEY: canonical_json(stored).decode()})
    write_atomically(Path(path), content)
    return digest


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the document of a file that `save_tensors` (or a stranger's code) wrote.

    Raises:
        ArtifactError: if there is no such regular file, or `parse_tensors` refuses it.
    """
    return parse_tensors(read_regular(Path(path), TENSOR_BYTES), str(path))


def parse_tensors(
    content: bytes, where: str, listed: bool = False
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the document in a file's bytes.

    Args:
        content: of the file.
        where: what to call it.
        listed: whether the bytes are known to be those whose hash a checked document lists; then that one hash has
            covered all that the file's own digest covers, and it is not computed a second time.

    Raises:
        ArtifactError: if they are truncated, not of this form, hold non-finite numbers, or, unless they are listed, do
            not have the content that their digest names.
    """
    entries, document = read_header(content, where)
    for name, entry in entries.items():
        if not isinstance(entry, dict) or entry.get("dtype") not in _DTYPES.values():
            raise ArtifactError(
                f"{where}: tensor {name:.100}: its dtype is not one of {sorted(_DTYPES.values())}"
            )
    try:
        # Copied into torch's own, aligned memory: the last bits of a matrix product depend on the alignment.
        tensors = load(content)
        for name in tensors:
            tensors[name] = tensors[name].clone()
    except (SafetensorError, ValueError, RuntimeError, OverflowError, AssertionError) as error:
        raise _malformed(where, str(error).splitlines()[0]) from error
    for name, tensor in tensors.items():
        _check_finite(where, name, tensor)
    if listed:
        return tensors, document
    expected, actual = document.get("content_digest"), tensor_digest(tensors, document)
    if expected != actual:
        raise ArtifactError(
            f"{where}: content digest is {actual}, expected {expected!r:.100}; it was changed after it was written"
        )
    return tensors, document


def read_header(content: bytes, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a safetensors file says of itself: an entry per tensor, and the document; neither is checked here.

    Raises:
        ArtifactError: if there is no header of this form.
    """
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(len(content) - 8, DOCUMENT_BYTES):
        raise _malformed(where, "its header does not fit")
    entries = parse_json(content[8 : 8 + size], where)
    metadata = entries.pop("__metadata__", None)
    text = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str) or len(metadata) != 1:
        raise ArtifactError(
            f"{where}: expected one metadata key {METADATA_KEY!r}; not an artefact of LASSI"
        )
    return entries, parse_json(text, where)


def _malformed(where: str, detail: str) -> ArtifactError:
    return ArtifactError(
        f"{where}: truncated or not a safetensors file ({detail:.200}); ask its sender for it again"
    )


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Puts stored tensors into a module; raises ArtifactError if they are not exactly its state."""
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as error:
        detail = " ".join(str(error).split())
        raise ArtifactError(f"{where}: weights do not fit their description: {detail}") from error


def dtype_name(tensor: Tensor, name: str = "") -> str:
    """The safetensors name of a tensor's type. Raises ArtifactError for one that artefacts do not hold."""
    if tensor.dtype not in _DTYPES:
        raise ArtifactError(
            f"tensor {name}: dtype {tensor.dtype} is not one of {sorted(_DTYPES.values())}"
        )
    return _DTYPES[tensor.dtype]


def _bytes(tensor: Tensor) -> memoryview:
    # safetensors is little-endian, as is every platform that torch supports.
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data


def _check_finite(where: str, name: str, tensor: Tensor) -> None:
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise ArtifactError(
            f"{where}: tensor {name} holds NaN or infinity; expected finite numbers only"
        )
