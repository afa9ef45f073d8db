"""Boxes that together cover the unit ball of parameters tau = t / epsilon, in any small dimension k."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

__all__ = ["Cells", "cover", "signs"]

_TOUCHES = 1.0 + 1e-12
"""A box is dropped only if it is farther from the origin than this."""


_TANGENT = 1.0 + 1e-9
"""Height of the tangent half-space, above 1 by more than rounding."""

_FINEST = 2.0**-40


def signs(k: int, device: torch.device) -> Tensor:
    """All corners of [-1, 1]^k, [2^k, k] float64."""
    return torch.tensor(list(product((-1.0, 1.0), repeat=k)), dtype=torch.float64, device=device)


def _edges(k: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Indices into `signs(k)` of both ends of every edge of the cube."""
    pairs = [
        (low, low + 2**axis) for axis in range(k) for low in range(2**k) if not low >> axis & 1
    ]
    start, end = torch.tensor(pairs, device=device).T
    return start, end


@dataclass(frozen=True)
class Cells:
    """Boxes {centre + s * half : |s|_inf <= 1}; their coordinates are dyadic, hence exact unless they are `finest`.

    Attributes:
        centre: [c, k] float64.
        half: [c, k] float64.
    """

    centre: Tensor
    half: Tensor

    def __len__(self) -> int:
        return len(self.centre)

    def __getitem__(self, which: Tensor) -> Cells:
        return Cells(self.centre[which], self.half[which])

    def touching(self) -> Cells:
        """Those that meet the unit ball; the others hold no member of the similarity set."""
        nearest = (self.centre.abs() - self.half).clamp_min(0.0)
        return self[torch.linalg.vector_norm(nearest, dim=1) <= _TOUCHES]

    def finest(self) -> bool:
        """Whether one of them must not be halved any more, lest the halves be rounded and leave a gap."""
        return bool((self.half < _FINEST).any())

    def join(self, other: Cells) -> Cells:
        """These boxes and the others."""
        return Cells(torch.cat([self.centre, other.centre]), torch.cat([self.half, other.half]))

    def crossing(self) -> Tensor:
        """Which boxes stick out of the unit ball, [c] bool."""
        farthest = (self.centre.abs() + self.half).square().sum(1)
        crosses: Tensor = farthest > 1.0
        return crosses

    def split(self, axis: Tensor) -> Cells:
        """Both halves of every box along its axis [c]; those that left the ball are dropped."""
        along = torch.nn.functional.one_hot(axis, self.half.shape[1]).to(torch.float64)
        half = self.half * (1.0 - 0.5 * along)
        step = half * along
        both = torch.cat([self.centre - step, self.centre + step])
        return Cells(both, torch.cat([half, half])).touching()

    def vertices(self) -> tuple[Tensor, Tensor]:
        """Corners of box and half-space {n . tau <= 1}, n the direction of the box's centre.

        The half-space holds the unit ball, so a convex function on the part of the box in the ball is at most its
        maximum over these points; they stick out of the ball by a second-order distance only.

        Returns:
            Points in the box's own coordinates [c, v, k], and which of them exist [c, v].
        """
        k, device = self.half.shape[1], self.half.device
        corners, (start, end) = signs(k, device), _edges(k, device)
        normal = torch.nn.functional.normalize(self.centre, dim=1)
        height = (normal * self.centre).sum(1, keepdim=True) - _TANGENT
        height = height + (normal * self.half) @ corners.T
        first, second = height[:, start], height[:, end]
        share = (first / (first - second)).nan_to_num(0.0).clamp(0.0, 1.0).unsqueeze(2)
        crossings = corners[start] + share * (corners[end] - corners[start])
        points = torch.cat([corners.expand(len(self), -1, -1), crossings], dim=1)
        return points, torch.cat([height <= 0.0, (first < 0.0) != (second < 0.0)], dim=1)

    def clip(self, offsets: Tensor) -> Tensor:
        """The points centre + offsets * half of each box, moved into the unit ball; [c, k]."""
        points = self.centre + offsets * self.half
        length = torch.linalg.vector_norm(points, dim=1, keepdim=True)
        clipped: Tensor = points / (length * (1.0 + 1e-15)).clamp_min(1.0)
        return clipped


def cover(k: int, device: torch.device | None = None) -> Cells:
    """Equal boxes that cover the unit ball: 4 per axis, or 2 per axis for k > 3."""
    per_axis = 4 if k <= 3 else 2
    places = torch.arange(per_axis, dtype=torch.float64, device=device)
    edge = (2.0 * places + 1.0) / per_axis - 1.0
    centre = torch.cartesian_prod(*[edge] * k).reshape(-1, k)
    return Cells(centre, torch.full_like(centre, 1.0 / per_axis)).touching()
