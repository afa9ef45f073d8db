"""What may be chosen of the pictures."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared_spec.settings import Settings, setting

__all__ = ["CoverageSettings", "PreviewSettings"]

Split = Literal["train", "valid", "test"]


class PreviewSettings(Settings):
    """What a preview shows."""

    group: ClassVar[str] = "Picture"

    split: Split = setting("test", "Whose similarity sets, or images.")
    individuals: int = setting(4, "How many, evenly spread.", ge=1, le=32)
    points: int = setting(7, "Points per strip, odd: the individual is in the middle.", ge=3, le=31)


class CoverageSettings(Settings):
    """Who is compared with the truth, and who is shown."""

    group: ClassVar[str] = "Comparison"

    split: Split = setting("test", "Whose similarity sets.")
    individuals: int = setting(32, "How many, evenly spread.", ge=2)
    examples: int = setting(3, "Individuals in the picture, per attribute.", ge=1, le=8)
