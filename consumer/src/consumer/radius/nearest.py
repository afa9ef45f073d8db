"""Where a margin changes its sign nearest to a point: a search, which proves nothing.

It says around which radius a proof is worth looking for, and where the least margin is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from consumer.radius.forms import Image
from shared_spec.frozen_head import FrozenHead

__all__ = ["nearest_flip"]


def nearest_flip(
    head: FrozenHead, image: Image, classes: Tensor, rivals: Tensor, *, steps: int = 40
) -> tuple[Tensor, Tensor]:
    """The shortest w found, in the ellipsoid's norm, with m_c <= m_j after the first layer's offset + w.

    Follows the gradient on ellipsoids that shrink where the rival is ahead and grow where it is not.

    Args:
        head: an MLP head.
        image: the ellipsoids.
        classes: [n] int64, c.
        rivals: [n] int64, j.
        steps: gradients that are taken.

    Returns:
        Its direction [n, h], of length 1, and its length [n]; +inf where the rival was never ahead, with the direction
        that was tried last.
    """
    last = head.weights[-1][classes] - head.weights[-1][rivals]
    shift = head.biases[-1][classes] - head.biases[-1][rivals]

    def margin(w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The margin, the step of length 1 that lowers it most, and by how much."""
        values = head.preactivations(image.offset + w)[:-1]
        masks = [value > 0.0 for value in values]
        level = (values[-1].clamp_min(0.0) * last).sum(1) + shift
        row = last * masks[-1]
        for weight, mask in zip(reversed(head.weights[1:-1]), reversed(masks[:-1]), strict=True):
            row = (row @ weight) * mask
        turned = (image.gram @ row[..., None])[..., 0]
        slope = (turned * row).sum(1).clamp_min(0.0).sqrt()
        return level, -turned / slope.clamp_min(1e-300)[:, None], slope

    level, step, slope = margin(torch.zeros_like(image.offset))
    # Where the margin is linear this ends just behind the boundary, not on it, where rounding would decide.
    length = (1.0003 * level / slope).nan_to_num(1.0, 1.0, 1.0).clamp(1e-90, 1e90)
    best, shortest = step, torch.full_like(length, torch.inf)
    for _ in range(steps):
        tried = step
        level, step, _ = margin(length[:, None] * tried)
        flipped = level <= 0.0
        nearer = flipped & (length < shortest)
        best = torch.where(nearer[:, None] | shortest.isinf()[:, None], tried, best)
        shortest = torch.where(nearer, length, shortest)
        growth = torch.where(shortest.isinf(), 1.1, 1.005)
        length = torch.where(flipped, 0.97 * shortest, (length * growth).minimum(0.999 * shortest))
    return best, shortest
