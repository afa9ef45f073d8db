"""k > 1: balls and affine tubes around similarity sets of several attributes, one individual at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from producer.views.exact.affine_forms import ReducedNetwork, reduce_network
from producer.views.exact.branch_and_bound import Reach, largest_norm, sample_points
from producer.views.exact.cells import Cells, cover
from producer.views.exact.enclosing import enclosing_centre
from producer.views.exact.tubes import affine_tube
from producer.views.network import BoundedNetwork, Rays

__all__ = ["SetBound", "bound_set"]


@dataclass(frozen=True)
class SetBound:
    """A ball, and on request an affine tube, around all representations of one similarity set.

    Attributes:
        centre: [d] float32.
        reach: bounds on the largest distance from the centre.
        representation: R(z), [d] float32.
        tube: rows c, E_1, ..., E_k [1 + k, d] float32 and delta, or None.
        cells: boxes bounded in all.
    """

    centre: Tensor
    reach: Reach
    representation: Tensor
    tube: tuple[Tensor, float] | None
    cells: int


def bound_set(
    network: BoundedNetwork,
    rays: Rays,
    tolerance: float,
    max_cells: int,
    enclosing: bool,
    tube: bool,
) -> SetBound:
    """Bounds the similarity set of one individual for any small k. Source: docs/guarantees.md, D.4 and E."""
    start = cover(len(rays.slopes))
    reduced = reduce_network(network, rays, start)
    representation = network.encoder.tail(rays.offset[0])
    centre = _centre(reduced, start, representation) if enclosing else representation
    centre = torch.nan_to_num(centre.to(torch.float32))
    around = reduced.relative_to(centre.to(torch.float64))
    reach = largest_norm(around, start, tolerance, max_cells)
    cells, rows = reach.cells, None
    if tube:
        points, delta, more = affine_tube(reduced, start, tolerance, max_cells)
        rows, cells = (points, delta), cells + more
    return SetBound(centre, reach, representation.to(torch.float32), rows, cells)


def _centre(reduced: ReducedNetwork, start: Cells, representation: Tensor) -> Tensor:
    points = reduced.values(sample_points(start))
    return enclosing_centre(points.unsqueeze(0), representation.unsqueeze(0)).squeeze(0)
