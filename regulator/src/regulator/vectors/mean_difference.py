"""Mean difference: a = mean z(with the attribute) - mean z(without it) (Kingma and Dhariwal, 2018; paper, Sec. 4.1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.vectors.groups import AttributeVector, Groups

__all__ = ["mean_difference"]

_BLOCK = 4096


def mean_difference(latents: npt.NDArray[np.float32], groups: Groups) -> AttributeVector:
    """The difference of the two groups' mean latents, not normalised.

    Args:
        latents: z [n, q], possibly memory-mapped: read in blocks.
        groups: positions of the individuals with and without the attribute.

    Returns:
        a [q], whose own length is the unit of epsilon (paper: epsilon = 1; FairFace: 0.5).
    """
    difference = _mean(latents, groups.positive) - _mean(latents, groups.negative)
    return AttributeVector(difference, "vector")


def _mean(latents: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> Tensor:
    total = np.zeros(latents.shape[1], dtype=np.float64)
    for start in range(0, len(rows), _BLOCK):
        total += latents[rows[start : start + _BLOCK]].sum(axis=0, dtype=np.float64)
    return torch.from_numpy(total / len(rows))
