"""`NAME>X`: a binary column made of a column of numbers, where a regulator says where to cut."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Threshold", "parse_number"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def parse_number(text: str) -> float | None:
    """The finite number that a text is in decimal notation; None for any other text."""
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Threshold:
    """`NAME>X`: yes for those whose number in column `name` is above `limit`, no for the rest."""

    name: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Threshold | None:
        """The threshold that a column's name stands for; None if it has another form.

        >>> Threshold.parse("age>39.5")
        Threshold(name='age', limit=39.5)
        """
        name, sign, limit = text.rpartition(">")
        number = parse_number(limit)
        return cls(name, number) if name and sign and number is not None else None

    def codes(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
        """0 (no) and 1 (yes) for numbers of shape [n]."""
        return (numbers > self.limit).astype(np.int16)
