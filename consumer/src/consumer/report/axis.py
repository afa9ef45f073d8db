"""A logarithmic axis that two distances share, and how it maps to a drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["LogAxis", "common_axis"]

_WIDEST = 1e6
"""Ratio of the ends beyond which the outermost numbers are drawn on the border: one stray would squeeze the rest."""

_SHORT = 1000.0
"""Ratio of the ends below which powers of ten alone would be few."""

_MOST_TICKS = 10

_ZERO, _INFINITY = 1e-15, 1e15
"""Distances beyond these are drawn at an end: rounding, and the radius of a head that never changes its mind."""


@dataclass(frozen=True)
class LogAxis:
    """The axis from `low` to `high`, 0 < low < high."""

    low: float
    high: float

    def fraction(self, value: float) -> float:
        """Where the value lies between the ends, in [0, 1]; 0, infinity and whatever is outside lie on an end.

        Non-decreasing in the value, so a point above the diagonal is never drawn below it.
        """
        if value <= self.low:
            return 0.0
        if value >= self.high:
            return 1.0
        return min(1.0, math.log(value / self.low) / math.log(self.high / self.low))

    def holds(self, value: float) -> bool:
        """Whether the value lies between the ends."""
        return self.low <= value <= self.high

    def ticks(self) -> list[float]:
        """Powers of ten between the ends; on a short axis 2 and 5 times them too, on a very long one only some."""
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors = (1, 2, 5) if self.high < _SHORT * self.low else (1,)
        # Read as text: the powers themselves, where 10.0**-5 may be a neighbour.
        found = [float(f"{factor}e{k}") for k in exponents for factor in factors]
        inside = [tick for tick in found if self.holds(tick)]
        return inside[:: math.ceil(len(inside) / _MOST_TICKS)]


def common_axis(values: Iterable[float]) -> LogAxis:
    """An axis for these distances, with some room around them; a power of ten long at least."""
    found = sorted(value for value in values if _ZERO < value < _INFINITY)
    if not found:
        return LogAxis(0.1, 10.0)
    low, high = found[0], found[-1]
    if high > _WIDEST * low:
        cut = len(found) // 200
        low, high = found[cut], found[-1 - cut]
    room = max(1.25, math.sqrt(10.0 * low / high))
    return LogAxis(low / room, high * room)
