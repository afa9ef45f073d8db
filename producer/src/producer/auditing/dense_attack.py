"""An attack on S(x) that knows nothing of how radii are bounded: what it finds is attained, so a true radius is larger.

Many points of the ball of coefficients, then the best of them refined by ever shorter steps. Every value is an
evaluation of the model as it was trained, in float64 and with its batch norms, not of the folded network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from producer.encoder import Encoder
from shared_spec.similarity import SimilaritySet, ball_grid

__all__ = ["Attack"]

_POINTS = {1: 201, 2: 41, 3: 15}
"""Per axis: 201, 1,681 and 3,375 points; 9 per axis for more attributes, of whom no more than `_MOST` are kept."""
_MOST = 10_000
_STARTS = 3
_ROUNDS = 14
_BLOCK = 2_000
"""Evaluations at once."""

Distance: TypeAlias = Callable[[slice, Tensor], Tensor]
"""Of the representations [b, p, d] of similar individuals of these rows, from whatever is attacked: [b, p]."""


class Attack:
    """The attack on one encoder and one kind of similarity set.

    Args:
        encoder: R, as a module in eval mode; copied.
        similarity: S(x).
    """

    def __init__(self, encoder: Encoder, similarity: SimilaritySet) -> None:
        self._encoder = copy.deepcopy(encoder).double().eval()
        self._vectors = similarity.vectors.double()
        self._epsilon = similarity.epsilon

    def from_centre(self, latents: Tensor, centre: Tensor) -> Tensor:
        """The largest ||R(z + sum t_i a_i) - centre||_2 found over ||t||_2 <= epsilon, each attained: [n] float64.

        Args:
            latents: z, [n, q].
            centre: [n, d].
        """

        def away(rows: slice, values: Tensor) -> Tensor:
            return _norm(values - centre[rows, None].double())

        return self._largest(latents, away)

    def from_chain(self, latents: Tensor, vertices: Tensor) -> Tensor:
        """As `from_centre`, from the chain of segments through vertices [n, m, d]."""

        def away(rows: slice, values: Tensor) -> Tensor:
            mine = vertices[rows].double()
            nearest = _norm(values - mine[:, None, 0])
            for start, end in zip(mine.unbind(1), mine.unbind(1)[1:], strict=False):
                step = (end - start)[:, None]
                along = ((values - start[:, None]) * step).sum(2)
                share = along / step.square().sum(2).clamp_min(1e-300)
                point = start[:, None] + share.clamp(0.0, 1.0)[..., None] * step
                nearest = torch.minimum(nearest, _norm(values - point))
            return nearest

        return self._largest(latents, away)

    @torch.no_grad()
    def _largest(self, latents: Tensor, away: Distance) -> Tensor:
        offset, directions = self._encoder.split_first_layer(latents.double(), self._vectors)
        directions = directions * self._epsilon
        k = len(directions)
        per_axis = _POINTS.get(k, max(2, min(9, int(_MOST ** (1.0 / k)))))
        grid = ball_grid(per_axis, k)
        size = max(1, _BLOCK // len(grid))
        found = [torch.zeros(0, dtype=torch.float64)]
        for first in range(0, len(offset), size):
            rows = slice(first, first + size)

            def distance(tau: Tensor, rows: slice = rows) -> Tensor:
                points = offset[rows, None] + tau @ directions
                values = self._encoder.tail(points.flatten(0, 1))
                return away(rows, values.reshape(*points.shape[:2], -1))

            found.append(
                _search(distance, grid.expand(len(offset[rows]), -1, -1), 2.0 / (per_axis - 1))
            )
        return torch.cat(found)


def _search(distance: Callable[[Tensor], Tensor], grid: Tensor, spacing: float) -> Tensor:
    """The largest [b] of `distance`, which is [b, p], from the points of grids [b, p, k] in the unit ball on."""
    k = grid.shape[2]
    best, order = distance(grid).topk(min(_STARTS, grid.shape[1]))
    places = grid.gather(1, order[:, :, None].expand(-1, -1, k))
    moves = torch.cat([torch.eye(k, dtype=torch.float64), -torch.eye(k, dtype=torch.float64)])
    steps = torch.full_like(best, spacing)
    for _ in range(_ROUNDS):
        tried = places[:, :, None] + steps[:, :, None, None] * moves
        tried = tried / torch.linalg.vector_norm(tried, dim=3, keepdim=True).clamp_min(1.0)
        found, which = distance(tried.flatten(1, 2)).reshape(*best.shape, -1).max(2)
        better = found > best
        moved = tried.gather(2, which[:, :, None, None].expand(-1, -1, 1, k)).squeeze(2)
        places = torch.where(better[:, :, None], moved, places)
        best, steps = torch.maximum(best, found), torch.where(better, steps, 0.5 * steps)
    return best.amax(1)


def _norm(values: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(values, dim=-1)
    return norm
