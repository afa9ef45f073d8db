"""The largest smaller epsilon that a tube would still certify: for whom not all similar people, which of them.

A tube whose vertices have places follows its curve parameter by parameter, so a part of the similarity set is
represented near a part of the tube (docs/guarantees.md, E.2). Nothing of the kind is known of a ball.
"""

from __future__ import annotations

import torch
from torch import Tensor

from consumer.radius.base import certify_base_tube
from consumer.radius.region import widened
from shared_spec.frozen_head import FrozenHead
from shared_spec.rounding import INFLATION, UNDERFLOW, UNIT, below, norm_above

__all__ = ["STEPS", "largest_epsilon", "prefixes"]

STEPS = 2**12
"""A share of epsilon is found to one part in so many, rounded down."""

_INTERPOLATION = 16
"""Roundings of a point between two vertices, relative to the longer of them: twice of what there are."""


def largest_epsilon(
    head: FrozenHead,
    vertices: Tensor,
    place: Tensor,
    delta: Tensor,
    classes: Tensor,
    epsilon: float,
) -> Tensor:
    """The largest epsilon' = s epsilon, s a multiple of 1 / `STEPS` below 1, that the tube certifies; [n] float64.

    Guarantee: if R(z + tau epsilon a) is within delta of the tube's point at parameter tau for every tau in [-1, 1],
    then C(R(z + t a)) = classes for every |t| <= epsilon', in real arithmetic and in float64. Deterministic; 0 speaks
    of the individual alone. docs/guarantees.md, E.2.

    Args:
        head: the base head C.
        vertices: of tubes that do not certify all of the similarity set, [n, m, d].
        place: the parameter of each vertex, t / epsilon, in order, [n, m].
        delta: radii of the tubes, [n].
        classes: what is decided for the individuals themselves, [n].
        epsilon: of the similarity set.
    """
    low = torch.zeros(len(classes), dtype=torch.int64)
    high = torch.full_like(low, STEPS)
    covered = torch.minimum(-place[:, 0], place[:, -1])
    while bool((high - low > 1).any()):
        middle = torch.div(low + high, 2, rounding_mode="floor")
        share = middle.to(torch.float64) / STEPS
        part, wide = prefixes(vertices, place, delta, share)
        proved = certify_base_tube(head, part, wide, classes) & (share <= covered)
        # Only what was proved is reported, so nothing rests on a longer part being harder to certify.
        low, high = torch.where(proved, middle, low), torch.where(proved, high, middle)
    return below(low.to(torch.float64) / STEPS * epsilon)


def prefixes(
    vertices: Tensor, place: Tensor, delta: Tensor, share: Tensor
) -> tuple[Tensor, Tensor]:
    """The parts of tubes between the parameters -share and share: vertices [n, m, d] and radii [n], rounded up.

    Args:
        vertices: [n, m, d].
        place: [n, m], in order, from -share or less to share or more.
        delta: [n].
        share: [n], positive.
    """
    exact = vertices.to(torch.float64)
    n, m, d = exact.shape
    wanted = torch.minimum(torch.maximum(place, -share[:, None]), share[:, None])
    after = torch.searchsorted(place.contiguous(), wanted.contiguous()).clamp_(1, max(m - 1, 1))
    after = after.clamp_max(m - 1)
    before = (after - 1).clamp_min(0)
    start, end = place.gather(1, before), place.gather(1, after)
    along = ((wanted - start) / (end - start)).nan_to_num(0.0, 0.0, 0.0).clamp(0.0, 1.0)
    first = exact.gather(1, before[..., None].expand(n, m, d))
    last = exact.gather(1, after[..., None].expand(n, m, d))
    between = first + along[..., None] * (last - first)
    # A vertex within the part stays what it is; only the two ends are computed.
    part = torch.where((wanted == place)[..., None], exact, between)
    lost = _INTERPOLATION * UNIT * norm_above(exact).amax(1) * INFLATION + UNDERFLOW
    return part, widened(delta, lost)
