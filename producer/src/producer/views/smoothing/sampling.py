"""The encoder along a similarity set, as a function of the coefficients t alone, and the draws of t.

g(t) = R(z + sum t_i a_i) = tail(u0 + t U1): the first layer is applied once per individual (docs/guarantees.md, C.1).
Preactivations and everything after them are float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from producer.views.network import BoundedNetwork
from producer.views.polyline import Polyline, breakpoints
from producer.views.smoothing.medoid import (
    Ball,
    ball_around,
    distances,
    exported,
    medoid,
    smallest,
    smallest_ball,
)
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import stream
from shared_spec.rounding import norm_above
from shared_spec.seeds import Seed
from shared_spec.similarity import SimilaritySet

__all__ = [
    "LineMap",
    "RepresentationMap",
    "distances_along",
    "draws",
    "evaluation_errors",
    "medoid_along",
    "representation_map",
]

RepresentationMap: TypeAlias = Callable[[Tensor], Tensor]
"""g: coefficients t [n, k] float64 to representations [n, d] float64."""

_FARTHEST_DRAW = 12.3
"""In standard deviations: numpy's ziggurat ends at 3.66 and goes at most sqrt(2 log 2^53) = 8.58 beyond it."""

_POLYLINE = 4.0
"""A vertex errs once and its neighbours' chord twice more, as the curve traced to find them did; and once to spare."""

# Rows per block: the widest activation of a block stays near 16 MB at the paper's sizes.
_BLOCK = 1000


@dataclass(frozen=True)
class LineMap:
    """g for k = 1, read off its exact polyline."""

    curve: Polyline

    def __call__(self, t: Tensor) -> Tensor:
        """Representations [n, d] at coefficients t [n, 1]."""
        return self.curve.at(t[:, 0])


def distances_along(g: RepresentationMap, t: Tensor, centre: Tensor) -> Tensor:
    """||g(t) - centre||_2, NaN as +inf, [n] float64; along a polyline without forming the representations."""
    if isinstance(g, LineMap):
        return torch.nan_to_num(g.curve.distances(t[:, 0], centre), nan=torch.inf, posinf=torch.inf)
    return distances(g(t), centre)


def medoid_along(g: RepresentationMap, t: Tensor, mass_count: int, candidates: int) -> Ball:
    """The `medoid` of the samples g(t); along a polyline without holding all of them."""
    if not isinstance(g, LineMap):
        return medoid(g(t), mass_count, candidates)
    points = g(t[:candidates])
    squares = g.curve.squared_distances(t[:, 0], points)
    kth = torch.cat([smallest(rows, mass_count) for rows in squares])

    def measured(index: int) -> Ball:
        centre = exported(points[index])
        away = torch.cat([distances(g(part), centre) for part in torch.split(t, _BLOCK)])
        return ball_around(centre, away, mass_count)

    return smallest_ball(kth, g.curve.squares_error(points), measured)


def draws(seed: Seed, purpose: str, sample_id: str, n: int, k: int, sigma: float) -> Tensor:
    """N draws of t ~ N(0, sigma^2 I_k) from the stream of this purpose and individual: [n, k] float64, on the host.

    Wherever they are used, so that no device changes what was drawn.
    """
    return sigma * torch.from_numpy(stream(seed, purpose, sample_id).standard_normal((n, k)))


def evaluation_errors(
    encoder: ReluNetwork, similarity: SimilaritySet, sigma: float
) -> Callable[[Tensor, Tensor], float]:
    """How far the representation maps of one individual, and of all who are similar, may be from real arithmetic.

    Args:
        encoder: R, folded.
        similarity: S(x).
        sigma: standard deviation of the draws, in the unit of epsilon.

    Returns:
        A function of the latent [q] and u0 [h_1]: an upper bound in l2 (docs/guarantees.md, D.3).
    """
    # Whoever is similar is at most epsilon away, and a draw from there at most this much further.
    reach = similarity.epsilon + sigma * _FARTHEST_DRAW * math.sqrt(similarity.k)
    network = BoundedNetwork.of(encoder, similarity.vectors, reach)

    def error(latent: Tensor, offset: Tensor) -> float:
        return _POLYLINE * float(network.output_error(latent[None], offset[None]))

    return error


def representation_map(
    encoder: ReluNetwork, offset: Tensor, directions: Tensor, reach: float
) -> RepresentationMap:
    """G on { t : ||t||_2 <= reach }.

    For k = 1, where g is a polyline with some hundred vertices, the vertices are evaluated and thousands of samples
    read off between them (docs/guarantees.md, D.1); otherwise every sample is evaluated. Either way g is exact up to
    float64 rounding.

    Args:
        encoder: R, folded.
        offset: u0 = W_1 z + b_1, [h_1].
        directions: U1 = W_1 a_i, [k, h_1].
        reach: bound on the norms of the coefficients that g will be given.
    """
    direct = _direct_map(encoder, offset, directions, reach)
    if len(directions) > 1:
        return direct
    vertices = breakpoints(encoder, offset, directions[0], reach)
    curve = Polyline(vertices, direct(vertices[:, None]), encoder, offset, directions[0])
    return LineMap(curve)


def _direct_map(
    encoder: ReluNetwork, offset: Tensor, directions: Tensor, reach: float
) -> RepresentationMap:
    """The same by evaluation, at the price of the neurons that change sign on { t : ||t||_2 <= reach }.

    A first-layer neuron that is on throughout is affine in t and one that is off is zero: the former are summed into
    an affine map once, the latter left out, and only the others enter the matrix product per sample.
    """
    if len(encoder.weights) == 1:
        return lambda t: offset + t @ directions
    # The margin makes up for the rounding of the bound; a neuron within it is treated as changing.
    swing = norm_above(directions, dim=0) * (reach * (1.0 + 1e-9))
    on = offset - swing > 0.0
    changing = ~on & (offset + swing >= 0.0)
    weight, bias = encoder.weights[1], encoder.biases[1]
    base = bias + weight[:, on] @ offset[on]
    slope = directions[:, on] @ weight[:, on].T
    some_offset, some_directions = offset[changing], directions[:, changing]
    some_weight = weight[:, changing].T.contiguous()
    later = ReluNetwork(encoder.weights[1:], encoder.biases[1:])

    def block(t: Tensor) -> Tensor:
        hidden = torch.addmm(some_offset, t, some_directions).clamp_min_(0.0)
        return later.tail(torch.addmm(base, t, slope).addmm_(hidden, some_weight))

    return lambda t: torch.cat([block(part) for part in torch.split(t, _BLOCK)])
