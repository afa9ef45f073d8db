"""k = 1: the exact polyline t -> R(z + t a), its breakpoints found layer by layer.

Along a line a ReLU network is piecewise linear, so its values at the breakpoints say everything about it: exact
maxima, exact Gaussian masses, and samples at the price of an interpolation. Soundness never rests on the breakpoints
found here: a certificate evaluates the network on them and bounds what lies between (`grid`).
Source: docs/guarantees.md, D.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from shared_spec.relu_network import ReluNetwork
from shared_spec.rounding import SQUARES, gamma, norm_above

__all__ = ["Polyline", "breakpoints"]

_CENTRES = 10
"""Whose distances a processor holds at once: thousands of samples' stay in its cache. An accelerator takes all."""


@dataclass(frozen=True)
class Polyline:
    """The curve t -> R(z + t a): linear between consecutive vertices, and evaluated directly beyond them.

    Attributes:
        t: increasing parameters from -t_max to t_max, [m] float64, in the unit in which ||t|| <= epsilon.
        values: R(z + t a) at these, [m, d] float64.
        encoder: R.
        offset: W_1 z + b_1, [h_1].
        slope: W_1 a, [h_1].
    """

    t: Tensor
    values: Tensor
    encoder: ReluNetwork
    offset: Tensor
    slope: Tensor

    def at(self, t: Tensor) -> Tensor:
        """R(z + t a) for any t [p], shape [p, d]; equal to direct evaluation up to float64 rounding."""
        segment, share = self._locate(t)
        points = torch.lerp(self.values[segment], self.values[segment + 1], share.unsqueeze(1))
        outside = torch.nonzero(t.abs() > self.t[-1]).squeeze(1)
        points[outside] = self._directly(t[outside])
        return points

    def distances(self, t: Tensor, centre: Tensor) -> Tensor:
        """||R(z + t a) - centre||_2 for any t [p], without forming a representation per sample.

        Args:
            t: [p] float64.
            centre: [d] float64.

        Returns:
            [p] float64, upper bounds: above by about 1e-7 times the length of a segment's chord where the curve passes
            through the centre, and by float64 rounding elsewhere.
        """
        segment, share = self._locate(t)
        start, slope, bend = self.quadratics(centre)
        square = start[segment] + share * (slope[segment] + share * bend[segment])
        # 2 sum |start chord| <= sum start^2 + sum chord^2, so this bounds what cancels.
        rounding = gamma(len(centre) + 8) * 2.0 * (start + bend) + SQUARES
        distance = (square + rounding[segment]).clamp_min(0.0).sqrt()
        outside = torch.nonzero(t.abs() > self.t[-1]).squeeze(1)
        beyond = self._directly(t[outside]) - centre
        distance[outside] = norm_above(beyond)
        return distance

    def squared_distances(self, t: Tensor, centres: Tensor) -> Iterator[Tensor]:
        """||R(z + t a) - c||_2^2 for a few of the centres c [j, d] at a time, NaN as +inf: [some, p] each.

        Without forming a representation per sample. Off by at most `squares_error`: to choose by, not to bound with.

        Args:
            t: [p] float64, between -t_max and t_max.
            centres: [j, d] float64.
        """
        segment, share = self._locate(t)
        origin = _mean(centres)
        start, slope, bend = self.quadratics(origin)
        sizes = start[segment] + share * (slope[segment] + share * bend[segment])
        at_once = _CENTRES if centres.device.type == "cpu" else len(centres)
        for some in torch.split(centres, at_once):
            moved = some - origin
            own = moved.square().sum(1, keepdim=True)
            inner = torch.addmm(own, moved, (self.values - origin).T, alpha=-2.0)
            rows = torch.addcmul(inner[:, segment], inner.diff(dim=1)[:, segment], share)
            yield rows.add_(sizes).nan_to_num_(nan=torch.inf, posinf=torch.inf)

    def squares_error(self, centres: Tensor) -> float:
        """By how much float64 can miss the `squared_distances` from these centres [j, d]; inf for what is not."""
        seen = torch.cat([self.values, centres]) - _mean(centres)
        size = float(seen.square().sum(1).nan_to_num(nan=torch.inf).max())
        # Every term is a product or a square of what is seen; there are fewer than eight, of up to four times the size.
        return 32.0 * gamma(seen.shape[1] + 8) * size

    def quadratics(self, centre: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Per segment (a, b, c) with ||g - centre||^2 = a + b s + c s^2 at share s in [0, 1] of it, [m - 1] each."""
        start, chord = self.values[:-1] - centre, self._chords
        return (start * start).sum(1), 2.0 * (start * chord).sum(1), (chord * chord).sum(1)

    @cached_property
    def _chords(self) -> Tensor:
        return self.values.diff(dim=0)

    def _locate(self, t: Tensor) -> tuple[Tensor, Tensor]:
        segment = torch.searchsorted(self.t, t).sub_(1).clamp_(0, len(self.t) - 2)
        start, end = self.t[segment], self.t[segment + 1]
        return segment, (t - start) / (end - start)

    def _directly(self, t: Tensor) -> Tensor:
        return self.encoder.tail(self.offset + t.unsqueeze(1) * self.slope)


def _mean(centres: Tensor) -> Tensor:
    """Seen from there the products of points near the centres cancel less."""
    return torch.nan_to_num(centres, nan=0.0, posinf=0.0, neginf=0.0).mean(dim=0)


def breakpoints(encoder: ReluNetwork, offset: Tensor, slope: Tensor, t_max: float) -> Tensor:
    """Increasing parameters from -t_max to t_max, with 0, between which R is linear up to rounding; [m] float64."""
    if len(encoder.weights) == 1:
        return offset.new_tensor([-t_max, 0.0, t_max])
    t, rows = _second_layer(encoder, offset, slope, t_max)
    for weight, bias in zip(encoder.weights[2:], encoder.biases[2:], strict=True):
        t, rows = _insert(t, rows, *_crossings(rows))
        rows = torch.addmm(bias, rows.clamp_min(0.0), weight.T)
    return t


def _second_layer(
    encoder: ReluNetwork, offset: Tensor, slope: Tensor, t_max: float
) -> tuple[Tensor, Tensor]:
    """Breakpoints of the first layer, with 0, and p_2 there.

    Passing the breakpoint of neuron i adds W_2[:, i] |slope_i| to the slope of p_2, whether it switches on or off:
    two cumulative sums instead of a product with W_2 per breakpoint.
    """
    weight, bias = encoder.weights[1], encoder.biases[1]
    roots = -offset / slope
    inside = roots.abs() < t_max
    order = torch.nonzero(inside).squeeze(1)
    order = order[roots[order].argsort()]
    active = torch.where(inside, slope < 0.0, offset > 0.0)
    ends = offset.new_tensor([-t_max, t_max])
    t = torch.cat([ends[:1], roots[order], ends[1:]])
    first = torch.where(active, offset - t_max * slope, 0.0) @ weight.T + bias
    turn = torch.where(active, slope, 0.0) @ weight.T
    turns = torch.cat([turn.unsqueeze(0), weight.T[order] * slope[order].abs().unsqueeze(1)])
    steps = turns.cumsum(0) * t.diff().unsqueeze(1)
    rows = torch.cat([first.unsqueeze(0), steps]).cumsum(0)
    segment = torch.searchsorted(t, t.new_zeros(1)) - 1
    share = -t[segment] / (t[segment + 1] - t[segment])
    return _insert(t, rows, segment, share)


def _crossings(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Segments, and shares of them, at which a column of `rows` [m, h], linear between rows, changes sign."""
    negative = rows < 0.0
    segment, column = torch.nonzero(negative[1:] != negative[:-1], as_tuple=True)
    first, second = rows[segment, column], rows[segment + 1, column]
    return segment, first / (first - second)


def _insert(t: Tensor, rows: Tensor, segment: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Adds the points at these shares of these segments, interpolated; equal parameters are kept once."""
    fresh = torch.lerp(t[segment], t[segment + 1], share)
    values = torch.lerp(rows[segment], rows[segment + 1], share.unsqueeze(1))
    fresh = torch.where(fresh.abs() < 4e-16 * t[-1], 0.0, fresh)
    merged, order = torch.cat([t, fresh]).sort()
    keep = torch.ones_like(merged, dtype=torch.bool)
    keep[1:] = merged[1:] > merged[:-1]
    return merged[keep], torch.cat([rows, values])[order[keep]]
