"""Linear heads in closed form: no sampling, no failure probability, and never worse than randomized smoothing.

The class region of a linear head is an intersection of half-spaces, so distances to it, and whether a ball or a tube
lies inside, are exact (docs/guarantees.md, C.4 and E). For two classes this is the smoothed head's radius as well,
whatever the noise; for more, `certify_smoothed_linear` proves what it can of the smoothed head, also without a draw.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from consumer.radius.noise import LARGEST_NORMAL
from consumer.radius.region import Region, in_blocks
from shared_spec.errors import SettingsError
from shared_spec.frozen_head import FrozenHead
from shared_spec.rounding import INFLATION, UNDERFLOW, above, below, gamma, norm_above

__all__ = ["certify_linear", "certify_smoothed_linear", "linear_margins", "linear_radius"]

# Individuals per block: keeps the float64 copies in the cache hierarchy and memory flat.
_BLOCK = 2048
# Relative and absolute, of probabilities: far above the rounding of Phi, and above the chance that a coordinate of
# noise exceeds `LARGEST_NORMAL` deviations, in any dimension.
_SLACK = 1e-12


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
        table.radius(centres[rows], classes[rows])
        for rows in in_blocks(classes.numel(), _BLOCK, head.classes)
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
    each = region.vertices.shape[1] + (0 if region.spread is None else region.spread.shape[1])
    margins = [
        table.margin(region.rows(rows), classes[rows])
        for rows in in_blocks(len(region), _BLOCK, head.classes * each)
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


def certify_smoothed_linear(
    head: FrozenHead, centres: Tensor, radii: Tensor, classes: Tensor, sigma: float
) -> Tensor:
    """Whether the smoothed head answers `classes` [n] on balls around centres [n, d] with radii [n]; [n] bool.

    Guarantee: where True, at every r of the closed ball C(r + n), n ~ N(0, sigma^2 I), takes the value `classes` with
    probability above 1/2, evaluated in real arithmetic or in float64, in any order of summation. Deterministic, and
    for two classes complete: it is `linear_radius` > d_cs, up to rounding. docs/guarantees.md, C.8.

    Raises:
        SettingsError: the head is not linear.
    """
    table = _Differences(head)
    proved = [
        table.lost(centres[rows], radii[rows], classes[rows], sigma) < 0.5
        for rows in in_blocks(classes.numel(), _BLOCK, head.classes)
    ]
    return torch.cat(proved) if proved else torch.zeros(0, dtype=torch.bool)


class _Differences:
    """How fast margins fall, for all pairs of classes, rounded up, and the logits with their rounding error."""

    def __init__(self, head: FrozenHead) -> None:
        if not head.is_linear:
            raise SettingsError(
                "the closed form holds for linear heads only: use crown or randomized for an MLP"
            )
        self.weight, self.bias = head.weights[0], head.biases[0]
        # Each entry of the difference is rounded by u |w_c - w_j| at most: INFLATION has room for it. Row by row: of
        # many classes all differences at once would be gigabytes.
        rows = [norm_above(row - self.weight) for row in self.weight]
        self.norms = torch.stack(rows) * INFLATION
        self.row_norms = norm_above(self.weight)
        rounding = gamma(head.input_dim + 8)
        # Of a logit computed here, twice: the subtraction of two and the sum of their errors are rounded too. And of
        # the same logit as whoever decides computes it.
        self.error = 3.0 * rounding
        # At a distance the logits of whoever decides are larger, and so is what they lose.
        both = self.row_norms[:, None] + self.row_norms[None]
        self.drift = torch.where(both > 0.0, above(rounding * both), 0.0)
        self.steepness = (self.norms + self.drift) * INFLATION

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
        """What `linear_radius` returns, of a block [n]."""
        # The float below infinity is the largest of all.
        return torch.nan_to_num(self._distances(centres, classes, 0.0), nan=0.0).amin(-1)

    def lost(self, centres: Tensor, radii: Tensor, classes: Tensor, sigma: float) -> Tensor:
        """Upper bound [n] on the probability that another class wins or ties under noise, anywhere on the balls.

        The difference of two logits moves by a normal number of deviation sigma ||w_c - w_j||, and noise of the length
        that is charged for its rounding is exceeded with probability below `_SLACK`.
        """
        length = sigma * LARGEST_NORMAL * math.sqrt(self.weight.shape[1]) * INFLATION
        lead = self._distances(centres, classes, length) - radii.to(torch.float64)[:, None]
        lost = torch.special.ndtr(-lead / sigma).scatter(-1, classes[:, None], 0.0).sum(-1)
        usable = (radii >= 0.0) & torch.isfinite(radii)
        return torch.where(usable, torch.nan_to_num(lost, nan=1.0) * (1.0 + _SLACK) + _SLACK, 1.0)

    def _distances(self, centres: Tensor, classes: Tensor, noise: float) -> Tensor:
        """Lower bounds on how far it is to each other class's half-space, +inf at the class itself; [n, classes].

        Of logits that whoever decides evaluates as far away as noise of this length. 0 where a centre is not finite.
        """
        gaps = self._gaps(centres[:, None], classes)[:, 0] - noise * self.drift[classes]
        steepness = self.steepness[classes]
        # Weights of 0: the logits are the biases everywhere.
        ahead = self.bias[classes][:, None] > self.bias
        constant = torch.where(ahead, torch.inf, 0.0).scatter(-1, classes[:, None], torch.inf)
        ratios = torch.where(steepness > 0.0, gaps / steepness, constant.to(torch.float64))
        return torch.where(torch.isfinite(centres).all(-1, keepdim=True), below(ratios), 0.0)

    def margin(self, region: Region, classes: Tensor) -> Tensor:
        """What `linear_margins` returns, of a block [n]."""
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
