"""Samples and reconstructions of a flow: the first things to look at after training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from regulator.pictures.png import png
from shared_spec.data.source import UInt8Images
from shared_spec.device import to_host
from shared_spec.flow import Glow, to_images
from shared_spec.flow.images import decode_images
from shared_spec.latents import encode_images

__all__ = ["draw_flow", "reconstructions", "sample_images", "tile"]

_COLUMNS = 8
_TEMPERATURE = 0.7
"""Below 1: less variety, smoother images."""


@torch.no_grad()
def sample_images(flow: Glow, count: int, generator: torch.Generator) -> UInt8Images:
    """Images [count, 3, S, S] drawn from the flow."""
    images: UInt8Images = to_images(to_host(flow.sample(count, generator, _TEMPERATURE))).numpy()
    return images


def reconstructions(flow: Glow, images: UInt8Images) -> UInt8Images:
    """D(E(x)) for images [n, 3, S, S]: equal to what preprocessing keeps of them, if the flow inverts."""
    return decode_images(flow, encode_images(flow, images))


def tile(images: UInt8Images, columns: int, gap: int = 2) -> npt.NDArray[np.uint8]:
    """One picture [height, width, 3] of images [n, 3, S, S] in rows of `columns`, on white."""
    count, _, side, _ = images.shape
    rows = -(-count // columns)
    step = side + gap
    page = np.full((rows * step + gap, columns * step + gap, 3), 255, dtype=np.uint8)
    for index, image in enumerate(images):
        top, left = (index // columns) * step + gap, (index % columns) * step + gap
        page[top : top + side, left : left + side] = image.transpose(1, 2, 0)
    return page


def draw_flow(
    samples: UInt8Images,
    images: UInt8Images,
    decoded: UInt8Images,
    heading: str,
) -> bytes:
    """A PNG: samples of the flow above, images x in turn with their D(E(x)) below; all [n, 3, S, S] uint8."""
    pairs = np.stack([images, decoded], axis=1).reshape(-1, *images.shape[1:])
    pages = [tile(samples, _COLUMNS), tile(pairs, _COLUMNS)]
    heights = [len(page) for page in pages]
    figure = Figure(
        figsize=(6.4, 6.4 * sum(heights) / pages[0].shape[1] + 1.2), layout="constrained"
    )
    FigureCanvasAgg(figure)
    figure.suptitle(heading, fontsize=11)
    titles = ["samples", "held-out images, each followed by its reconstruction D(E(x))"]
    axes = figure.subplots(2, 1, height_ratios=heights)
    for axis, page, title in zip(axes, pages, titles, strict=True):
        axis.imshow(page, interpolation="nearest")
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_axis_off()
    return png(figure)
