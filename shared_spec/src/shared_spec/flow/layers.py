"""Rearrangements of the flow: volume-preserving, parameter-free, each with its exact inverse.

Inside the flow, tensors are [n, height, width, channels]. In this layout a 1x1 convolution is one matrix product
and torch's convolutions take their fast `channels_last` path without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["pack", "squeeze", "unpack", "unsqueeze"]


def squeeze(x: Tensor) -> Tensor:
    """Every 2x2 patch becomes one position: [n, h, w, c] -> [n, h/2, w/2, 4c]."""
    n, h, w, c = x.shape
    patches = x.reshape(n, h // 2, 2, w // 2, 2, c)
    return patches.permute(0, 1, 3, 2, 4, 5).reshape(n, h // 2, w // 2, 4 * c)


def unsqueeze(x: Tensor) -> Tensor:
    """Inverse of `squeeze`: [n, h, w, 4c] -> [n, 2h, 2w, c]."""
    n, h, w, c = x.shape
    patches = x.reshape(n, h, w, 2, 2, c // 4)
    return patches.permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, c // 4)


def pack(parts: Sequence[Tensor]) -> Tensor:
    """The latents of all blocks, first block first, each flattened from [n, h, w, c], as one z [n, q]."""
    return torch.cat([part.flatten(1) for part in parts], dim=1)


def unpack(latents: Tensor, shapes: Sequence[tuple[int, int, int]]) -> list[Tensor]:
    """Inverse of `pack`: z [n, q] as tensors [n, h, w, c] for the `shapes` (h, w, c) of the blocks."""
    sizes = [h * w * c for h, w, c in shapes]
    parts = torch.split(latents, sizes, dim=1)
    return [part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True)]
