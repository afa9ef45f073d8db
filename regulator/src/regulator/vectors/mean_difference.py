"""Mean difference: a = mean z(with the attribute) - mean z(without it) (Kingma and Dhariwal, 2018; paper, Sec. 4.1)."""

from __future__ import annotations

import torch

from regulator.vectors.contrast import find_contrast
from regulator.vectors.request import AttributeVector, VectorRequest

__all__ = ["by_mean_difference"]


def by_mean_difference(request: VectorRequest) -> list[AttributeVector]:
    """A vector per attribute, whose own length is the unit of epsilon (paper: epsilon = 1; FairFace: 0.5)."""
    advance = request.stage(len(request.attributes))
    found = []
    for index, name in enumerate(request.attributes):
        contrast = find_contrast(request.data.source, name, request.settings.adjust_for)
        vector = torch.from_numpy(contrast.sum(lambda rows: request.data.train[rows]))
        found.append(AttributeVector(name, contrast.counts, vector, contrast.settings))
        advance(index + 1, name)
    return found
