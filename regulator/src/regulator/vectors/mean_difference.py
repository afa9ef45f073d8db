"""Mean difference: a = mean z(with the attribute) - mean z(without it) (Kingma and Dhariwal, 2018; paper, Sec. 4.1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.vectors.groups import Groups, find_groups
from regulator.vectors.request import AttributeVector, VectorRequest

__all__ = ["by_mean_difference", "mean_difference"]

_BLOCK = 4096


def by_mean_difference(request: VectorRequest) -> list[AttributeVector]:
    """A vector per attribute, whose own length is the unit of epsilon (paper: epsilon = 1; FairFace: 0.5)."""
    advance = request.stage(len(request.attributes))
    found = []
    for index, name in enumerate(request.attributes):
        groups = find_groups(request.data.source, "train", name)
        vector = mean_difference(request.data.train, groups)
        found.append(AttributeVector(name, groups.counts, vector))
        advance(index + 1, name)
    return found


def mean_difference(latents: npt.NDArray[np.float32], groups: Groups) -> Tensor:
    """The difference of the two groups' mean latents, not normalised: a [q] float64.

    Args:
        latents: z [n, q], possibly memory-mapped: read in blocks.
        groups: positions of the individuals with and without the attribute.
    """
    return _mean(latents, groups.positive) - _mean(latents, groups.negative)


def _mean(latents: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> Tensor:
    total = np.zeros(latents.shape[1], dtype=np.float64)
    for start in range(0, len(rows), _BLOCK):
        total += latents[rows[start : start + _BLOCK]].sum(axis=0, dtype=np.float64)
    return torch.from_numpy(total / len(rows))
