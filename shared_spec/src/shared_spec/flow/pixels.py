"""Between 8-bit images and what the flow sees: the preprocessing is part of the published similarity spec."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["bits_per_dim", "dequantise", "preprocess", "to_images"]


def preprocess(images: Tensor, bits: int = 5) -> Tensor:
    """Keep the `bits` leading bits of each value: floor(v / 2^(8 - bits)) / 2^bits - 0.5.

    Args:
        images: uint8 values 0 to 255, any shape.
        bits: 1 to 8; the paper keeps 5, i.e. floor(v / 8) / 32 - 0.5.

    Returns:
        Values in [-0.5, 0.5 - 2^-bits], float32, in which they are exact, same shape.

    Raises:
        TypeError: the images are not uint8.
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"preprocess takes uint8 images, got {images.dtype}")
    return (images >> (8 - bits)).to(torch.float32) * 2.0**-bits - 0.5


def dequantise(pixels: Tensor, generator: torch.Generator, bits: int = 5) -> Tensor:
    """Preprocessed values plus uniform noise in [0, 2^-bits): the density of these bounds the discrete likelihood.

    Args:
        pixels: result of `preprocess`, any shape.
        generator: source of the noise, on the device of `pixels`.
        bits: as given to `preprocess`.
    """
    noise = torch.rand(pixels.shape, generator=generator, dtype=pixels.dtype, device=pixels.device)
    return pixels + noise * 2.0**-bits


def to_images(pixels: Tensor) -> Tensor:
    """Decoded values (about [-0.5, 0.5], same shape) as uint8 at full 8-bit resolution, clipped to 0 to 255.

    Rounding to the nearest value makes `preprocess(to_images(preprocess(v))) == preprocess(v)` hold even after an
    encode and decode in float32.
    """
    return ((pixels + 0.5) * 256.0).round().clamp(0, 255).to(torch.uint8)


def bits_per_dim(log_prob: Tensor, latent_dim: int, bits: int = 5) -> Tensor:
    """Bits per dimension (-log p(x) + q log 2^bits) / (q log 2), elementwise.

    Args:
        log_prob: log-density of dequantised pixels in nats, any shape.
        latent_dim: q, the number of values of one image.
        bits: each of the 2^bits levels occupies an interval of width 2^-bits, hence the term q log 2^bits.
    """
    return bits - log_prob / (latent_dim * math.log(2.0))
