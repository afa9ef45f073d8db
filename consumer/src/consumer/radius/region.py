"""Where the producer says a person's similar people lie: the set on which a head must be constant.

Ball, polyline tube and affine tube (docs/guarantees.md, E) are one shape: the convex hull of a few vertices, plus an
ellipsoid of directions, plus a ball. So each deterministic decision is written once, for that shape. A polyline's
hull holds more than the polyline; linear heads lose nothing by it (their class regions are convex), others cut it
first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.errors import DataError
from shared_spec.rounding import INFLATION, UNDERFLOW, UNIT, norm_above

__all__ = ["Region", "affine_tube", "ball", "in_blocks", "polyline", "widened"]

_NUMBERS = 2**24


@dataclass(frozen=True)
class Region:
    """For each of n individuals: conv(vertices) + {spread^T t : ||t|| <= 1} + {e : ||e|| <= delta}.

    Attributes:
        vertices: [n, m, d] float64, m >= 1.
        delta: [n] float64; NaN, negative or unbounded ones never certify.
        spread: [n, k, d] float64, or None for no directions.
    """

    vertices: Tensor
    delta: Tensor
    spread: Tensor | None = None

    def __post_init__(self) -> None:
        n, _, d = self.vertices.shape
        if self.delta.shape != (n,):
            raise DataError(f"radii have shape {tuple(self.delta.shape)}, expected ({n},)")
        if self.spread is not None and self.spread.shape != (n, self.spread.shape[1], d):
            raise DataError(f"spread has shape {tuple(self.spread.shape)}, expected ({n}, k, {d})")

    def __len__(self) -> int:
        return self.delta.numel()

    def rows(self, index: slice | Tensor) -> Region:
        """The region of some of the individuals."""
        spread = None if self.spread is None else self.spread[index]
        return Region(self.vertices[index], self.delta[index], spread)

    @property
    def usable(self) -> Tensor:
        """Whether there is a bound at all, [n] bool."""
        return (self.delta >= 0.0) & (self.delta < UNBOUNDED)

    @property
    def magnitude(self) -> Tensor:
        """Upper bound on |r_i| over the region, per coordinate, [n, d]; inflated against rounding."""
        size = self.vertices.abs().amax(1) + self.delta[:, None]
        if self.spread is not None:
            size = size + self.spread.abs().sum(1)
        return size * INFLATION


def in_blocks(count: int, most: int, numbers: int) -> Iterator[slice]:
    """Slices of `count` individuals, of at most `most`, and of no more than hold 2^24 numbers.

    Args:
        count: how many there are.
        most: of a block.
        numbers: that the largest tensor holds for each of them.
    """
    size = max(1, min(most, _NUMBERS // max(1, numbers)))
    return (slice(start, start + size) for start in range(0, count, size))


def ball(centres: Tensor, radii: Tensor) -> Region:
    """The balls around centres [n, d] with radii [n], in representation units."""
    return Region(centres.to(torch.float64)[:, None], radii.to(torch.float64))


def polyline(vertices: Tensor, delta: Tensor) -> Region:
    """The hull of the tubes around polylines with vertices [n, m, d], m >= 1, and radii delta [n]."""
    return Region(vertices.to(torch.float64), delta.to(torch.float64))


def affine_tube(centres: Tensor, directions: Tensor, epsilon: float, delta: Tensor) -> Region:
    """The tubes {c + J^T t : ||t|| <= epsilon} + B(0, delta), with J = directions [n, k, d]."""
    spread = directions.to(torch.float64) * epsilon
    # What the product above rounds away has no direction: the ball takes it up.
    lost = UNIT * norm_above(spread.flatten(1)) + UNDERFLOW
    return Region(centres.to(torch.float64)[:, None], widened(delta, lost), spread)


def widened(delta: Tensor, lost: Tensor) -> Tensor:
    """Radii delta + lost [n] float64, rounded up; NaN where delta is negative: that stays no radius."""
    delta = delta.to(torch.float64)
    return torch.where(delta >= 0.0, (delta + lost) * INFLATION, torch.nan)
