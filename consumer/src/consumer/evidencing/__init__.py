"""What a certificate says, in the forms of other systems: CycloneDX, Hugging Face's model cards, a table."""

from typing import Literal, TypeAlias

__all__ = ["Format"]

Format: TypeAlias = Literal["cyclonedx", "model-card", "csv", "groups-csv"]
"""The forms by name, which a command line knows before any of them is loaded."""
