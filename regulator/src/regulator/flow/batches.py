"""What a flow sees at each step of its training, as a function of the seed and the step alone.

Nothing here remembers anything, so a resumed run, or one shared by several processes, sees the same images in the same
order with the same dequantisation noise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shared_spec.data.source import Source, UInt8Images
from shared_spec.errors import DataError
from shared_spec.flow import dequantise, preprocess
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.seeds import Seed

__all__ = [
    "CACHE_BYTES",
    "batch_rows",
    "held_out_pixels",
    "image_reader",
    "training_pixels",
]

CACHE_BYTES = 2**30
"""A training split of at most this many bytes is kept in memory as uint8; a larger one is read batch by batch."""

_READ_AT_ONCE = 1024


def image_reader(
    source: Source, split: str, cache_bytes: int = CACHE_BYTES
) -> Callable[[npt.NDArray[np.int64]], UInt8Images]:
    """A function from rows of the split to their images, backed by memory if the split fits in `cache_bytes`.

    Raises:
        DataError: the split has no images.
    """
    count = len(source.sample_ids(split))
    if count == 0:
        raise DataError(f"{source.uri}: split {split!r} is empty; a flow needs images to train on")
    if count * 3 * source.size**2 > cache_bytes:
        return lambda rows: source.images(split, rows)
    images = np.concatenate(list(source.batches(split, _READ_AT_ONCE)))
    return lambda rows: images[rows]


def batch_rows(seed: Seed, step: int, batch: int, count: int) -> npt.NDArray[np.int64]:
    """Rows of the global batch of `step`: the steps cut one endless sequence of random orders of 0..count-1."""
    start, stop = step * batch, (step + 1) * batch
    rows = []
    for epoch in range(start // count, (stop - 1) // count + 1):
        order = numpy_generator(seed, "flow-order", str(epoch)).permutation(count)
        rows.append(order[max(start - epoch * count, 0) : stop - epoch * count])
    return np.concatenate(rows).astype(np.int64)


def training_pixels(images: UInt8Images, seed: Seed, step: int, bits: int, flips: bool) -> Tensor:
    """Dequantised pixels [n, 3, S, S] f32 of a global batch, mirrored at random if `flips`."""
    generator = torch_generator(seed, "flow-noise", str(step))
    pixels = preprocess(torch.from_numpy(images), bits)
    if flips:
        mirrored = torch.rand(len(pixels), 1, 1, 1, generator=generator) < 0.5
        pixels = torch.where(mirrored, pixels.flip(3), pixels)
    return dequantise(pixels, generator, bits)


def held_out_pixels(source: Source, count: int, seed: Seed, bits: int) -> Tensor:
    """Dequantised pixels [n, 3, S, S] f32 of at most `count` images spread over the split `valid`.

    The noise is drawn once per seed, so measurements at different steps differ by the flow alone.

    Raises:
        DataError: the split is empty.
    """
    available = len(source.sample_ids("valid"))
    if available == 0:
        raise DataError(
            f"{source.uri}: split 'valid' is empty; the flow is chosen by its images, so give it some"
        )
    number = min(count, available)
    rows = np.arange(number, dtype=np.int64) * available // number
    images = np.concatenate(list(source.batches("valid", _READ_AT_ONCE, rows)))
    return training_pixels(images, seed, -1, bits, flips=False)
