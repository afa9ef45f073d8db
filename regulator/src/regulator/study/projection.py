"""The point of a similarity set that is nearest to a given latent: least squares in a ball of coefficients."""

from __future__ import annotations

import torch
from torch import Tensor

from shared_spec.similarity import SimilaritySet

__all__ = ["nearest_coefficients"]

_BISECTIONS = 200


def nearest_coefficients(similarity: SimilaritySet, offsets: Tensor) -> Tensor:
    """Coefficients of the points of S(x) that are nearest to x' in latent space.

    Minimises ||u - sum t_i a_i|| over ||t|| <= epsilon. The vectors need not be orthogonal, so clipping the projection
    on their span would be wrong: on the sphere the minimiser is (A A^T + mu I)^-1 A u with the mu >= 0 for which
    ||t|| = epsilon, found by bisection, since ||t|| falls as mu grows.

    Args:
        similarity: vectors A [k, q] and epsilon.
        offsets: u = z' - z, [n, q].

    Returns:
        t [n, k] float64, ||t|| <= epsilon up to rounding.
    """
    vectors = similarity.vectors.to(torch.float64)
    epsilon = similarity.epsilon
    values, basis = torch.linalg.eigh(vectors @ vectors.T)
    # Dependent vectors: where the span has no extent, neither has the projection.
    extent = values > 1e-12 * values[-1]
    c = torch.where(extent, offsets.to(torch.float64) @ vectors.T @ basis, 0.0)
    free = torch.where(extent, c / torch.where(extent, values, 1.0), 0.0)
    outside = torch.linalg.vector_norm(free, dim=1) > epsilon
    low = torch.zeros(len(c), 1, dtype=torch.float64)
    high = torch.linalg.vector_norm(c, dim=1, keepdim=True) / epsilon
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        shorter = torch.linalg.vector_norm(_ridge(c, values, middle), dim=1, keepdim=True) < epsilon
        low, high = torch.where(shorter, low, middle), torch.where(shorter, middle, high)
    on_sphere = _ridge(c, values, high)
    t: Tensor = torch.where(outside[:, None], on_sphere, free) @ basis.T
    return t


def _ridge(c: Tensor, values: Tensor, mu: Tensor) -> Tensor:
    """C / (values + mu), and 0 where c is 0."""
    return torch.where(c == 0, 0.0, c / (values.clamp_min(0.0) + mu).clamp_min(1e-300))
