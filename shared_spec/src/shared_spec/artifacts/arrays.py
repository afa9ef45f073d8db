"""What a safetensors file holds, read without torch: all that is checked of one is checked here.

The library writes several metadata keys in random order, stores NaN silently and, from numpy, corrupts arrays that are
not contiguous. So: one metadata key holding canonical JSON, contiguous and finite tensors only, and a content digest
that is checked before any number is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

from shared_spec.artifacts.canonical import digest_document, parse_json
from shared_spec.artifacts.reading import DOCUMENT_BYTES, TENSOR_BYTES, read_regular
from shared_spec.errors import ArtifactError

__all__ = [
    "METADATA_KEY",
    "Array",
    "array_digest",
    "array_hash",
    "check_finite",
    "dtype_name",
    "load_arrays",
    "parse_arrays",
    "read_header",
]

METADATA_KEY = "lassi"

Array: TypeAlias = npt.NDArray[Any]

_DTYPES = {"f8": "F64", "f4": "F32", "i8": "I64", "i4": "I32", "u1": "U8", "b1": "BOOL"}
"""The types that artefacts hold, by their names in numpy and in safetensors."""


def array_digest(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> str:
    """Content digest over names, dtypes, shapes, little-endian bytes and the document."""
    parts = [
        {
            "name": name,
            "dtype": dtype_name(arrays[name], name),
            "shape": list(arrays[name].shape),
            "sha256": array_hash(arrays[name]),
        }
        for name in sorted(arrays)
    ]
    return digest_document(document, parts)


def array_hash(array: Array) -> str:
    """SHA-256 of the bytes of an array."""
    # safetensors is little-endian, as is every platform that torch supports.
    return hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).hexdigest()


def load_arrays(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """The tensors, as arrays, and the document of a file of LASSI, whoever wrote it.

    Raises:
        ArtifactError: if there is no such regular file, or `parse_arrays` refuses it.
    """
    return parse_arrays(read_regular(Path(path), TENSOR_BYTES), str(path))


def parse_arrays(
    content: bytes, where: str, listed: bool = False
) -> tuple[dict[str, Array], dict[str, Any]]:
    """The tensors, as arrays, and the document in a file's bytes.

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
        arrays = load(content)
    except (SafetensorError, ValueError, RuntimeError, OverflowError, AssertionError) as error:
        raise _malformed(where, str(error).splitlines()[0]) from error
    for name, array in arrays.items():
        check_finite(where, name, array)
    if listed:
        return arrays, document
    expected, actual = document.get("content_digest"), array_digest(arrays, document)
    if expected != actual:
        raise ArtifactError(
            f"{where}: content digest is {actual}, expected {expected!r:.100}; it was changed after it was written"
        )
    return arrays, document


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


def dtype_name(array: Array, name: str = "") -> str:
    """The safetensors name of an array's type. Raises ArtifactError for one that artefacts do not hold."""
    found = _DTYPES.get(array.dtype.str[1:])
    if found is None:
        raise ArtifactError(
            f"tensor {name}: dtype {array.dtype} is not one of {sorted(_DTYPES.values())}"
        )
    return found


def check_finite(where: str, name: str, array: Array) -> None:
    """Raises ArtifactError for NaN and infinities."""
    if array.dtype.kind == "f" and not bool(np.isfinite(array).all()):
        raise ArtifactError(
            f"{where}: tensor {name} holds NaN or infinity; expected finite numbers only"
        )


def _malformed(where: str, detail: str) -> ArtifactError:
    return ArtifactError(
        f"{where}: truncated or not a safetensors file ({detail:.200}); ask its sender for it again"
    )
