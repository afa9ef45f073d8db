"""Similarity sets through images: S(x) as chains of segments in latent space whose corners are latents of images.

Either the data set itself knows the images, or they are edits: an attribute's edit m is an image, [3, S, S] in levels
of 8-bit pixels, and the similar images of x are x + t m for a few steps t, clipped to 0 ... 255 and rounded. So every
corner of a chain is the latent of an image that can be stored, and x' has other chains than x: no translation takes one
set to the other (docs/guarantees.md, A.7).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shared_spec.artifacts.tensors import tensor_digest
from shared_spec.data.source import Source, UInt8Images
from shared_spec.errors import SettingsError
from shared_spec.similarity import SimilaritySet

__all__ = [
    "MOST_EDITS",
    "ChainSet",
    "EditChains",
    "Similarity",
    "along_vectors",
    "own_latents",
]

Latents = TypeVar("Latents", bound=Tensor | npt.NDArray[np.float32])

MOST_EDITS = 5
"""Attributes of one spec; each combination of them has a chain."""


class ChainSet(ABC):
    """Which images count as similar to an individual's, and in which order they make chains.

    An individual is the latents of 1 + v images, its own first; a chain passes some of them, joined by segments. An
    image that is the individual's own has the individual's latent, so every chain passes z.
    """

    @property
    @abstractmethod
    def k(self) -> int:
        """The number of attributes."""

    @property
    @abstractmethod
    def latent_dim(self) -> int:
        """q, the dimension of the latents."""

    @property
    @abstractmethod
    def visits(self) -> Tensor:
        """The images that each chain passes, in order: [c, m] int64, positions among the 1 + v."""

    @property
    @abstractmethod
    def images_each(self) -> int:
        """1 + v, the images of an individual."""

    @abstractmethod
    def images_of(self, source: Source, split: str, rows: npt.NDArray[np.int64]) -> UInt8Images:
        """The images of these individuals of a split, [n, 1 + v, 3, S, S].

        Raises:
            DataError: if an image cannot be read, or the source does not know who is similar.
        """

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """What the images of an individual follow from, beside its own, for the key of a cache."""

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Of what is known of one individual."""
        return (self.images_each, self.latent_dim)

    def corners(self, latents: Tensor) -> Tensor:
        """The corners of the chains of individuals [n, 1 + v, ...]: [n, c, m, ...]."""
        return latents[:, self.visits]


@dataclass(frozen=True)
class EditChains(ChainSet):
    """Which images count as similar: those of the edits, of each combination of them, and what lies between.

    Per non-empty combination of attributes there is one chain: the latents of x + t sum m_i in order of t, with z where
    t = 0.

    Attributes:
        edits: m_1 ... m_k, [k, 3, S, S] float32, finite, none zero.
        steps: t_1 < ... < t_s, none 0, at least one.

    Raises:
        SettingsError: edits or steps are not of that kind.
    """

    edits: Tensor
    steps: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.edits.ndim != 4 or not 1 <= len(self.edits) <= MOST_EDITS:
            raise SettingsError(
                f"the edits have shape {tuple(self.edits.shape)}: expected [k, 3, S, S], k from 1 to {MOST_EDITS}"
            )
        for i, edit in enumerate(self.edits):
            if not (bool(torch.isfinite(edit).all()) and bool(edit.any())):
                raise SettingsError(
                    f"edit {i} is zero or not finite, so it makes nobody similar: compute it again"
                )
        rising = all(a < b for a, b in zip(self.steps, self.steps[1:], strict=False))
        if not self.steps or not rising or not all(t and math.isfinite(t) for t in self.steps):
            raise SettingsError(
                f"the steps are {self.steps}: expected increasing numbers other than 0"
            )

    @property
    def epsilon(self) -> float:
        """The largest |t|, in multiples of an edit."""
        return max(abs(t) for t in self.steps)

    @property
    def k(self) -> int:
        """The number of attributes."""
        return len(self.edits)

    @property
    def latent_dim(self) -> int:
        """q, the dimension of the latents."""
        return self.edits[0].numel()

    @cached_property
    def combinations(self) -> tuple[tuple[int, ...], ...]:
        """Which attributes move together along each chain, single ones first."""
        sizes = range(1, self.k + 1)
        return tuple(chosen for size in sizes for chosen in combinations(range(self.k), size))

    @property
    def images_each(self) -> int:
        """1 + v, the images of an individual."""
        return 1 + len(self.combinations) * len(self.steps)

    @cached_property
    def visits(self) -> Tensor:
        """The images that each chain passes, in order: [c, s + 1] int64, positions among the 1 + v."""
        before = sum(t < 0 for t in self.steps)
        rows = torch.arange(1, self.images_each).reshape(len(self.combinations), -1)
        own = torch.zeros(len(rows), 1, dtype=torch.int64)
        return torch.cat([rows[:, :before], own, rows[:, before:]], dim=1)

    def images(self, images: UInt8Images) -> UInt8Images:
        """The images of individuals with these own ones: [n, 3, S, S] -> [n, 1 + v, 3, S, S]."""
        edits = self.edits.numpy().astype(np.float64)
        moves = (t * edits[list(chosen)].sum(0) for chosen in self.combinations for t in self.steps)
        chains = np.empty((len(images), self.images_each, *images.shape[1:]), dtype=np.uint8)
        chains[:, 0] = images
        # One move at a time: in float64 all of them together would take eight times the room of what they give.
        for place, move in enumerate(moves, start=1):
            moved = images + move
            chains[:, place] = np.rint(np.clip(moved, 0.0, 255.0, out=moved), out=moved)
        return chains

    def images_of(self, source: Source, split: str, rows: npt.NDArray[np.int64]) -> UInt8Images:
        """See `ChainSet`."""
        return self.images(source.images(split, rows))

    def identity(self) -> dict[str, str]:
        """See `ChainSet`."""
        return {"edits": tensor_digest({"edits": self.edits}, {"steps": list(self.steps)})}


Similarity: TypeAlias = SimilaritySet | ChainSet
"""What a spec may say of who is similar."""


def own_latents(latents: Latents) -> Latents:
    """Z [n, q] of individuals that are given alone [n, q] or with their similar ones [n, 1 + v, q]."""
    return latents if latents.ndim == 2 else cast(Latents, latents[:, 0])


def along_vectors(similarity: Similarity, what: str) -> SimilaritySet:
    """The set, if it lies along vectors.

    Raises:
        SettingsError: saying that `what` needs vectors, if it is made of chains.
    """
    if isinstance(similarity, ChainSet):
        raise SettingsError(
            f"{what} needs attribute vectors; this spec's similar people lie on chains of images, "
            "which differ from person to person"
        )
    return similarity
