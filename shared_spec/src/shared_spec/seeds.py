"""What a seed is, for settings and documents; `shared_spec.rng` draws from it."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import Field

from shared_spec.errors import SettingsError

__all__ = ["Seed", "check_seed"]

Seed: TypeAlias = (
    Annotated[int, Field(ge=0, lt=2**53)] | Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
)
"""A run's seed: a small whole number for convenience, or 256 bits as 64 hexadecimal digits."""


def check_seed(text: str, name: str = "seed") -> Seed:
    """The seed that is written so. Raises SettingsError for anything but a whole number or 64 hexadecimal digits."""
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return text
    if text.isascii() and text.isdigit() and int(text) < 2**53:
        return int(text)
    raise SettingsError(
        f"`{name}` is {text!r:.80}: expected a whole number below 2^53, or 64 hexadecimal digits"
    )
