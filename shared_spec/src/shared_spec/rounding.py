"""How far float64 arithmetic can be from the reals: the constants and roundings on which every radius rests.

The standard model: a sum of n products, in any order and with or without fused operations, is within
gamma(n) = n u / (1 - n u) times the sum of the absolute values of its terms, u = 2^-53. Underflow is outside that
model; `UNDERFLOW` covers it wherever a bound starts. Source: docs/guarantees.md, D.3.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["INFLATION", "UNDERFLOW", "UNIT", "above", "below", "gamma", "norm_above"]

UNIT = 2.0**-53
"""Unit roundoff u of float64."""

UNDERFLOW = 1e-200
"""Absolute term added where rounding errors are first bounded."""

INFLATION = 1.0 + 1e-11
"""Covers the relative rounding of sums of non-negative terms and of norms, up to 20,000 terms."""


def gamma(terms: int) -> float:
    """Relative error bound for sums of `terms` products, itself rounded up."""
    return terms * UNIT / (1.0 - terms * UNIT) * INFLATION


def above(bound: Tensor) -> Tensor:
    """The next float64 above each entry: an upper bound after one more rounding."""
    return torch.nextafter(bound, torch.full_like(bound, torch.inf))


def below(bound: Tensor) -> Tensor:
    """The next float64 below each entry, but not below 0: a lower bound of something non-negative."""
    return torch.nextafter(bound, torch.full_like(bound, -torch.inf)).clamp_min(0.0)


def norm_above(values: Tensor, dim: int = -1) -> Tensor:
    """Upper bound on the l2 norms along `dim` of float64 values; +inf where one of them is not finite.

    Divided by the largest entry first, so that squares neither underflow nor overflow: the norm of what is not zero
    is never zero.
    """
    largest = values.abs().amax(dim, keepdim=True)
    usable = torch.isfinite(largest) & (largest > 0.0)
    scale = torch.where(usable, largest, 1.0)
    norm = torch.linalg.vector_norm(values / scale, dim=dim, keepdim=True)
    bound = torch.where(usable, above(norm * scale * INFLATION), largest).squeeze(dim)
    return torch.nan_to_num(bound, nan=torch.inf, posinf=torch.inf)
