"""Names that somebody chose, as documents and settings hold them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from shared_spec.text import is_printable

__all__ = ["Name", "printable"]


def printable(text: str) -> str:
    """This text. Raises ValueError if showing it would do more than show it."""
    if not is_printable(text):
        raise ValueError("holds control characters")
    return text


Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
"""A name that somebody chose: one line of printable text."""
