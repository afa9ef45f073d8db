"""Ramaswamy et al. (2021): a vector that moves the attribute but, to first order, not the target (paper, App. E).

Both the attribute and the target get a linear boundary; what the attribute's normal shares with the target's is taken
out. The length is such that t = +-1 carries an average individual to its mirror image beyond the attribute's boundary.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.vectors.linear_boundary import Boundary, boundary_of
from regulator.vectors.request import AttributeVector, VectorRequest
from shared_spec.errors import DataError

__all__ = ["by_ramaswamy", "ramaswamy"]

_BLOCK = 4096
_SAME = 0.999
"""Above this cosine nothing but rounding and sampling error would be left of the attribute's normal."""


def by_ramaswamy(request: VectorRequest) -> list[AttributeVector]:
    """A vector per attribute, orthogonal to the target's boundary; its own length is the unit of epsilon (paper: 1)."""
    epochs, name_of_target = request.settings.boundary_epochs, str(request.settings.target)
    advance = request.stage(epochs * (len(request.attributes) + 1))
    target, _ = boundary_of(request, name_of_target, advance, before=0)
    found = []
    for index, name in enumerate(request.attributes):
        attribute, groups = boundary_of(request, name, advance, before=(index + 1) * epochs)
        vector = ramaswamy(request.data.train, attribute, target)
        settings: dict[str, float | int | str] = {
            "cosine_to_target": _cosine(attribute, target),
            "attribute_valid_accuracy": attribute.accuracy,
            "target_valid_accuracy": target.accuracy,
            "target": name_of_target,
            "epochs": epochs,
        }
        found.append(AttributeVector(name, groups.counts, vector, settings))
    return found


def ramaswamy(train: npt.NDArray[np.float32], attribute: Boundary, target: Boundary) -> Tensor:
    """w_g - (w_g . w_y) w_y, of unit length, times the average distance to the mirror image.

    That distance is the mean over the individuals of |2 (w_g . z + b_g) / (1 - c^2)| times ||w_g - c w_y||, with the
    cosine c = w_g . w_y.

    Args:
        train: z [n, q], possibly memory-mapped: read in blocks.
        attribute: boundary (w_g, b_g) of the sensitive attribute.
        target: boundary (w_y, b_y) of the target.

    Returns:
        a [q] float64, orthogonal to w_y.

    Raises:
        DataError: the two boundaries are parallel, so that nothing is left of the attribute without the target.
    """
    cosine = _cosine(attribute, target)
    if abs(cosine) > _SAME:
        raise DataError(
            f"the boundaries of attribute and target are parallel (cosine {cosine:.4f}), so no direction moves one "
            "without the other; choose another attribute or target"
        )
    rest = attribute.normal - cosine * target.normal
    length = float(torch.linalg.vector_norm(rest))
    scale = 2 * _mean_distance(train, attribute) / (1 - cosine**2) * length
    return scale * rest / length


def _cosine(first: Boundary, second: Boundary) -> float:
    """Of the angle between two normals."""
    return float(first.normal @ second.normal)


def _mean_distance(train: npt.NDArray[np.float32], boundary: Boundary) -> float:
    """Mean |w . z + b| over all individuals."""
    total = 0.0
    for start in range(0, len(train), _BLOCK):
        z: Tensor = torch.from_numpy(np.array(train[start : start + _BLOCK]))
        total += float(boundary.distances(z).abs().sum())
    return total / len(train)
