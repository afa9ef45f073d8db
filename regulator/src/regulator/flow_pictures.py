"""Samples and reconstructions of a flow: the first things to look at after training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from shared_spec.flow import Glow, preprocess, to_images

__all__ = ["reconstructions", "sample_images", "tile"]


@torch.no_grad()
def sample_images(
    flow: Glow, count: int, generator: torch.Generator, temperature: float = 0.7
) -> npt.NDArray[np.uint8]:
    """Images [count, 3, S, S] drawn from the flow; temperatures below 1 trade variety for smoothness."""
    images: npt.NDArray[np.uint8] = to_images(flow.sample(count, generator, temperature)).numpy()
    return images


@torch.no_grad()
def reconstructions(flow: Glow, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """D(E(x)) for images [n, 3, S, S]: equal to what preprocessing keeps of them, if the flow inverts."""
    pixels = preprocess(torch.from_numpy(images), flow.config.bits)
    decoded: npt.NDArray[np.uint8] = to_images(flow.decode(flow.encode(pixels))).numpy()
    return decoded


def tile(images: npt.NDArray[np.uint8], columns: int, gap: int = 2) -> npt.NDArray[np.uint8]:
    """One picture [height, width, 3] of images [n, 3, S, S] in rows of `columns`, on white."""
    count, _, side, _ = images.shape
    rows = -(-count // columns)
    step = side + gap
    page = np.full((rows * step + gap, columns * step + gap, 3), 255, dtype=np.uint8)
    for index, image in enumerate(images):
        top, left = (index // columns) * step + gap, (index % columns) * step + gap
        page[top : top + side, left : left + side] = image.transpose(1, 2, 0)
    return page
