"""Latents to images: computed where the flow lies, a batch at a time, and returned to the host."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from shared_spec.data.source import UInt8Images
from shared_spec.device import to_host
from shared_spec.flow.glow import Glow
from shared_spec.flow.pixels import to_images

__all__ = [
    "decode_images",
    "decode_pixels",
    "device_of",
    "through",
]


def device_of(flow: Glow) -> torch.device:
    """Where the flow's weights lie, and so where it computes."""
    return next(flow.parameters()).device


@torch.no_grad()
def through(
    flow: Glow, function: Callable[[Tensor], Tensor], values: Tensor, batch: int = 256
) -> Tensor:
    """A function of the flow, of `batch` values at a time on the flow's device; the results joined, on the host."""
    device = device_of(flow)
    return torch.cat([to_host(function(part.to(device))) for part in torch.split(values, batch)])


def decode_pixels(flow: Glow, latents: Tensor) -> Tensor:
    """Decoded pixels [n, 3, S, S] f32, about [-0.5, 0.5], of latents [n, q] of any floating type."""
    return through(flow, flow.decode, latents.to(torch.float32))


def decode_images(flow: Glow, latents: Tensor) -> UInt8Images:
    """Images [n, 3, S, S] of latents [n, q]."""
    images: UInt8Images = to_images(decode_pixels(flow, latents)).numpy()
    return images
