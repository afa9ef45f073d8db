"""An attack on S(x) that knows nothing of how radii are bounded: what it finds is attained, so a true radius is larger.

Many points of the ball of coefficients, or of the chains, then the best of them refined by ever shorter steps. Every
value is an evaluation of the model as it was trained, in float64 and with its batch norms, not of the folded network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from producer.encoder import Encoder
from shared_spec.chains import ChainSet, Similarity
from shared_spec.device import to_host
from shared_spec.similarity import ball_grid

__all__ = ["Attack"]

_POINTS = {1: 201, 2: 41, 3: 15}
"""Per axis: 201, 1,681 and 3,375 points; 9 per axis for more attributes, of whom no more than `_MOST` are kept."""
_MOST = 10_000
_EACH = 17
"""Points of a segment of a chain."""
_SHORT = 1e-12
"""The end of a segment belongs to it, although the next whole number is where another one starts."""
_STARTS = 3
_ROUNDS = 14
_BLOCK = 2_000
"""Evaluations at once."""

Distance: TypeAlias = Callable[[slice, Tensor, Tensor], Tensor]
"""Of the representations [b, p, d] of similar individuals of these rows, at their places [b, p, k], from whatever is
attacked: [b, p]."""


class Attack:
    """The attack on one encoder and one kind of similarity set.

    Args:
        encoder: R, as a module in eval mode, where it is to compute; copied.
        similarity: S(x).
    """

    def __init__(self, encoder: Encoder, similarity: Similarity) -> None:
        self._encoder = copy.deepcopy(encoder).double().eval()
        self._similarity = similarity
        self._device = next(encoder.parameters()).device

    def from_centre(self, latents: Tensor, centre: Tensor) -> Tensor:
        """The largest ||R(z') - centre||_2 found over z' in S(x); each is attained, [n] float64.

        Args:
            latents: z, [n, q], or along chains [n, 1 + v, q].
            centre: [n, d].
        """

        def away(rows: slice, places: Tensor, values: Tensor) -> Tensor:
            return _norm(values - centre[rows, None])

        centre = self._placed(centre)
        return self._largest(latents, away)

    def from_chain(self, latents: Tensor, vertices: Tensor) -> Tensor:
        """As `from_centre`, from the chain of segments through vertices [n, m, d]."""

        def away(rows: slice, places: Tensor, values: Tensor) -> Tensor:
            mine = vertices[rows]
            nearest = _norm(values - mine[:, None, 0])
            for start, end in zip(mine.unbind(1), mine.unbind(1)[1:], strict=False):
                step = (end - start)[:, None]
                along = ((values - start[:, None]) * step).sum(2)
                share = along / step.square().sum(2).clamp_min(1e-300)
                point = start[:, None] + share.clamp(0.0, 1.0)[..., None] * step
                nearest = torch.minimum(nearest, _norm(values - point))
            return nearest

        vertices = self._placed(vertices)
        return self._largest(latents, away)

    def from_timetable(self, latents: Tensor, vertices: Tensor, place: Tensor) -> Tensor:
        """As `from_chain`, each R(z + tau epsilon a) from the chain's own point at tau, along one vector.

        Beyond the first and the last place nothing is said, so nothing is attacked.

        Args:
            latents: z, [n, q].
            vertices: [n, m, d].
            place: tau at each vertex, in order, [n, m].
        """

        def away(rows: slice, places: Tensor, values: Tensor) -> Tensor:
            at, tau = place[rows].contiguous(), places[..., 0]
            after = torch.searchsorted(at, tau.contiguous()).clamp(1, at.shape[1] - 1)
            first, last = at.gather(1, after - 1), at.gather(1, after)
            share = ((tau - first) / (last - first).clamp_min(1e-300)).clamp(0.0, 1.0)
            index = after[..., None].expand(-1, -1, values.shape[2])
            mine = vertices[rows]
            point = torch.lerp(mine.gather(1, index - 1), mine.gather(1, index), share[..., None])
            covered = (tau >= at[:, :1]) & (tau <= at[:, -1:])
            return torch.where(covered, _norm(values - point), 0.0)

        vertices, place = self._placed(vertices), self._placed(place)
        return self._largest(latents, away)

    @torch.no_grad()
    def from_places(self, latents: Tensor, vertices: Tensor, place: Tensor) -> Tensor:
        """The largest distance [n] of vertices [n, m, d] from the representations at their parameters [n, m].

        tau in the unit ball along a vector; along chains the number of a corner, counted from chain to chain.
        """
        vertices, place = self._placed(vertices), self._placed(place)
        ways, at = self._ways(self._placed(latents)), place
        if isinstance(self._similarity, ChainSet):
            corners = self._similarity.visits.shape[1]
            chain = (place / corners).floor()
            at = chain * (corners - 1) + (place - chain * corners).clamp_max(corners - 1 - _SHORT)
        points = ways.points(slice(None), ways.inside(at[..., None]))
        values = self._encoder.tail(points.flatten(0, 1)).reshape(vertices.shape)
        return to_host(_norm(values - vertices).amax(1))

    @torch.no_grad()
    def _largest(self, latents: Tensor, away: Distance) -> Tensor:
        ways = self._ways(self._placed(latents))
        size = max(1, _BLOCK // len(ways.grid))
        found = [torch.zeros(0, dtype=torch.float64)]
        for first in range(0, len(latents), size):
            rows = slice(first, first + size)

            def distance(places: Tensor, rows: slice = rows) -> Tensor:
                points = ways.points(rows, places)
                values = self._encoder.tail(points.flatten(0, 1))
                return away(rows, places, values.reshape(*points.shape[:2], -1))

            found.append(to_host(_search(distance, ways, len(latents[rows]))))
        return torch.cat(found)

    def _placed(self, values: Tensor) -> Tensor:
        return values.to(self._device, torch.float64)

    def _ways(self, latents: Tensor) -> _Ways:
        if isinstance(self._similarity, ChainSet):
            visits = self._similarity.visits.to(self._device)
            corners = self._encoder.first_layer(latents)[:, visits]
            return _chains(corners[:, :, :-1].flatten(1, 2), corners[:, :, 1:].flatten(1, 2))
        vectors = self._placed(self._similarity.vectors)
        offset, moves = self._encoder.split_first_layer(latents, vectors)
        return _ball(offset, moves * self._similarity.epsilon)


@dataclass(frozen=True)
class _Ways:
    """Ways through the similarity sets of n individuals, up to the first ReLU.

    Attributes:
        grid: places to begin with, [p, k].
        spacing: between them.
        inside: places [..., k] moved into the set.
        points: preactivations [b, p, h_1] of these rows at places [b, p, k] inside.
    """

    grid: Tensor
    spacing: float
    inside: Callable[[Tensor], Tensor]
    points: Callable[[slice, Tensor], Tensor]


def _ball(offset: Tensor, directions: Tensor) -> _Ways:
    """{ offset + sum tau_i directions_i : ||tau||_2 <= 1 }, offsets [n, h_1], directions [k, h_1]."""
    k = len(directions)
    per_axis = _POINTS.get(k, max(2, min(9, int(_MOST ** (1.0 / k)))))
    return _Ways(
        ball_grid(per_axis, k).to(offset.device),
        2.0 / (per_axis - 1),
        lambda places: places / _norm(places)[..., None].clamp_min(1.0),
        lambda rows, places: offset[rows, None] + places @ directions,
    )


def _chains(start: Tensor, end: Tensor) -> _Ways:
    """Segments from start to end, [n, s, h_1], one after the other: place j + share is a share of segment j."""
    segments = start.shape[1]
    each = torch.linspace(0.0, 1.0 - _SHORT, _EACH, dtype=torch.float64)
    grid = (torch.arange(segments, dtype=torch.float64)[:, None] + each).reshape(-1, 1)
    grid = grid.to(start.device)

    def points(rows: slice, places: Tensor) -> Tensor:
        segment = places[..., 0].to(torch.int64)
        index = segment[..., None].expand(-1, -1, start.shape[2])
        return torch.lerp(
            start[rows].gather(1, index), end[rows].gather(1, index), places - segment[..., None]
        )

    def inside(places: Tensor) -> Tensor:
        return places.clamp(0.0, segments - _SHORT)

    return _Ways(grid, 1.0 / (_EACH - 1), inside, points)


def _search(distance: Callable[[Tensor], Tensor], ways: _Ways, individuals: int) -> Tensor:
    """The largest [b] of `distance`, which is [b, p] of places [b, p, k], from the grid on."""
    grid, k = ways.grid.expand(individuals, -1, -1), ways.grid.shape[1]
    best, order = distance(grid).topk(min(_STARTS, grid.shape[1]))
    places = grid.gather(1, order[:, :, None].expand(-1, -1, k))
    unit = torch.eye(k, dtype=torch.float64, device=grid.device)
    moves = torch.cat([unit, -unit])
    steps = torch.full_like(best, ways.spacing)
    for _ in range(_ROUNDS):
        tried = ways.inside(places[:, :, None] + steps[:, :, None, None] * moves)
        found, which = distance(tried.flatten(1, 2)).reshape(*best.shape, -1).max(2)
        better = found > best
        moved = tried.gather(2, which[:, :, None, None].expand(-1, -1, 1, k)).squeeze(2)
        places = torch.where(better[:, :, None], moved, places)
        best, steps = torch.maximum(best, found), torch.where(better, steps, 0.5 * steps)
    return best.amax(1)


def _norm(values: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(values, dim=-1)
    return norm
