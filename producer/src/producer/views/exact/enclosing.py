"""A centre from which a set of representations is seen at a smaller distance than from R(z).

Any centre is sound, since the radius is bounded afterwards for the centre that was chosen; a good one makes the
certified ball smaller (by about a sixth for a trained encoder, docs/guarantees.md, D.1).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["enclosing_centre"]

_WORTHWHILE = 0.99
"""R(z) stays the centre unless the ball shrinks by more than one per cent."""

_STEPS = 200
"""Towards the farthest point; the radius is within about 1/_STEPS of the smallest."""


def enclosing_centre(points: Tensor, reference: Tensor) -> Tensor:
    """Centre of a nearly smallest ball around each set of points (Badoiu and Clarkson 2003).

    Args:
        points: [n, m, d] float64.
        reference: [n, d] float64, kept where a better centre gains less than 1%.

    Returns:
        [n, d] float64.
    """
    shifted = points - reference.unsqueeze(1)
    gram = shifted @ shifted.mT
    square = gram.diagonal(dim1=1, dim2=2)
    rows = torch.arange(len(points), device=points.device)
    weights = torch.full_like(square, 1.0 / square.shape[1])
    product = gram.mean(2)
    best, best_weights = torch.full_like(square[:, 0], torch.inf), weights
    for step in range(_STEPS):
        distance = square - 2.0 * product + (weights * product).sum(1, keepdim=True)
        radius, farthest = distance.max(1)
        better = radius < best
        best = torch.where(better, radius, best)
        best_weights = torch.where(better.unsqueeze(1), weights, best_weights)
        share = 1.0 / (step + 2.0)
        weights = weights * (1.0 - share)
        weights[rows, farthest] += share
        product = product * (1.0 - share) + gram[rows, :, farthest] * share
    centre = reference + (best_weights.unsqueeze(1) @ shifted).squeeze(1)
    improves = best < _WORTHWHILE**2 * square.amax(1)
    return torch.where(improves.unsqueeze(1), centre, reference)
