"""An attack on S(x) that knows nothing of how radii are bounded: what it finds is attained, so a true radius is larger.

Many points of the ball of coefficients, then the best of them refined by ever shorter steps. Every value is an
evaluation of the model as it was trained, in float64 and with its batch norms, not of the folded network.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from producer.encoder import Encoder
from shared_spec.similarity import SimilaritySet, ball_grid

__all__ = ["Attack"]

_POINTS = {1: 201, 2: 41, 3: 15}
"""Per axis: 201, 1,681 and 3,375 points; 9 per axis for more attributes, of whom no more than `_MOST` are kept."""
_MOST = 10_000
_STARTS = 4
_ROUNDS = 24
_BLOCK = 2_000
"""Evaluations at once."""


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

    @torch.no_grad()
    def farthest(self, latents: Tensor, centre: Tensor) -> Tensor:
        """The largest ||R(z + sum t_i a_i) - centre||_2 found over ||t||_2 <= epsilon, each attained: [n] float64.

        Args:
            latents: z, [n, q].
            centre: [n, d].
        """
        offset, directions = self._encoder.split_first_layer(latents.double(), self._vectors)
        k = len(directions)
        per_axis = _POINTS.get(k, max(2, min(9, int(_MOST ** (1.0 / k)))))
        grid = ball_grid(per_axis, k)
        size = max(1, _BLOCK // len(grid))
        found = [
            self._search(part, directions * self._epsilon, middle.double(), grid, 2.0 / (per_axis - 1))
            for part, middle in zip(offset.split(size), centre.split(size), strict=True)
        ]  # fmt: skip
        return torch.cat(found) if found else torch.zeros(0, dtype=torch.float64)

    def _search(
        self, offset: Tensor, directions: Tensor, centre: Tensor, grid: Tensor, spacing: float
    ) -> Tensor:
        """As `farthest`, for offsets [b, h_1]; directions are those of the unit ball, whose grid is [p, k]."""

        def distance(tau: Tensor) -> Tensor:
            """Of tau [b, p, k]: [b, p]."""
            points = offset[:, None] + tau @ directions
            values = self._encoder.tail(points.reshape(-1, points.shape[2]))
            away: Tensor = torch.linalg.vector_norm(
                values.reshape(*points.shape[:2], -1) - centre[:, None], dim=2
            )
            return away

        k = grid.shape[1]
        best, order = distance(grid.expand(len(offset), -1, -1)).topk(min(_STARTS, len(grid)))
        places = grid[order]
        moves = torch.cat([torch.eye(k, dtype=torch.float64), -torch.eye(k, dtype=torch.float64)])
        steps = torch.full_like(best, spacing)
        for _ in range(_ROUNDS):
            tried = places[:, :, None] + steps[:, :, None, None] * moves
            tried = tried / torch.linalg.vector_norm(tried, dim=3, keepdim=True).clamp_min(1.0)
            values = distance(tried.flatten(1, 2)).reshape(*best.shape, -1)
            found, which = values.max(2)
            better = found > best
            moved = tried.gather(2, which[:, :, None, None].expand(-1, -1, 1, k)).squeeze(2)
            places = torch.where(better[:, :, None], moved, places)
            best, steps = torch.maximum(best, found), torch.where(better, steps, 0.5 * steps)
        return best.amax(1)
