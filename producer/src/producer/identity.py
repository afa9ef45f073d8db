"""Whether what was made before was made with the same settings, and which of them differs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from shared_spec.artifacts.difference import first_difference, shortly
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
    different = first_difference(found, wanted, apart_from)
    if different is not None:
        name, before, now = different
        raise SettingsError(
            f"{where}: {made} before with {name} {shortly(before)}, now {shortly(now)}; "
            f"name another `{_PLACES[made]}`, or pass `force` to replace it"
        )
