"""The first thing in which two documents differ."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pydantic import BaseModel

__all__ = ["first_difference", "shortly"]


def first_difference(
    found: BaseModel, wanted: BaseModel, apart_from: Collection[str] = ()
) -> tuple[str, Any, Any] | None:
    """The first field that differs, in the order of `wanted`, and its two values; None where all are the same.

    Args:
        found: a document.
        wanted: another.
        apart_from: fields that may differ, such as `tool` or `encoder.digest`.
    """
    old, new = found.model_dump(mode="json"), wanted.model_dump(mode="json")
    return _difference(old, new, apart_from, "")


def _difference(
    old: Any,  # noqa: ANN401 - JSON
    new: Any,  # noqa: ANN401
    apart_from: Collection[str],
    name: str,
) -> tuple[str, Any, Any] | None:
    if name in apart_from or old == new:
        return None
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return name, old, new
    for field in dict.fromkeys([*new, *old]):
        deeper = f"{name}.{field}" if name else field
        different = _difference(old.get(field), new.get(field), apart_from, deeper)
        if different is not None:
            return different
    return None


def shortly(value: Any) -> str:  # noqa: ANN401 - JSON
    """A value in a message, cut after 200 characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:197] + "..."
