"""What may be chosen of the check of a data set."""

from __future__ import annotations

from typing import ClassVar

from shared_spec.settings import Settings, setting

__all__ = ["CheckSettings"]


class CheckSettings(Settings):
    """How thoroughly a data set is read."""

    group: ClassVar[str] = "Check"

    every: int = setting(1, "Decode every n-th image of each split only; 0 decodes none.", ge=0)
    limit: int = setting(100, "Problems of one kind that are listed; the rest are counted.", ge=1)
