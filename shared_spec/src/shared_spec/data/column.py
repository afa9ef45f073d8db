"""How users name an attribute: `NAME`, a binary column, or `NAME:BEGIN:END`, two classes of any column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared_spec.data.source import Source
from shared_spec.data.thresholds import parse_number
from shared_spec.errors import DataError

__all__ = ["Column"]

_SHOWN = 12
"""Classes that a message lists."""


@dataclass(frozen=True)
class Column:
    """A column with the two classes between which an attribute points, where they were named.

    Attributes:
        text: as the user wrote it, and as artefacts store it.
        name: of the label column.
        ends: BEGIN and END; None for a binary column's own two classes.
    """

    text: str
    name: str
    ends: tuple[str, str] | None

    @classmethod
    def parse(cls, text: str) -> Column:
        """Reads `NAME` or `NAME:BEGIN:END`. Raises DataError for another form.

        >>> Column.parse("Age:0-2:70+").ends
        ('0-2', '70+')
        """
        name, *ends = text.split(":")
        if not name or len(ends) not in (0, 2) or not all(ends):
            raise DataError(f"attribute {text!r}: expected NAME or NAME:BEGIN:END")
        return cls(text, name, (ends[0], ends[1]) if ends else None)

    def classes(self, source: Source) -> tuple[str, str]:
        """The class without the attribute and the class with it.

        Raises:
            DataError: if the column or a class is unknown, the ends are equal, or the column is not binary.
        """
        known = source.check_column(self.name)
        if self.ends is None:
            if len(known) != 2:
                raise DataError(
                    f"{source.uri}: {self.name} has {len(known)} classes ({_some(known)}); "
                    f"name {_threshold(source, self.name, known)}the two ends, as in {self.name}:{known[0]}:{known[-1]}"
                )
            return known[0], known[1]
        if self.ends[0] == self.ends[1] or not set(self.ends) <= set(known):
            raise DataError(
                f"{source.uri}: {self.text!r}: expected {self.name}:BEGIN:END with two of {_some(known)}"
            )
        return self.ends


def _some(classes: Sequence[str]) -> str:
    """The classes, or of many the first and the last."""
    many = len(classes) > _SHOWN
    return ", ".join([*classes[: _SHOWN - 2], "…", classes[-1]] if many else classes)


def _threshold(source: Source, name: str, classes: Sequence[str]) -> str:
    """A threshold to name, where the source has them for such numbers: the middle of the classes."""
    numbers = [number for text in classes if (number := parse_number(text)) is not None]
    if len(numbers) < len(classes):
        return ""
    column = f"{name}>{sorted(numbers)[len(numbers) // 2]:g}"
    try:
        source.check_column(column)
    except DataError:
        return ""
    return f"a threshold, as in {column}, or "
