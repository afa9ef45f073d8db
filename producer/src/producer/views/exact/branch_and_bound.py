"""Any small k: how far the representations of a similarity set reach, by branch and bound over boxes of parameters.

A box is closed when the bound on it is within the tolerance of a distance that is attained; otherwise it is halved
along the axis that causes most of what is left open. A cap on the boxes ends the search as UNDECIDED.
Source: docs/guarantees.md, D.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from producer.views.exact.affine_forms import Forms, ReducedNetwork
from producer.views.exact.cells import Cells
from shared_spec.rounding import INFLATION, SQUARES, above, below, gamma, norm_above

__all__ = ["Reach", "largest_norm", "sample_points"]

_BATCH = 256
_TRIED = 32
_ROUNDING_SLACK = 4.0


@dataclass(frozen=True)
class Reach:
    """Bounds on max ||output||_2 over a similarity set.

    Attributes:
        upper: rounded up; sound whether or not the tolerance was reached; +inf if nothing is known.
        lower: rounded down; attained.
        reached: whether upper is within the tolerance of lower.
        cells: boxes bounded.
    """

    upper: float
    lower: float
    reached: bool
    cells: int


def largest_norm(reduced: ReducedNetwork, start: Cells, tolerance: float, max_cells: int) -> Reach:
    """Bounds the largest norm of the reduced network's output over the unit ball of parameters.

    Args:
        reduced: its output already has the centre of interest subtracted.
        start: boxes that cover the ball.
        tolerance: relative excess of the upper over the lower bound that is good enough.
        max_cells: boxes after which the search stops.
    """
    rounding = float(norm_above(reduced.output.error))
    if not math.isfinite(rounding):
        return Reach(math.inf, 0.0, False, 0)
    bounds = _CellBounds(reduced)
    largest = _largest(reduced, sample_points(start))
    closed, used, cells = 0.0, len(start), start
    upper, axis, candidates = bounds(cells)
    while True:
        largest = max(largest, _largest(reduced, candidates))
        attained = max(largest / INFLATION - rounding, 0.0)
        goal = (1.0 + tolerance) * attained + _ROUNDING_SLACK * rounding
        live = ~(upper + rounding <= goal)
        closed = max([closed, *upper[~live].tolist()])
        cells, upper, axis = cells[live], upper[live], axis[live]
        if not len(cells) or used >= max_cells or cells.finest():
            break
        order = upper.argsort(descending=True)
        worst, rest = order[:_BATCH], order[_BATCH:]
        children = cells[worst].split(axis[worst])
        fresh, fresh_axis, points = bounds(children)
        # Where the bounds are highest the largest distance is: trying the other boxes too costs more than it finds.
        candidates = points[fresh.argsort(descending=True)[:_TRIED]]
        used += len(children)
        cells = cells[rest].join(children)
        upper, axis = torch.cat([upper[rest], fresh]), torch.cat([axis[rest], fresh_axis])
    tops = torch.cat([upper, upper.new_tensor([closed])]).nan_to_num(torch.inf)
    top = above((tops.max() + rounding) * INFLATION)
    return Reach(float(top), float(below(torch.tensor(attained))), not len(cells), used)


def sample_points(cells: Cells) -> Tensor:
    """Points of the unit ball: each box's centre and its corner farthest from 0, clipped; [2c, k]."""
    outward = torch.where(cells.centre < 0.0, -1.0, 1.0).to(torch.float64)
    return torch.cat([cells.clip(torch.zeros_like(outward)), cells.clip(outward)])


def _split_axis(influence: Tensor, generators: Tensor, cells: Cells) -> Tensor:
    """The axis [c] whose halving gains most.

    Either the axis that causes most of the ReLUs' error (`influence` [c, k]), or, at the sphere, the widest one
    across the direction of the box: the tangent plane overshoots the ball by half the square of that width.

    Args:
        influence: of the affine forms.
        generators: of the output, [c, k, d].
        cells: the boxes.
    """
    steep = (torch.linalg.vector_norm(generators, dim=2) / cells.half).amax(1, keepdim=True)
    normal = torch.nn.functional.normalize(cells.centre, dim=1)
    overshoot = 0.5 * cells.half.square() * (1.0 - normal.square()) * steep
    gain: Tensor = influence + overshoot * cells.crossing().unsqueeze(1)
    return gain.argmax(1)


def _largest(reduced: ReducedNetwork, tau: Tensor) -> float:
    if not len(tau):
        return 0.0
    return float(norm_above(reduced.values(tau)).max())


class _CellBounds:
    """Upper bounds of the norm on boxes.

    With v the affine part and M e the error part of the output, ||v + M e||^2 is at most
    ||v||^2 + 2 |M' v| e + e |M' M| e, where M' v and M' M keep the cancellation that |M| e would lose.
    """

    def __init__(self, reduced: ReducedNetwork) -> None:
        self.reduced = reduced
        coupling = reduced.output.coupling
        self.lengths = norm_above(coupling)
        self.relative = gamma(4 * coupling.shape[1] + 64)
        rounding = self.relative * torch.outer(self.lengths, self.lengths)
        self.gram = (coupling @ coupling.T).abs() + rounding + SQUARES

    def __call__(self, cells: Cells) -> tuple[Tensor, Tensor, Tensor]:
        """Bound [c], axis to split [c], and a promising point of the ball [c, k]."""
        forms = self.reduced.hidden(cells)
        rows = self.reduced.output
        centre = rows.at(cells.centre, forms.centre)
        generators = cells.half.unsqueeze(2) * rows.slopes + forms.generators @ rows.coupling
        length = norm_above(centre) + norm_above(generators).sum(1)
        affine, corner = self._affine_part(centre, generators, length, cells)
        upper = self._with_errors(affine, centre, generators, length, forms)
        axis = _split_axis(forms.influence, generators, cells)
        return upper, axis, cells.clip(corner)

    def _affine_part(
        self, centre: Tensor, generators: Tensor, length: Tensor, cells: Cells
    ) -> tuple[Tensor, Tensor]:
        """Bound on ||v||^2 over box and ball [c], and where the box has it [c, k]: a convex quadratic at vertices."""
        gram = generators @ generators.mT
        linear = generators @ centre.unsqueeze(2)
        points, exist = cells.vertices()
        value = ((points @ gram) * points).sum(2) + 2.0 * (points @ linear).squeeze(2)
        value, best = torch.where(exist, value, -torch.inf).max(1)
        square = value + (centre * centre).sum(1) + self.relative * length.square() + SQUARES
        return square.clamp_min(0.0) * INFLATION, points[
            torch.arange(len(best), device=best.device), best
        ]

    def _with_errors(
        self, affine: Tensor, centre: Tensor, generators: Tensor, length: Tensor, forms: Forms
    ) -> Tensor:
        coupling, error = self.reduced.output.coupling, forms.error
        effect = (centre @ coupling.T).abs() + (generators @ coupling.T).abs().sum(1)
        rounding = self.relative * length.unsqueeze(1) * self.lengths + SQUARES
        cross = ((effect + rounding) * error).sum(1)
        spread = ((error @ self.gram) * error).sum(1) * INFLATION
        triangle = (affine.sqrt() + spread.sqrt()).square()
        square = torch.minimum(affine + 2.0 * cross + spread, triangle) + SQUARES
        return (square * INFLATION).sqrt() * INFLATION
