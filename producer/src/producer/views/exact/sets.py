"""k > 1: balls and affine tubes around similarity sets of several attributes."""

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

__all__ = ["SetBound", "bound_sets"]


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


def bound_sets(
    network: BoundedNetwork,
    rays: Rays,
    tolerance: float,
    max_cells: int,
    enclosing: bool,
    tube: bool,
) -> list[SetBound]:
    """Bounds the similarity sets of individuals for any small k. Source: docs/guarantees.md, D.4 and E."""
    start = cover(len(rays.slopes), rays.slopes.device)
    reduced = [reduce_network(network, rays.individual(i), start) for i in range(len(rays))]
    representations = network.encoder.tail(rays.offset)
    centres = representations
    if enclosing:
        # All at once: one individual's points are too few to be worth the calls.
        points = torch.stack([one.values(sample_points(start)) for one in reduced])
        centres = enclosing_centre(points, representations)
    centres = torch.nan_to_num(centres.to(torch.float32))
    return [
        _bound(one, start, centre, representation, tolerance, max_cells, tube)
        for one, centre, representation in zip(reduced, centres, representations, strict=True)
    ]


def _bound(
    reduced: ReducedNetwork,
    start: Cells,
    centre: Tensor,
    representation: Tensor,
    tolerance: float,
    max_cells: int,
    tube: bool,
) -> SetBound:
    around = reduced.relative_to(centre.to(torch.float64))
    reach = largest_norm(around, start, tolerance, max_cells)
    cells, rows = reach.cells, None
    if tube:
        points, delta, more = affine_tube(reduced, start, tolerance, max_cells)
        rows, cells = (points, delta), cells + more
    return SetBound(centre, reach, representation.to(torch.float32), rows, cells)
