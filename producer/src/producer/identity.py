"""Whether what was made before was made with the same settings, and which of them differs."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from shared_spec.errors import SettingsError

__all__ = ["refuse_other"]

_PLACES = {"trained": "model", "exported": "out"}
"""The arguments by which another place is named."""


def refuse_other(
    where: Path,
    made: Literal["trained", "exported"],
    found: BaseModel,
    wanted: BaseModel,
    apart_from: Collection[str] = (),
) -> None:
    """Raises SettingsError naming the first field in which two documents differ, and its two values.

    Args:
        where: what was made before.
        made: how.
        found: what stands there.
        wanted: what is to be made now.
        apart_from: fields that may differ, such as `tool` or `encoder.digest`.
    """
    old, new = found.model_dump(mode="json"), wanted.model_dump(mode="json")
    different = _difference(old, new, apart_from, "")
    if different is not None:
        name, before, now = different
        raise SettingsError(
            f"{where}: {made} before with {name} {_short(before)}, now {_short(now)}; "
            f"name another `{_PLACES[made]}`, or pass `force` to replace it"
        )


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


def _short(value: Any) -> str:  # noqa: ANN401 - JSON
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:197] + "..."
