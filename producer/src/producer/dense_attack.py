"""An attack on S(x) that knows nothing of how radii are bounded: what it finds is attained, so it is no larger.

Many points of the ball of coefficients, then the best of them refined by ever shorter steps; every value is one
evaluation of the encoder.
"""

from __future__ import annotations

import torch
from torch import Tensor

from shared_spec.relu_network import ReluNetwork
from shared_spec.similarity import ball_grid

__all__ = ["farthest"]

_POINTS = {1: 401, 2: 41, 3: 15}
"""Per axis: 401, 1,681 and 3,375 points; 9 per axis for more attributes."""
_STARTS = 8
_ROUNDS = 30


def farthest(
    encoder: ReluNetwork, latent: Tensor, vectors: Tensor, epsilon: float, centre: Tensor
) -> float:
    """The largest ||R(z + sum t_i a_i) - centre||_2 that is found over ||t||_2 <= epsilon; attained, in float64.

    Args:
        encoder: R.
        latent: z, [q].
        vectors: a_i, [k, q].
        epsilon: radius of the similarity set.
        centre: [d].
    """
    k = len(vectors)
    start, directions = encoder.first_layer(latent), encoder.directions(vectors) * epsilon
    centre = centre.to(torch.float64)

    def distance(tau: Tensor) -> Tensor:
        points = encoder.tail(start + tau @ directions)
        found: Tensor = torch.linalg.vector_norm(points - centre, dim=1)
        return found

    per_axis = _POINTS.get(k, 9)
    tau = ball_grid(per_axis, k)
    values = distance(tau)
    best, order = values.topk(min(_STARTS, len(values)))
    places = tau[order]
    moves = torch.cat([torch.eye(k, dtype=torch.float64), -torch.eye(k, dtype=torch.float64)])
    step = 2.0 / (per_axis - 1)
    for _ in range(_ROUNDS):
        tried = places[:, None] + step * moves
        tried = tried / torch.linalg.vector_norm(tried, dim=2, keepdim=True).clamp_min(1.0)
        found, which = distance(tried.reshape(-1, k)).reshape(len(places), -1).max(1)
        better = found > best
        places = torch.where(better[:, None], tried[torch.arange(len(places)), which], places)
        best = torch.maximum(best, found)
        if not bool(better.any()):
            step *= 0.5
    return float(best.max())
