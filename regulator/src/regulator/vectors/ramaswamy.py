"""Ramaswamy et al. (2021): a vector that moves the attribute but, to first order, not the target (paper, App. E).

Both the attribute and the target get a linear boundary; what the attribute's normal shares with the target's is taken
out. The length is such that t = +-1 carries an average individual to its mirror image beyond the attribute's boundary.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.vectors.groups import AttributeVector
from regulator.vectors.linear_boundary import Boundary
from shared_spec.errors import DataError

__all__ = ["ramaswamy"]

_BLOCK = 4096
_SAME = 0.999
"""Above this cosine nothing but rounding and sampling error would be left of the attribute's normal."""


def ramaswamy(
    train: npt.NDArray[np.float32], attribute: Boundary, target: Boundary
) -> AttributeVector:
    """w_g - (w_g . w_y) w_y, of unit length, times the average distance to the mirror image.

    That distance is the mean over the individuals of |2 (w_g . z + b_g) / (1 - c^2)| times ||w_g - c w_y||, with the
    cosine c = w_g . w_y.

    Args:
        train: z [n, q], possibly memory-mapped: read in blocks.
        attribute: boundary (w_g, b_g) of the sensitive attribute.
        target: boundary (w_y, b_y) of the target.

    Returns:
        a [q], orthogonal to w_y, whose own length is the unit of epsilon (paper: epsilon = 1).

    Raises:
        DataError: the two boundaries are parallel, so that nothing is left of the attribute without the target.
    """
    cosine = float(attribute.normal @ target.normal)
    if abs(cosine) > _SAME:
        raise DataError(
            f"the boundaries of attribute and target are parallel (cosine {cosine:.4f}), so no direction moves one "
            "without the other; choose another attribute or target"
        )
    rest = attribute.normal - cosine * target.normal
    length = float(torch.linalg.vector_norm(rest))
    scale = 2 * _mean_distance(train, attribute) / (1 - cosine**2) * length
    return AttributeVector(
        scale * rest / length,
        "vector",
        {
            "cosine_to_target": cosine,
            "attribute_valid_accuracy": attribute.accuracy,
            "target_valid_accuracy": target.accuracy,
        },
    )


def _mean_distance(train: npt.NDArray[np.float32], boundary: Boundary) -> float:
    """Mean |w . z + b| over all individuals."""
    total = 0.0
    for start in range(0, len(train), _BLOCK):
        z: Tensor = torch.from_numpy(np.array(train[start : start + _BLOCK]))
        total += float(boundary.distances(z).abs().sum())
    return total / len(train)
