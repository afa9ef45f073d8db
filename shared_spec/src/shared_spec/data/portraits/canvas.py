"""Soft-edged painting on a batch of images at once, for the embedded portraits.

Only additions, products, quotients and square roots: IEEE 754 fixes their results, so the same factors give the same
pixels on every platform and in every batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Canvas", "Field", "bump", "mix", "rgb", "smoothstep", "wave"]

Field = npt.NDArray[np.floating[Any]]
"""Numbers of type float32, of shape [b, S, S], or one that broadcasts to it ([b, 1, 1] for one number per image)."""


def smoothstep(t: Field) -> Field:
    """0 for t ≤ 0, 1 for t ≥ 1, and a cubic with flat ends between."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def bump(squared: Field) -> Field:
    """A smooth hill over the unit disc, (1 - squared)² where `squared` is the squared distance from its middle."""
    hill = np.maximum(1 - squared, 0)
    return hill * hill


def wave(t: Field) -> Field:
    """Close to sin(2πt), from -1 to 1, made of parabolas."""
    phase = t - np.floor(t)
    return np.where(phase < 0.5, 16 * phase * (0.5 - phase), -16 * (phase - 0.5) * (1 - phase))


def mix(first: Field, second: Field, t: Field | float) -> Field:
    """From `first` (t = 0) to `second` (t = 1)."""
    return first + (second - first) * t


def rgb(red: float, green: float, blue: float) -> Field:
    """A colour, shape [1, 3, 1, 1], each channel from 0 to 1."""
    return np.array([red, green, blue], dtype=np.float32).reshape(1, 3, 1, 1)


class Canvas:
    """A batch of images with painting operations.

    Args:
        n: Number of images.
        size: Their side in pixels.
        blur: Extra softness of every edge, as a length in image coordinates (which run from -1 to 1), [n, 1, 1].
    """

    def __init__(self, n: int, size: int, blur: Field) -> None:
        self.pixels = np.zeros((n, 3, size, size), dtype=np.float32)
        # An edge is as wide as 1.5 pixels, so that a shape that moves by part of a pixel changes smoothly.
        self.softness = np.float32(3 / size) + blur
        axis = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - 1
        self.x = axis.reshape(1, 1, size)
        self.y = axis.reshape(1, size, 1)

    def inside(self, distance: Field) -> Field:
        """Coverage from 0 to 1 of the shape whose signed distance (negative inside) is given."""
        return smoothstep(np.float32(0.5) - distance / self.softness)

    def ellipse(self, x: Field, y: Field, width: Field | float, height: Field | float) -> Field:
        """Coverage of the ellipse around the origin of the coordinates x, y with these half-axes."""
        short = np.minimum(np.float32(width), np.float32(height))
        u, v = x / np.float32(width), y / np.float32(height)
        return self.inside((np.sqrt(u * u + v * v) - 1) * short)

    def paint(self, colour: Field, coverage: Field) -> None:
        """Lay `colour` ([b, 3, 1, 1] or [b, 3, S, S]) over the images where `coverage` is 1."""
        self.pixels += (colour - self.pixels) * coverage[:, None]

    def shade(self, amount: Field) -> None:
        """Multiply the images by 1 + `amount`."""
        self.pixels *= 1 + amount[:, None]

    def to_uint8(self) -> npt.NDArray[np.uint8]:
        """The images, [n, 3, S, S], 0 to 255."""
        return np.rint(np.clip(self.pixels, 0, 1) * 255).astype(np.uint8)
