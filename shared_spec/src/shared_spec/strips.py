"""Film strips of similarity sets: one person beside the people who count as similar, as latents and as pictures.

The regulator looks at them before saying that these people are similar (the paper asks for it, Sec. 6), and the
producer explains a decision by them. Along vectors a strip shows decoded points of S(x), with t running from -epsilon
to epsilon; along chains it shows the images themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shared_spec.chains import ChainSet, EditChains, Similarity
from shared_spec.data.source import Source, UInt8Images
from shared_spec.flow import Glow
from shared_spec.flow.images import decode_images
from shared_spec.latents import encode_chains, encode_images
from shared_spec.similarity import SimilaritySet

__all__ = ["Strip", "chain_strips", "film_strips", "strips_of"]


@dataclass(frozen=True)
class Strip:
    """Points of one individual's similarity set; the segments between them belong to the set, too.

    Attributes:
        sample_id: the individual.
        attributes: those that are moved, together if they are several.
        t: coefficients along the strip [m], of each attribute; along counterparts the place in the chain, from 1.
        latents: the points [m, q] float64.
        images: their pictures [m, 3, S, S] uint8.
        own: which of them is the individual itself.
    """

    sample_id: str
    attributes: tuple[str, ...]
    t: npt.NDArray[np.float64]
    latents: Tensor
    images: UInt8Images
    own: int

    @property
    def title(self) -> str:
        """What is moved, in one line."""
        return " + ".join(self.attributes)

    def place(self, at: float) -> str:
        """Where something is along the strip: its t, or along counterparts, where the person has none, its number."""
        return f"t = {at:+.2f}" if 0.0 in self.t else f"no. {at:g}"


def strips_of(
    flow: Glow,
    similarity: Similarity,
    names: Sequence[str],
    source: Source,
    split: str,
    rows: npt.NDArray[np.int64],
    points: int,
) -> list[Strip]:
    """Strips of these individuals of a split.

    Args:
        flow: G.
        similarity: S(x).
        names: the attributes' names, k of them.
        source: the data.
        split: of the data.
        rows: positions in the split [n].
        points: along vectors, pictures per strip; one more if it is even.

    Raises:
        DataError: an image cannot be read, or the source does not know who is similar.
    """
    ids = [source.sample_ids(split)[row] for row in rows]
    if isinstance(similarity, ChainSet):
        images = similarity.images_of(source, split, rows)
        latents = encode_chains(flow, similarity, source, split, rows)
        return chain_strips(similarity, names, images, latents, ids)
    latents = encode_images(flow, source.images(split, rows))
    return film_strips(flow, similarity, names, latents, ids, points + 1 - points % 2)


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
        points: decoded points per strip, at least 3; odd, so that the individual itself is in the middle.

    Returns:
        n strips per attribute, then, for k > 1, n joint strips with t in [-epsilon/sqrt(k), epsilon/sqrt(k)].
    """
    k = len(names)
    directions = list(torch.eye(k, dtype=torch.float64))
    moved: list[tuple[str, ...]] = [(name,) for name in names]
    if k > 1:
        directions.append(torch.full((k,), k**-0.5, dtype=torch.float64))
        moved.append(tuple(names))
    half = points // 2
    # The middle is exactly 0, which that of `linspace` is not for every number of points.
    steps = similarity.epsilon * torch.arange(-half, half + 1, dtype=torch.float64) / half
    strips = []
    for together, direction in zip(moved, directions, strict=True):
        t = (steps * direction.abs().max()).numpy()
        for sample_id, z in zip(sample_ids, latents, strict=True):
            moves = similarity.points(z, steps[:, None] * direction)
            images = decode_images(flow, moves)
            strips.append(Strip(sample_id, together, t, moves, images, half))
    return strips


def chain_strips(
    chains: ChainSet,
    names: Sequence[str],
    images: UInt8Images,
    latents: Tensor,
    sample_ids: Sequence[str],
) -> list[Strip]:
    """Strips of every individual along each chain: the images themselves, which no flow has to decode.

    Args:
        chains: the similarity set.
        names: the attributes' names, k of them.
        images: of the individuals and their chains, [n, 1 + v, 3, S, S].
        latents: of the same, [n, 1 + v, q].
        sample_ids: whose they are.

    Returns:
        n strips per chain. Along edits t is what is edited by.
    """
    if isinstance(chains, EditChains):
        moved = [tuple(names[i] for i in chosen) for chosen in chains.combinations]
        t = np.array(sorted({*chains.steps, 0.0}))
    else:
        moved, t = [(name,) for name in names], np.arange(1.0, chains.visits.shape[1] + 1)
    corners = chains.corners(latents).to(torch.float64)
    strips = []
    for chain, (together, passed) in enumerate(zip(moved, chains.visits.tolist(), strict=True)):
        for who, (sample_id, each) in enumerate(zip(sample_ids, images, strict=True)):
            own = [bool((each[place] == each[0]).all()) for place in passed].index(True)
            strips.append(Strip(sample_id, together, t, corners[who, chain], each[passed], own))
    return strips
