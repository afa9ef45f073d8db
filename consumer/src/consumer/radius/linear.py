"""Linear heads in closed form: no sampling, no failure probability, and never worse than randomized smoothing.

The class region of a linear head is an intersection of half-spaces, so distances to it, and whether a ball or a tube
lies inside, are exact (docs/guarantees.md, C.4 and E). For two classes this is the smoothed head's radius as well,
whatever the noise; for more, the base head C is what is certified.
"""

from __future__ import annotations

import torch
from torch import Tensor

from consumer.head import FrozenHead
from consumer.radius.region import Region
from shared_spec.errors import SettingsError
from shared_spec.rounding import INFLATION, UNDERFLOW, above, below, gamma, norm_above

__all__ = ["certify_linear", "linear_margins", "linear_radius"]

# Individuals per block: keeps the float64 copies in the cache hierarchy and memory flat.
_BLOCK = 2048


def linear_radius(head: FrozenHead, centres: Tensor, classes: Tensor) -> Tensor:
    """The certified radius min_{j != c} (m_c - m_j) / ||w_c - w_j|| of each centre, rounded down.

    Guarantee: C takes the value `classes` on the closed ball of any smaller radius around the centre, in real
    arithmetic on these float64 numbers and in float64, in any order of summation. Deterministic;
    docs/guarantees.md, C.4.

    Args:
        head: a linear head.
        centres: [n, d], any float dtype.
        classes: [n] int64, the class that is predicted for each individual.

    Returns:
        [n] float64, >= 0 and finite. 0 where the class is not the strict winner at the centre, on ties, and wherever
        a number is not finite: d < 0 never holds, so such an individual is never certified. Where no other class can
        ever win (weights of 0, larger bias) the largest float64 stands for infinity.

    Raises:
        SettingsError: the head is not linear.
    """
    table = _Differences(head)
    radii = [
        table.radius(centres[rows : rows + _BLOCK], classes[rows : rows + _BLOCK])
        for rows in range(0, classes.numel(), _BLOCK)
    ]
    return torch.cat(radii) if radii else torch.zeros(0, dtype=torch.float64)


def linear_margins(head: FrozenHead, region: Region, classes: Tensor) -> Tensor:
    """Lower bound on min_{j != c} (m_c - m_j)(r) over each individual's region, rounding included; [n] float64.

    It holds in real arithmetic and for the margins that float64 evaluates, in any order of summation. For balls
    and tubes around a hull this is the minimum itself, up to rounding: nothing is lost (docs/guarantees.md, E). NaN
    where a number is not finite.

    Raises:
        SettingsError: the head is not linear.
    """
    table = _Differences(head)
    margins = [
        table.margin(region.rows(slice(rows, rows + _BLOCK)), classes[rows : rows + _BLOCK])
        for rows in range(0, len(region), _BLOCK)
    ]
    return torch.cat(margins) if margins else torch.zeros(0, dtype=torch.float64)


def certify_linear(head: FrozenHead, region: Region, classes: Tensor) -> Tensor:
    """Whether C takes the value `classes` [n] on all of each individual's region; [n] bool.

    Guarantee: where True, C(r) = classes for every r of the region, in real arithmetic on these float64 numbers and in
    float64, in any order of summation. Deterministic. Strict: a margin of exactly delta * ||w_c - w_j|| is not
    enough.

    Raises:
        SettingsError: the head is not linear.
    """
    return region.usable & (linear_margins(head, region, classes) > 0.0)


class _Differences:
    """How fast margins fall, for all pairs of classes, rounded up, and the logits with their rounding error."""

    def __init__(self, head: FrozenHead) -> None:
        if not head.is_linear:
            raise SettingsError(
                "the closed form holds for linear heads only: use crown or randomized for an MLP"
            )
        self.weight, self.bias = head.weights[0], head.biases[0]
        # Each entry of the difference is rounded by u |w_c - w_j| at most: INFLATION has room for it.
        self.norms = norm_above(self.weight[:, None] - self.weight[None]) * INFLATION
        self.row_norms = norm_above(self.weight)
        rounding = gamma(head.input_dim + 8)
        # Of a logit computed here, twice: the subtraction of two and the sum of their errors are rounded too. And of
        # the same logit as whoever decides computes it.
        self.error = 3.0 * rounding
        # At a distance the logits of whoever decides are larger, and so is what they lose.
        both = self.row_norms[:, None] + self.row_norms[None]
        self.steepness = (
            self.norms + torch.where(both > 0.0, above(rounding * both), 0.0)
        ) * INFLATION

    def _logits(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of points [..., d] and bounds on their rounding errors, both [..., classes]."""
        points = points.to(torch.float64)
        # docs/guarantees.md, D.3: an inner product in any order, FMA or not, errs by gamma |w| |r|.
        size = norm_above(points)[..., None] * self.row_norms + self.bias.abs()
        return points @ self.weight.T + self.bias, self.error * size + UNDERFLOW

    def _gaps(self, points: Tensor, classes: Tensor) -> Tensor:
        """Lower bounds on m_c - m_j at points [n, m, d], +inf at j = c; [n, m, classes]."""
        logits, error = self._logits(points)
        index = classes[:, None, None].expand(-1, points.shape[1], 1)
        gaps = logits.gather(-1, index) - logits - (error.gather(-1, index) + error)
        return gaps.scatter(-1, index, torch.inf)

    def radius(self, centres: Tensor, classes: Tensor) -> Tensor:
        gaps = self._gaps(centres[:, None], classes)[:, 0]
        steepness = self.steepness[classes]
        # Weights of 0: the logits are the biases everywhere.
        ahead = self.bias[classes][:, None] > self.bias
        constant = torch.where(ahead, torch.inf, 0.0).scatter(-1, classes[:, None], torch.inf)
        ratios = torch.where(steepness > 0.0, gaps / steepness, constant.to(torch.float64))
        # The float below infinity is the largest of all.
        radius = torch.nan_to_num(below(ratios), nan=0.0).amin(-1)
        return torch.where(torch.isfinite(centres).all(-1), radius, 0.0)

    def margin(self, region: Region, classes: Tensor) -> Tensor:
        gaps = self._gaps(region.vertices, classes).amin(1)
        reach = region.delta[:, None] * self.steepness[classes]
        if region.spread is not None:
            along = region.spread @ self.weight.T
            index = classes[:, None, None].expand(-1, along.shape[1], 1)
            length = norm_above(region.spread.flatten(1))[:, None]
            error = self.error * length * (self.row_norms[classes][:, None] + self.row_norms)
            reach = reach + norm_above(along.gather(-1, index) - along, dim=1) + error
        # The sum and the product above are rounded: relatively within INFLATION; what underflows is
        # within the UNDERFLOW of the gaps.
        margin: Tensor = (gaps - reach * INFLATION).amin(-1)
        return margin
