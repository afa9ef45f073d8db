"""The orthogonal projector P onto the complement of span{a_i}: an encoder after it is constant on every S(x).

S(x) = { z + sum t_i a_i } is a piece of an affine subspace, and P forgets exactly the directions of that subspace:
P z' = P z for every z' in S(x), every epsilon and every k. Source: docs/guarantees.md, D.7.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["project", "span_basis"]


def span_basis(vectors: Tensor) -> Tensor:
    """An orthonormal basis [r, q] float64 of the span of vectors [k, q]; r < k where they are linearly dependent.

    Singular values below q u times the largest are rounding, not directions.
    """
    exact = vectors.to(torch.float64)
    # Lengths say nothing about directions, and unlike ones would hide a short vector behind a long one.
    unit = exact / torch.linalg.vector_norm(exact, dim=1, keepdim=True)
    _, values, rows = torch.linalg.svd(unit, full_matrices=False)
    rank = int((values > unit.shape[1] * 2.0**-53 * values[0]).sum())
    basis: Tensor = rows[:rank].contiguous()
    return basis


def project(points: Tensor, basis: Tensor) -> Tensor:
    """P applied to points [..., q]: what is orthogonal to the rows of `basis` [r, q], in the points' own type."""
    rows = basis.to(points)
    return points - (points @ rows.T) @ rows
