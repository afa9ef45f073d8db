"""k = 1: the exact polyline t -> R(z + t a), its breakpoints found layer by layer.

Along a line a ReLU network is piecewise linear, so its values at the breakpoints say everything about it: exact
maxima, exact Gaussian masses, and samples at the price of an interpolation. Soundness never rests on the breakpoints
found here: a certificate evaluates the network on them and bounds what lies between (`grid`).
Source: docs/guarantees.md, D.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from producer.folded import FoldedEncoder

__all__ = ["Polyline", "breakpoints", "polyline"]


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
    encoder: FoldedEncoder
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
            [p] float64. The absolute error is about 1e-8 times the length of a segment's chord where the curve
            passes through the centre, and float64 rounding elsewhere.
        """
        segment, share = self._locate(t)
        start, slope, bend = self.quadratics(centre)
        square = start[segment] + share * (slope[segment] + share * bend[segment])
        distance = square.clamp_min(0.0).sqrt()
        outside = torch.nonzero(t.abs() > self.t[-1]).squeeze(1)
        beyond = self._directly(t[outside]) - centre
        distance[outside] = torch.linalg.vector_norm(beyond, dim=1)
        return distance

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


def polyline(encoder: FoldedEncoder, latent: Tensor, vector: Tensor, t_max: float) -> Polyline:
    """The exact polyline of one individual on [-t_max, t_max].

    Args:
        encoder: R.
        latent: z, [q].
        vector: a, [q].
        t_max: end of the range, > 0; for Gaussian t of standard deviation sigma, 6.5 sigma leaves out 8e-11.
    """
    offset = encoder.first_layer(latent)
    slope = encoder.directions(vector.unsqueeze(0)).squeeze(0)
    t = breakpoints(encoder, offset, slope, t_max)
    values = encoder.tail(offset + t.unsqueeze(1) * slope)
    return Polyline(t, values, encoder, offset, slope)


def breakpoints(encoder: FoldedEncoder, offset: Tensor, slope: Tensor, t_max: float) -> Tensor:
    """Increasing parameters from -t_max to t_max, with 0, between which R is linear up to rounding; [m] float64.

    Args:
        encoder: R.
        offset: W_1 z + b_1, [h_1].
        slope: W_1 a, [h_1].
        t_max: end of the range.
    """
    fixed = torch.tensor([-t_max, 0.0, t_max], dtype=torch.float64)
    if len(encoder.weights) == 1:
        return fixed
    roots = -offset / slope
    t = torch.cat([fixed, roots[roots.abs() < t_max]]).sort().values
    t = t[_increasing(t)]
    rows = offset + t.unsqueeze(1) * slope
    for weight, bias in zip(encoder.weights[1:-1], encoder.biases[1:-1], strict=True):
        rows = torch.addmm(bias, rows.clamp_min(0.0), weight.T)
        t, rows = _insert_crossings(t, rows)
    return t


def _insert_crossings(t: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Adds the parameters at which a column of `rows` [m, h], linear between rows, changes sign."""
    negative = rows < 0.0
    segment, column = torch.nonzero(negative[1:] != negative[:-1], as_tuple=True)
    first, second = rows[segment, column], rows[segment + 1, column]
    share = first / (first - second)
    fresh = torch.lerp(t[segment], t[segment + 1], share)
    values = torch.lerp(rows[segment], rows[segment + 1], share.unsqueeze(1))
    merged, order = torch.cat([t, fresh]).sort()
    keep = _increasing(merged)
    return merged[keep], torch.cat([rows, values])[order[keep]]


def _increasing(sorted_values: Tensor) -> Tensor:
    """Mask that keeps the first of equal values."""
    keep = torch.ones(len(sorted_values), dtype=torch.bool)
    keep[1:] = sorted_values[1:] > sorted_values[:-1]
    return keep
