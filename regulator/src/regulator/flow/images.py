"""Images to latents and back: computed where the flow lies, a batch at a time, and returned to the host."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shared_spec.data.source import UInt8Images
from shared_spec.device import to_host
from shared_spec.flow import Glow, to_images

__all__ = [
    "decode_images",
    "decode_pixels",
    "device_of",
    "evenly_spread",
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


def evenly_spread(available: int, wanted: int) -> npt.NDArray[np.int64]:
    """At most `wanted` of the positions 0 ... available - 1, evenly spread, both ends included."""
    return np.unique(np.linspace(0, available - 1, wanted).astype(np.int64))
