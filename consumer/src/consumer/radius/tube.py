"""MLP heads on polyline tubes: cut the polyline into pieces until CROWN decides each of them.

On a short segment few ReLUs change sign, so CROWN's relaxation is nearly exact there: bisecting what is undecided
proves every margin that stays positive along the tube, up to delta (docs/guarantees.md, D.5 and E). The pieces cover
the polyline, so their conjunction speaks of all of it. Certifies the base head C, deterministically.
"""

from __future__ import annotations

import torch
from torch import Tensor

from consumer.radius.crown import certify_crown
from consumer.radius.region import ball, polyline, widened
from shared_spec.frozen_head import FrozenHead
from shared_spec.rounding import INFLATION, UNDERFLOW, UNIT, norm_above

__all__ = ["certify_tube"]

# Tubes whose pieces are held in memory at once.
_BLOCK = 64


def certify_tube(
    head: FrozenHead, vertices: Tensor, delta: Tensor, classes: Tensor, *, bisections: int = 6
) -> Tensor:
    """Whether C takes the value `classes` [n] on each individual's polyline tube; [n] bool.

    Guarantee: where True, C(r) = classes for every r within delta of the polyline, in real arithmetic on these
    float64 numbers and in float64, in any order of summation. Deterministic. False proves nothing; as delta shrinks and
    `bisections` grow, every tube on which the margin is positive, beyond rounding, is certified.

    Args:
        head: the base head C, of any depth.
        vertices: [n, m, d] vertices in order along the polyline, m >= 1, any float dtype.
        delta: [n] radii of the tubes, in representation units.
        classes: [n] int64, the class that is predicted for each individual.
        bisections: how often a segment may be halved.
    """
    certified = [
        _certify(
            head,
            vertices[rows : rows + _BLOCK].to(torch.float64),
            delta[rows : rows + _BLOCK],
            classes[rows : rows + _BLOCK],
            bisections,
        )
        for rows in range(0, classes.numel(), _BLOCK)
    ]
    return torch.cat(certified) if certified else torch.zeros(0, dtype=torch.bool)


def _certify(
    head: FrozenHead, vertices: Tensor, delta: Tensor, classes: Tensor, bisections: int
) -> Tensor:
    n, m, d = vertices.shape
    # A counterexample among the vertices saves all further work, and no bisection could change it.
    certified = (head(vertices).argmax(-1) == classes[:, None]).all(1)
    segments = torch.stack([vertices[:, : max(m - 1, 1)], vertices[:, min(1, m - 1) :]], 2)
    segments = segments.reshape(-1, 2, d)
    owner = torch.arange(n).repeat_interleave(max(m - 1, 1))
    delta = widened(delta, _midpoint_rounding(vertices, bisections))
    for depth in range(bisections + 1):
        alive = certified[owner]
        segments, owner = segments[alive], owner[alive]
        proved = certify_crown(head, polyline(segments, delta[owner]), classes[owner])
        segments, owner = segments[~proved], owner[~proved]
        if owner.numel() == 0:
            break
        if depth < bisections:
            segments, owner = _halve(segments), owner.repeat_interleave(2)
            # Where the ball around one point fails, no shorter piece through that point could succeed.
            middles = ball(segments[::2, 1], delta[owner[::2]])
            failed = ~certify_crown(head, middles, classes[owner[::2]])
            certified[owner[::2][failed]] = False
    certified[owner] = False
    return certified


def _midpoint_rounding(vertices: Tensor, bisections: int) -> Tensor:
    """How far [n] the polyline can be from the pieces into which `_halve` cuts it.

    Each midpoint is rounded by at most half a unit in the last place of the longest vertex, and later cuts start from
    it.
    """
    longest = norm_above(vertices).amax(1)
    return (bisections * UNIT) * longest * INFLATION + UNDERFLOW


def _halve(segments: Tensor) -> Tensor:
    """Both halves [2s, 2, d] of segments [s, 2, d], meeting in the rounded midpoint."""
    middle = segments.mean(1)
    halves = torch.stack([segments[:, 0], middle, middle, segments[:, 1]], 1)
    return halves.reshape(-1, 2, segments.shape[-1])
