"""How far float64 arithmetic can be from the reals: the constants and roundings on which every radius rests.

The standard model: a sum of n products, in any order and with or without fused operations, is within
gamma(n) = n u / (1 - n u) times the sum of the absolute values of its terms, u = 2^-53. Underflow is outside that
model: a product may lose up to 2^-1022 (if denormals are flushed), or that much of a coefficient that multiplies
something large; `UNDERFLOW` times 1 plus the size of what is multiplied covers it, layer by layer. What overflows has
no bound: +inf or NaN, which certify nothing. Source: docs/guarantees.md, D.3.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "INFLATION",
    "LARGEST",
    "SQUARES",
    "TERMS",
    "UNDERFLOW",
    "UNIT",
    "above",
    "below",
    "gamma",
    "norm",
    "norm_above",
]

UNIT = 2.0**-53
"""Unit roundoff u of float64."""

UNDERFLOW = 1e-200
"""Absolute term of the rounding bound of every layer, per unit of what may be multiplied there."""

SQUARES = 1e-300
"""Absolute term for sums of products of two small quantities, where no `UNDERFLOW` was added before."""

LARGEST = 1e140
"""What a network computes must stay below this: twice multiplied with itself it is still far from overflow."""

TERMS = 20_000
"""Most terms of any sum that `INFLATION` covers; networks with more neurons are refused."""

INFLATION = 1.0 + 1e-11
"""Covers the relative rounding of a few nested sums of up to `TERMS` non-negative terms, and of norms."""

_SQUARABLE = 1e-140


def gamma(terms: int) -> float:
    """Relative error bound for sums of `terms` products, itself rounded up."""
    return terms * UNIT / (1.0 - terms * UNIT) * INFLATION


def above(bound: Tensor) -> Tensor:
    """The next float64 above each entry: an upper bound after one more rounding."""
    return torch.nextafter(bound, torch.full_like(bound, torch.inf))


def below(bound: Tensor) -> Tensor:
    """The next float64 below each entry, but not below 0: a lower bound of something non-negative."""
    return torch.nextafter(bound, torch.full_like(bound, -torch.inf)).clamp_min(0.0)


def norm(values: Tensor, dim: int = -1) -> Tensor:
    """The l2 norms along `dim` of float64 values, to within the rounding of a sum.

    What is not zero has no norm of zero, however small: where squares could underflow or overflow, the values are
    divided by the largest of them first. +inf where one of them is not finite.
    """
    result: Tensor = torch.linalg.vector_norm(values, dim=dim)
    extreme = ~((result > _SQUARABLE) & (result < LARGEST))
    if bool(extreme.any()):
        result[extreme] = _scaled_norm(values.movedim(dim, -1)[extreme])
    return torch.nan_to_num(result, nan=torch.inf, posinf=torch.inf)


def norm_above(values: Tensor, dim: int = -1) -> Tensor:
    """Upper bound on the l2 norms as `norm` has them, at most `INFLATION` times them for `TERMS` values."""
    return norm(values, dim) * (1.0 + gamma(values.shape[dim] + 8))


def _scaled_norm(rows: Tensor) -> Tensor:
    largest = rows.abs().amax(-1)
    usable = torch.isfinite(largest) & (largest > 0.0)
    scale = torch.where(usable, largest, 1.0)
    length = above(torch.linalg.vector_norm(rows / scale.unsqueeze(-1), dim=-1) * scale)
    return torch.where(usable, length, largest)
