"""The orthogonal projector P onto the complement of span{a_i}: an encoder after it is constant on every S(x).

S(x) = { z + sum t_i a_i } is a piece of an affine subspace, and P forgets exactly the directions of that subspace:
P z' = P z for every z' in S(x), every epsilon and every k. Source: docs/guarantees.md, D.7.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["project", "projector", "span_basis"]


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


def projector(basis: Tensor, like: Tensor) -> Callable[[Tensor], Tensor]:
    """`project` with this basis, for points of the type and device of `like`.

    Where the basis has more than half of all directions, what is kept is summed up, not what is taken away: less work.
    """
    rows = basis.to(like)
    if 2 * len(basis) <= basis.shape[1]:
        return lambda points: project(points, rows)
    kept = torch.linalg.qr(basis.T, mode="complete").Q[:, len(basis) :].T.contiguous().to(like)
    return lambda points: (points @ kept.T) @ kept
