"""The similar individuals of a batch, as the encoder's first layer sees them: along vectors, or along chains of images.

The loss needs three things of them: the individuals themselves, for each the similar one that R moves furthest, and
random ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from producer.attack import attack_points, folded_tail, furthest_point
from producer.encoder import Encoder
from producer.settings import ObjectiveSettings
from shared_spec.chains import ChainSet, Similarity
from shared_spec.similarity import SimilaritySet

__all__ = ["Neighbours", "neighbours"]


class Neighbours(ABC):
    """The individuals of one batch and who is similar to each; preactivations are those of R's first layer."""

    @property
    @abstractmethod
    def own(self) -> Tensor:
        """W_1 z + b_1 of the individuals, [n, h_1], with its graph."""

    @abstractmethod
    def furthest(
        self, settings: ObjectiveSettings, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Per individual, the furthest of the similar ones that the settings try, with R in eval mode (paper, eq. 2).

        Returns:
            Its preactivation [n, h_1], with its graph, and its distance from R(z) [n].
        """

    @abstractmethod
    def random(self, each: int, generator: torch.Generator) -> Tensor:
        """Preactivations of `each` random similar ones per individual, individual by individual: [n each, h_1]."""


def neighbours(
    encoder: Encoder, latents: Tensor, similarity: Similarity, bf16: bool = False
) -> Neighbours:
    """The neighbours of a batch.

    Args:
        encoder: R.
        latents: [n, q] float32, or [n, 1 + v, q] along chains.
        similarity: S(x).
        bf16: multiply the first layer in bfloat16.
    """
    if isinstance(similarity, ChainSet):
        return _AlongChains(encoder, latents, similarity, bf16)
    return _AlongVectors(encoder, latents, similarity, bf16)


@dataclass(frozen=True)
class _AlongVectors(Neighbours):
    """The first layer is multiplied once: u0 + sum t_i U1_i serves z and every similar individual."""

    encoder: Encoder
    latents: Tensor
    similarity: SimilaritySet
    bf16: bool

    @cached_property
    def _split(self) -> tuple[Tensor, Tensor]:
        vectors = self.similarity.vectors.to(self.latents)
        with torch.autocast(self.latents.device.type, torch.bfloat16, enabled=self.bf16):
            u0, directions = self.encoder.split_first_layer(self.latents, vectors)
        return u0.float(), directions.float()

    @property
    def own(self) -> Tensor:
        return self._split[0]

    def furthest(
        self, settings: ObjectiveSettings, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        u0, directions = self._split
        tries = attack_points(
            settings.attack, self.similarity, len(u0), settings.attack_points, generator
        )
        t, distance = furthest_point(self.encoder, u0.detach(), directions.detach(), tries)
        return u0 + t @ directions, distance

    def random(self, each: int, generator: torch.Generator) -> Tensor:
        u0, directions = self._split
        t = self.similarity.uniform(len(u0) * each, generator).to(u0)
        return u0.repeat_interleave(each, dim=0) + t @ directions


@dataclass(frozen=True)
class _AlongChains(Neighbours):
    """Every corner of the chains is tried, and random points between them.

    All corners pass the first layer without a graph; those that are learnt from pass it once more.
    """

    encoder: Encoder
    latents: Tensor
    similarity: ChainSet
    bf16: bool

    @cached_property
    def own(self) -> Tensor:
        return self._first(self.latents[:, 0])

    def _first(self, latents: Tensor) -> Tensor:
        with torch.autocast(latents.device.type, torch.bfloat16, enabled=self.bf16):
            return self.encoder.first_layer(latents).float()

    @torch.no_grad()
    def furthest(
        self, settings: ObjectiveSettings, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        corners = self._first(self.latents)
        tail = folded_tail(self.encoder)
        reference = tail(corners[:, 0])
        n, images = corners.shape[:2]
        everybody = torch.arange(n, device=corners.device)
        points = [(torch.full_like(everybody, i),) * 2 for i in range(1, images)]
        tries = [(a, b, torch.zeros(n, device=corners.device)) for a, b in points]
        tries += [self._draw(n, generator) for _ in range(settings.attack_points)]
        distances = torch.stack(
            [
                torch.linalg.vector_norm(
                    tail(_between(corners, everybody, *point)) - reference, dim=1
                )
                for point in tries
            ]
        )
        distance, index = distances.max(dim=0)
        start, end, share = (
            torch.stack(part)[index, everybody] for part in zip(*tries, strict=True)
        )
        with torch.enable_grad():
            moved = self._first(_between(self.latents, everybody, start, end, share))
        return moved, distance

    def random(self, each: int, generator: torch.Generator) -> Tensor:
        n = len(self.latents)
        owner = torch.arange(n, device=self.latents.device).repeat_interleave(each)
        return self._first(_between(self.latents, owner, *self._draw(n * each, generator)))

    def _draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random points: a segment of a chain, each as likely, and a share of it; [count] each."""
        segments = torch.stack(
            [self.similarity.visits[:, :-1], self.similarity.visits[:, 1:]], dim=-1
        ).flatten(0, 1)
        chosen = segments[torch.randint(len(segments), (count,), generator=generator)]
        share = torch.rand(count, generator=generator, dtype=torch.float32)
        place = self.latents.device
        return chosen[:, 0].to(place), chosen[:, 1].to(place), share.to(place)


def _between(corners: Tensor, owner: Tensor, start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """The points at these shares of the way between two corners of their owners: [m, ...]."""
    return torch.lerp(corners[owner, start], corners[owner, end], share[:, None].to(corners))
