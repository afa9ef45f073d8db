"""Where a margin changes its sign nearest to a point: a search, which proves nothing.

It says around which radius a proof is worth looking for, and where the least margin is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from consumer.head import FrozenHead
from consumer.radius.semidefinite import Image

__all__ = ["nearest_flip"]


def nearest_flip(
    head: FrozenHead, image: Image, classes: Tensor, rivals: Tensor, *, steps: int = 40
) -> tuple[Tensor, Tensor]:
    """The shortest t found with m_c <= m_j after the first layer's offset + root t, and its length.

    Follows the gradient on spheres that shrink where the rival is ahead and grow where it is not.

    Args:
        head: an MLP head.
        image: centre and scale.
        classes: [n] int64, c.
        rivals: [n] int64, j.
        steps: gradients that are taken.

    Returns:
        t [n, h], and its length [n]; +inf where the rival was never ahead, with the t tried last.
    """
    last = head.weights[-1][classes] - head.weights[-1][rivals]
    shift = head.biases[-1][classes] - head.biases[-1][rivals]
    root = image.root

    def margin(t: Tensor) -> tuple[Tensor, Tensor]:
        values = image.offset + (root @ t[..., None])[..., 0]
        masks = []
        for weight, bias in zip(head.weights[1:-1], head.biases[1:-1], strict=True):
            masks.append(values > 0.0)
            values = values.clamp_min(0.0) @ weight.T + bias
        masks.append(values > 0.0)
        level = (values.clamp_min(0.0) * last).sum(1) + shift
        row = last * masks[-1]
        for weight, mask in zip(reversed(head.weights[1:-1]), reversed(masks[:-1]), strict=True):
            row = (row @ weight) * mask
        return level, (row[:, None] @ root)[:, 0]

    t = torch.zeros_like(image.offset)
    level, slope = margin(t)
    length = (level / slope.norm(dim=1)).nan_to_num(1.0, 1.0, 1.0).clamp(1e-6, 1e6)
    best, shortest = t, torch.full_like(length, torch.inf)
    for _ in range(steps):
        t = -length[:, None] * slope / slope.norm(dim=1, keepdim=True).clamp_min(1e-300)
        level, slope = margin(t)
        flipped = level <= 0.0
        nearer = flipped & (length < shortest)
        best = torch.where(nearer[:, None] | shortest.isinf()[:, None], t, best)
        shortest = torch.where(nearer, length, shortest)
        growth = torch.where(shortest.isinf(), 1.1, 1.005)
        length = torch.where(flipped, 0.97 * shortest, (length * growth).minimum(0.999 * shortest))
    return best, shortest
