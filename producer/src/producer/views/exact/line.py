"""Curves: radius of a ball around all representations of a similarity set, to a wanted tightness.

The mesh decides nothing about soundness: any mesh gives a bound. It is refined where the bound is still above
(1 + tolerance) times the largest distance that is attained, which is why few points suffice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from producer.views.exact.enclosing import enclosing_centre
from producer.views.exact.grid import LineMesh
from producer.views.network import BoundedNetwork, Curves
from shared_spec.rounding import INFLATION, above, below, norm_above

__all__ = ["LineBound", "bound_lines"]

_COARSE = 9
"""Points per curve from which a centre is chosen."""

_ROUNDING_SLACK = 4.0
"""A bound within this many rounding bounds of the lower bound cannot be refined further."""


@dataclass(frozen=True)
class LineBound:
    """Balls around the curves of n individuals, and the mesh that proves them.

    Attributes:
        centre: [n, d] float32.
        radius: [n] float64, at least max over the similarity set of ||R - centre||_2.
        lower: [n] float64, at most that maximum.
        representation: R(z), [n, d] float32.
        reached: [n] bool, whether radius is within the tolerance of lower.
        points: [n] int64, points evaluated.
        rounding: [n] float64, bound on ||float - real|| of a representation, included in the above.
        mesh: the points and segments.
    """

    centre: Tensor
    radius: Tensor
    lower: Tensor
    representation: Tensor
    reached: Tensor
    points: Tensor
    rounding: Tensor
    mesh: LineMesh


def bound_lines(
    network: BoundedNetwork,
    rays: Curves,
    parameters: Sequence[Tensor],
    tolerance: float,
    max_points: int,
    enclosing: bool,
) -> LineBound:
    """Bounds the distance of all representations from a centre, per individual.

    Args:
        network: the encoder.
        rays: n individuals along one attribute vector, or along chains.
        parameters: per individual, the increasing parameters to start from: ends, corners and the individual itself are
            among them.
        tolerance: relative excess of the radius over the largest attained distance that is good enough.
        max_points: evaluations of the encoder per individual after which refinement stops.
        enclosing: choose the centre of a smaller ball where it helps, instead of R(z).

    Returns:
        The bound; sound for every individual, `reached` or not. Source: docs/guarantees.md, D.2 and D.3.
    """
    mesh = LineMesh.start(network, rays, parameters)
    rounding = norm_above(rays.errors[-1])
    representation = centre = network.encoder.tail(rays.offset)
    if enclosing:
        centre = enclosing_centre(
            _coarse(mesh, parameters, _COARSE + 2 * len(rays.ends)), representation
        )
    # Any centre is sound, so one that overflows may become another.
    centre = torch.nan_to_num(centre.to(torch.float32))
    while True:
        lower, upper = _distances(mesh, centre.to(torch.float64), rounding)
        owner = mesh.owner[mesh.left]
        radius = torch.zeros_like(lower).scatter_reduce_(0, owner, upper, "amax")
        points = torch.bincount(mesh.owner, minlength=len(lower))
        goal = (1.0 + tolerance) * lower + _ROUNDING_SLACK * rounding
        live = ~(upper <= goal[owner]) & (points < max_points)[owner]
        if not bool(live.any()):
            break
        mesh.bisect(torch.nonzero(live).squeeze(1))
    return LineBound(
        centre=centre,
        radius=above(radius),
        lower=lower,
        representation=representation.to(torch.float32),
        reached=(radius <= goal) & torch.isfinite(radius),
        points=points,
        rounding=rounding,
        mesh=mesh,
    )


def _coarse(mesh: LineMesh, parameters: Sequence[Tensor], count: int) -> Tensor:
    """About `count` points per individual, ends included, to choose a centre from; [n, count, d]."""
    start, rows = 0, []
    for tau in parameters:
        spread = torch.linspace(0, len(tau) - 1, count, device=tau.device)
        rows.append(start + spread.round().to(torch.int64))
        start += len(tau)
    return mesh.values[torch.stack(rows)]


def _distances(mesh: LineMesh, centre: Tensor, rounding: Tensor) -> tuple[Tensor, Tensor]:
    """Lower bound on each individual's largest distance [n], upper bound on each segment's [s]."""
    distance = norm_above(mesh.values - centre[mesh.owner])
    attained = torch.zeros_like(rounding).scatter_reduce_(0, mesh.owner, distance, "amax")
    owner = mesh.owner[mesh.left]
    ends = torch.maximum(distance[mesh.left], distance[mesh.right])
    upper = (ends + mesh.deviation + rounding[owner]) * INFLATION
    lower = torch.nan_to_num(below(attained / INFLATION - rounding), nan=0.0, posinf=0.0)
    return lower, torch.nan_to_num(upper, nan=torch.inf, posinf=torch.inf)
