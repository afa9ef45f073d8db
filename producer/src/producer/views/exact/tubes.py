"""Tubes: a shape that follows the representations of a similarity set, instead of a ball around them.

A linear head certifies a tube where it certifies the set itself, up to delta; a ball is the tube with one vertex. The
price is that vertices and generators show in which direction the attribute moves a representation.
Source: docs/guarantees.md, E.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from producer.views.exact.affine_forms import ReducedNetwork
from producer.views.exact.branch_and_bound import largest_norm, sample_points
from producer.views.exact.cells import Cells
from producer.views.exact.line import LineBound
from shared_spec.device import to_host
from shared_spec.rounding import INFLATION, above, norm_above

__all__ = ["Tubes", "affine_tube", "polyline_tubes"]


@dataclass(frozen=True)
class Tubes:
    """One tube per individual.

    Attributes:
        kind: "polyline": the chain of segments through the rows of `points`; "affine": row 0 is a centre c and the
            others are generators E_1..E_k, the shape {c + sum s_i E_i : ||s||_2 <= 1}.
        points: [n, m, d] float32.
        delta: [n] float64: every representation of S(x) is within delta (l2) of the shape, R(z) included.
        place: of a polyline, the parameter at which each row is the representation of a similar individual, [n, m]
            float64; tau along a vector, the number of a corner along chains.
    """

    kind: str
    points: Tensor
    delta: Tensor
    place: Tensor | None = None

    def on_host(self) -> Tubes:
        """The same tubes in this process's own memory."""
        place = None if self.place is None else to_host(self.place)
        return Tubes(self.kind, to_host(self.points), to_host(self.delta), place)


def polyline_tubes(bound: LineBound, vertices: int) -> Tubes:
    """Tubes around the chain through `vertices` points of each individual's mesh, chosen greedily.

    delta is the largest distance between g(tau) and the chain at the same parameter, from the float32 vertices that
    are exported, plus what the mesh itself and rounding leave open.

    Args:
        bound: its mesh should be fine (start from the breakpoints): delta cannot be below its deviation.
        vertices: m >= 2; a chain that needs fewer repeats its last vertex.
    """
    mesh = bound.mesh
    points, delta, places = [], [], []
    by_owner = mesh.owner[mesh.left]
    for individual in range(len(bound.radius)):
        mine = torch.nonzero(by_owner == individual).squeeze(1)
        left, right = mesh.left[mine], mesh.right[mine]
        # Where one curve ends and another begins the chain leaps, which makes it longer and no less true.
        chain = torch.unique(torch.cat([left, right]))
        chain = chain[mesh.tau[chain].argsort()]
        chosen, away = _simplify(mesh.tau[chain], mesh.values[chain], vertices)
        corners = chain[chosen]
        kept = torch.nan_to_num(mesh.values[corners].to(torch.float32))
        off = torch.zeros_like(mesh.tau)
        off[chain] = away
        worst = (torch.maximum(off[left], off[right]) + mesh.deviation[mine]).max()
        points.append(kept)
        places.append(mesh.tau[corners])
        delta.append((worst + bound.rounding[individual]) * INFLATION)
    widths = above(torch.stack(delta).nan_to_num(torch.inf))
    return Tubes("polyline", torch.stack(points), widths, torch.stack(places))


def affine_tube(
    reduced: ReducedNetwork, start: Cells, tolerance: float, max_cells: int
) -> tuple[Tensor, float, int]:
    """A tube {c + sum s_i E_i : ||s||_2 <= 1} + B(0, delta) around the output of a reduced encoder, any k.

    c and E are a least-squares fit at points of the ball; delta bounds the residual by branch and bound, so it holds
    for the float32 rows that are exported, however good the fit.

    Returns:
        Rows c, E_1, ..., E_k [1 + k, d] float32, delta, and the boxes it took.
    """
    tau = sample_points(start)
    design = torch.cat([tau.new_ones(len(tau), 1), tau], dim=1)
    rows = torch.nan_to_num((torch.linalg.pinv(design) @ reduced.values(tau)).to(torch.float32))
    exported = rows.to(torch.float64)
    reach = largest_norm(
        reduced.relative_to(exported[0], exported[1:]), start, tolerance, max_cells
    )
    return rows, reach.upper, reach.cells


def _simplify(tau: Tensor, values: Tensor, vertices: int) -> tuple[Tensor, Tensor]:
    """Which values become vertices of a chain, and the distance [m] of all from it, in float32, at their parameters."""
    rounded = torch.nan_to_num(values.to(torch.float32))
    chosen = [0, len(tau) - 1]
    away = _deviation(tau, values, rounded, chosen)
    while len(chosen) < min(vertices, len(tau)):
        away[_places(chosen, tau)] = -1.0
        chosen = sorted([*chosen, int(away.argmax())])
        away = _deviation(tau, values, rounded, chosen)
    repeats = [chosen[-1]] * (vertices - len(chosen))
    return _places(chosen + repeats, tau), away


def _deviation(tau: Tensor, values: Tensor, rounded: Tensor, chosen: list[int]) -> Tensor:
    places = _places(chosen, tau)
    corners = tau[places]
    segment = torch.searchsorted(corners, tau).sub_(1).clamp_(0, len(chosen) - 2)
    share = (tau - corners[segment]) / (corners[segment + 1] - corners[segment])
    vertices = rounded[places].to(torch.float64)
    chain = torch.lerp(vertices[segment], vertices[segment + 1], share.unsqueeze(1))
    return norm_above(values - chain)


def _places(chosen: list[int], tau: Tensor) -> Tensor:
    return torch.tensor(chosen, device=tau.device)
