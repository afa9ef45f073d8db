"""Canonical JSON (RFC 8785) and the content digest: what two strangers compare to know that they hold the same thing.

The digest does not depend on the order of tensors in a file, on the library that wrote it or on white space, so it can
be recomputed in any language: hash each part, list the hashes in canonical JSON, hash that.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rfc8785

from shared_spec.artifacts.reading import open_regular
from shared_spec.errors import ArtifactError

__all__ = ["DIGEST_PREFIX", "canonical_json", "digest_document", "digest_file", "parse_json"]

DIGEST_PREFIX = "sha256-content-v1:"

_DEPTH = 16
"""Levels of the deepest JSON that is read."""


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """RFC 8785 bytes of a JSON value. Raises ValueError for NaN, infinities and integers beyond 2^53."""
    return rfc8785.dumps(value)


def digest_document(document: Mapping[str, Any], parts: Any) -> str:  # noqa: ANN401 - any JSON value
    """Content digest of a document and the hashes of the parts that belong to it.

    The digest is `sha256-content-v1:` and the hexadecimal SHA-256 of the canonical JSON of
    {"document": the document without its `content_digest`, "parts": parts}.
    """
    bare = {key: value for key, value in document.items() if key != "content_digest"}
    text = canonical_json({"document": bare, "parts": parts})
    return DIGEST_PREFIX + hashlib.sha256(text).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a regular file's bytes, as 64 hexadecimal digits, read in pieces."""
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def parse_json(text: bytes | str, where: str) -> dict[str, Any]:
    """The JSON object in `text`, strictly.

    Raises:
        ArtifactError: for anything but UTF-8 without a byte order mark, for duplicate keys, for numbers that are not
            finite, for lone surrogates, deep nesting, and values that are no object.
    """
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        value = json.loads(
            decoded,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_whole,
            parse_float=_finite,
        )
        _check_values(value)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{where}: not valid JSON ({error}); ask for the artefact again"
        ) from error
    if not isinstance(value, dict):
        raise ArtifactError(f"{where}: expected a JSON object, got {type(value).__name__}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits:.40} is beyond float64")
    return value


def _whole(digits: str) -> int | float:
    # RFC 8785 writes a large float without a point; only integers below 2^53 are integers there.
    if len(digits) <= 17 and abs(int(digits)) < 2**53:
        return int(digits)
    return _finite(digits)


def _check_values(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Raises ValueError for nesting beyond `_DEPTH` and for text that is no Unicode; does not recurse."""
    level = [value]
    for _ in range(_DEPTH):
        below: list[Any] = []
        for found in level:
            if isinstance(found, dict):
                below += [*found.keys(), *found.values()]
            elif isinstance(found, list):
                below += found
            elif isinstance(found, str):
                found.encode()
        if not below:
            return
        level = below
    raise ValueError(f"nested more than {_DEPTH} levels deep")
