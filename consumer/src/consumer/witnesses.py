"""Witnesses: members of a similarity set who are decided otherwise, known where vertices say for whom they stand."""

from __future__ import annotations

import torch
from torch import Tensor

from consumer.radius.base import certify_base_ball
from shared_spec.frozen_head import FrozenHead

__all__ = ["find_witnesses"]

_ROOM = 2.0**-20
"""Of a vertex's length: many times what float32 and another order of summation can change."""


def find_witnesses(head: FrozenHead, tube: Tensor, place: Tensor, classes: Tensor) -> Tensor:
    """Where a vertex of the tube, which represents somebody similar, gets another class for certain: [n], or NaN.

    Of several the first is taken, which is as good a proof as any (docs/guarantees.md, E).

    Args:
        head: the base head C.
        tube: vertices [n, m, d].
        place: where in the similarity set each is a representation, [n, m].
        classes: what is decided for the individuals themselves, [n].
    """
    n, m, _ = tube.shape
    vertices = tube.flatten(0, 1).to(torch.float64)
    found = head.predict(vertices)
    other = torch.nonzero(found != classes.repeat_interleave(m)).flatten()
    # Whoever evaluates R there again may differ by rounding: the class must not hang on that.
    room = _ROOM * torch.linalg.vector_norm(vertices[other], dim=1) + _ROOM
    sure = certify_base_ball(head, vertices[other], room, found[other])
    shown = torch.zeros(n * m, dtype=torch.bool)
    shown[other[sure]] = True
    first = shown.view(n, m).to(torch.int8).argmax(1)
    nowhere = torch.full((n,), torch.nan, dtype=torch.float64)
    return torch.where(shown.view(n, m).any(1), place[torch.arange(n), first], nowhere)
