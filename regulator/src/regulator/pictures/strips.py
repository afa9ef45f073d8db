"""Film strips of similarity sets: what a regulator must look at before saying that these people are similar.

Each row shows the decoded points of one individual's S(x), with t running from -epsilon to epsilon; the middle is the
individual. The paper asks for this inspection (Sec. 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from regulator.flow.images import decode_images
from regulator.pictures.png import png
from shared_spec.chains import ChainSet, EditChains
from shared_spec.data.source import UInt8Images
from shared_spec.flow import Glow
from shared_spec.similarity import SimilaritySet

__all__ = ["Strip", "chain_strips", "draw_strips", "film_strips"]


@dataclass(frozen=True)
class Strip:
    """Decoded points of one individual's similarity set.

    Attributes:
        sample_id: the individual.
        attributes: those that are moved, together if they are several.
        t: coefficients along the strip [m]; for several attributes all have the same.
        images: decoded points [m, 3, S, S] uint8.
        own: which of them is the individual itself.
    """

    sample_id: str
    attributes: tuple[str, ...]
    t: npt.NDArray[np.float64]
    images: npt.NDArray[np.uint8]
    own: int

    @property
    def title(self) -> str:
        """What is moved, in one line."""
        return " + ".join(self.attributes)


def film_strips(
    flow: Glow,
    similarity: SimilaritySet,
    names: Sequence[str],
    latents: Tensor,
    sample_ids: Sequence[str],
    points: int = 7,
) -> list[Strip]:
    """Strips of every individual along each attribute and, with several, along all at once.

    Args:
        flow: decoder D.
        similarity: vectors a_i and epsilon.
        names: the attributes' names, k of them.
        latents: z [n, q].
        sample_ids: whose they are.
        points: decoded points per strip; odd, so that the individual itself is in the middle.

    Returns:
        n strips per attribute, then, for k > 1, n joint strips with t in [-epsilon/sqrt(k), epsilon/sqrt(k)].
    """
    k = len(names)
    directions = list(torch.eye(k, dtype=torch.float64))
    moved: list[tuple[str, ...]] = [(name,) for name in names]
    if k > 1:
        directions.append(torch.full((k,), k**-0.5, dtype=torch.float64))
        moved.append(tuple(names))
    steps = torch.linspace(-similarity.epsilon, similarity.epsilon, points, dtype=torch.float64)
    strips = []
    for together, direction in zip(moved, directions, strict=True):
        shifts = (steps[:, None] * direction) @ similarity.vectors.to(torch.float64)
        for sample_id, z in zip(sample_ids, latents, strict=True):
            t = (steps * direction.abs().max()).numpy()
            images = decode_images(flow, z.to(torch.float64) + shifts)
            strips.append(Strip(sample_id, together, t, images, points // 2))
    return strips


def chain_strips(
    chains: ChainSet, names: Sequence[str], images: UInt8Images, sample_ids: Sequence[str]
) -> list[Strip]:
    """Strips of every individual along each chain: the images themselves, which no flow has to decode.

    Args:
        chains: the similarity set.
        names: the attributes' names, k of them.
        images: of the individuals and their chains, [n, 1 + v, 3, S, S].
        sample_ids: whose they are.

    Returns:
        n strips per chain. Along edits t is what is edited by; along counterparts the place in the chain.
    """
    if isinstance(chains, EditChains):
        moved = [tuple(names[i] for i in chosen) for chosen in chains.combinations]
        t = np.array(sorted({*chains.steps, 0.0}))
    else:
        moved, t = [(name,) for name in names], np.arange(1.0, chains.visits.shape[1] + 1)
    strips = []
    for together, passed in zip(moved, chains.visits.tolist(), strict=True):
        for sample_id, each in zip(sample_ids, images, strict=True):
            own = [bool((each[place] == each[0]).all()) for place in passed]
            strips.append(Strip(sample_id, together, t, each[passed], own.index(True)))
    return strips


def draw_strips(strips: Sequence[Strip], heading: str, labels: Sequence[str]) -> bytes:
    """A PNG with one labelled row per strip; `labels` stand under the sample ids, one per strip."""
    rows, points = len(strips), len(strips[0].t)
    figure = Figure(figsize=(1.1 * points + 2.6, 1.25 * rows + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(heading, fontsize=11)
    axes = figure.subplots(rows, points, squeeze=False)
    for row, (strip, label) in enumerate(zip(strips, labels, strict=True)):
        for column in range(points):
            axis = axes[row][column]
            axis.imshow(strip.images[column].transpose(1, 2, 0), interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            middle = column == strip.own
            for spine in axis.spines.values():
                spine.set_visible(middle)
                spine.set_linewidth(2.0)
            if row == 0 or strips[row - 1].title != strip.title:
                place = "0 (self)" if middle else f"{strip.t[column]:+.2f}"
                axis.set_title(f"t = {place}", fontsize=7)
        axes[row][0].set_ylabel(
            f"{strip.title}\n{strip.sample_id}\n{label}",
            fontsize=7,
            rotation=0,
            ha="right",
            va="center",
        )
    return png(figure)
