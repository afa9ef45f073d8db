"""Canonical JSON (RFC 8785) and the content digest: what two strangers compare to know that they hold the same thing.

The digest does not depend on the order of tensors in a file, on the library that wrote it or on white space, so it can
be recomputed in any language: hash each part, list the hashes in canonical JSON, hash that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rfc8785

from shared_spec.errors import ArtifactError

__all__ = ["DIGEST_PREFIX", "canonical_json", "digest_document", "digest_file", "parse_json"]

DIGEST_PREFIX = "sha256-content-v1:"


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
    """SHA-256 of a file's bytes, as 64 hexadecimal digits, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parse_json(text: bytes | str, where: str) -> dict[str, Any]:
    """The JSON object in `text`; duplicate keys, NaN and non-objects are refused with ArtifactError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ValueError("a key stands twice")
        return result

    def refuse(name: str) -> float:
        raise ValueError(f"{name} is no JSON number")

    def number(digits: str) -> int | float:
        # RFC 8785 writes a large float without a point; only integers up to 2^53 are integers there.
        return int(digits) if len(digits) < 16 else float(digits)

    try:
        value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse, parse_int=number)
    except (ValueError, RecursionError, OverflowError) as error:
        raise ArtifactError(
            f"{where}: not valid JSON ({error}); ask for the artefact again"
        ) from error
    if not isinstance(value, dict):
        raise ArtifactError(f"{where}: expected a JSON object, got {type(value).__name__}")
    return value
