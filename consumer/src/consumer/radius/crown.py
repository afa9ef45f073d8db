"""CROWN for MLP heads: a linear lower bound of every pairwise margin, minimised in closed form over the region.

Certifies the base head C, deterministically. Each ReLU is enclosed between two lines on the interval that its input
takes over the region; the margins become linear in the representation, and a linear function on a hull plus an
ellipsoid plus a ball has an exact minimum (Zhang et al., 2018; docs/guarantees.md, D.5). Rounding is bounded along
the way (D.3), that of this proof and that of whoever evaluates the logits, so the statement holds in real arithmetic
and in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from consumer.radius.region import Region, ball, in_blocks
from shared_spec.frozen_head import FrozenHead
from shared_spec.rounding import INFLATION, UNDERFLOW, gamma, norm_above

__all__ = ["Layer", "Relaxation", "certify_crown", "crown_margins", "crown_radius", "relax"]

_BLOCK = 512
# Balls that are tried for a radius: to find its scale and then itself.
_TRIALS = 64


@dataclass(frozen=True)
class Layer:
    """Intervals of a layer's preactivations over the region, [n, h], and a bound on |W| |h| + |b|, [n, h]."""

    low: Tensor
    high: Tensor
    magnitude: Tensor

    @property
    def on(self) -> Tensor:
        """Neurons that are at least 0 all over the region, [n, h] bool."""
        return self.low >= 0.0

    @property
    def open(self) -> Tensor:
        """Neurons whose sign is not known, [n, h] bool."""
        return ~self.on & ~(self.high <= 0.0)

    def rows(self, index: Tensor) -> Layer:
        """The intervals of some of the individuals."""
        return Layer(self.low[index], self.high[index], self.magnitude[index])


@dataclass(frozen=True)
class Relaxation:
    """What lines prove of a head over each individual's region, all in float64, rounding included.

    Attributes:
        layers: the hidden ones.
        lower: lower bounds of the real m_c - m_j, [n, classes]; +inf at j = c, NaN where a number is not finite.
        error: by how much float64, in any order of summation, can miss m_c - m_j at any point of the region,
            [n, classes]; 0 at j = c.
    """

    layers: list[Layer]
    lower: Tensor
    error: Tensor

    @property
    def margins(self) -> Tensor:
        """Lower bounds of m_c - m_j as float64 evaluates them, [n, classes]."""
        return self.lower - self.error


def crown_margins(head: FrozenHead, region: Region, classes: Tensor) -> Tensor:
    """Lower bounds on min_{j != c} (m_c - m_j)(r) over each individual's region, rounding included; [n] float64.

    They hold in real arithmetic and for the margins that float64 evaluates, in any order of summation.

    Args:
        head: the base head C, of any depth; for a linear head the bound is the minimum itself.
        region: where the representations of the similar individuals lie.
        classes: [n] int64, the class that is predicted for each individual.

    Returns:
        [n] float64; NaN where a number is not finite.
    """
    widest = max(weight.shape[1] for weight in head.weights)
    margins = [
        relax(head, region.rows(rows), classes[rows]).margins
        for rows in in_blocks(len(region), _BLOCK, head.classes * widest)
    ]
    return torch.cat(margins).amin(1) if margins else torch.zeros(0, dtype=torch.float64)


def certify_crown(head: FrozenHead, region: Region, classes: Tensor) -> Tensor:
    """Whether CROWN proves that C takes the value `classes` [n] on all of each individual's region; [n] bool.

    Guarantee: where True, C(r) = classes for every r of the region, in real arithmetic on these float64 numbers and in
    float64, in any order of summation. Deterministic. False proves nothing.
    """
    return region.usable & (crown_margins(head, region, classes) > 0.0)


def crown_radius(
    head: FrozenHead, centres: Tensor, classes: Tensor, *, tolerance: float = 2.0**-24
) -> Tensor:
    """A radius to report: within it CROWN proves that C takes the value `classes`, found by bisection.

    Guarantee: C takes the value `classes` on the closed ball of this radius, and so of any smaller one, in real
    arithmetic on these float64 numbers and in float64, in any order of summation. Deterministic. 0 where nothing was
    proved.

    Args:
        head: the base head C, of any depth.
        centres: [n, d], any float dtype.
        classes: [n] int64, the class that is predicted for each individual.
        tolerance: the share of a radius above 2^-40 that may be left out.

    Returns:
        [n] float64, representation units; at most 2^63, which stands for infinity.
    """
    proved = torch.zeros(classes.numel(), dtype=torch.float64)
    refused = torch.full_like(proved, torch.inf)
    trial = torch.ones_like(proved)
    for _ in range(_TRIALS):
        left = torch.nonzero(~(refused - proved <= tolerance * proved)).flatten()
        if left.numel() == 0:
            break
        tried = trial[left]
        holds = certify_crown(head, ball(centres[left], tried), classes[left])
        proved[left] = torch.where(holds, tried, proved[left])
        refused[left] = torch.where(holds, refused[left], tried)
        middle = (proved + refused) / 2.0
        trial = torch.where(refused.isinf(), 2.0 * proved, middle)
    return proved


def relax(head: FrozenHead, region: Region, classes: Tensor) -> Relaxation:
    """The hidden layers over each individual's region, and lower bounds of its margins."""
    layers: list[Layer] = []
    reach = region.magnitude
    lost = torch.zeros_like(reach)
    for weight, bias in zip(head.weights[:-1], head.biases[:-1], strict=True):
        rows = weight[None]  # the same for every individual: broadcast, never copied
        low = _lower(head, region, layers, rows, bias[None])
        high = -_lower(head, region, layers, -rows, -bias[None])
        layers.append(Layer(low, high, _magnitude(reach, weight, bias)))
        lost = _evaluation_error(lost, reach, layers[-1].magnitude, weight)
        # A neuron that is off by more than float64 can lose is off there, too.
        lost = torch.where(high + lost <= 0.0, 0.0, lost)
        reach = torch.minimum(high.clamp_min(0.0), layers[-1].magnitude)
    weight, bias = head.weights[-1], head.biases[-1]
    rows = weight[classes][:, None] - weight
    constant = bias[classes][:, None] - bias
    lost = _evaluation_error(lost, reach, _magnitude(reach, weight, bias), weight)
    own = classes[:, None]
    error = (lost.gather(1, own) + lost) * INFLATION
    lower = _lower(head, region, layers, rows, constant)
    return Relaxation(layers, lower.scatter(1, own, torch.inf), error.scatter(1, own, 0.0))


def _evaluation_error(lost: Tensor, reach: Tensor, magnitude: Tensor, weight: Tensor) -> Tensor:
    """By how much float64 can be off after an affine layer whose inputs are off by `lost`; [n, o].

    Args:
        lost: of the inputs, [n, i].
        reach: upper bounds of the inputs' absolute values, [n, i].
        magnitude: upper bounds on the sums of the absolute values of the layer's terms, [n, o].
        weight: of the layer, [o, i].
    """
    # Twice the roundings that there are: the sums below are rounded too, and so is what they are subtracted from.
    rounded = 2.0 * gamma(weight.shape[1] + 8) * magnitude
    underflow = UNDERFLOW * (1.0 + reach.sum(1, keepdim=True))
    error: Tensor = (lost @ weight.abs().T + rounded + underflow) * INFLATION
    return error


def _magnitude(reach: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Upper bound on |W| |h| + |b| where |h| <= reach."""
    return (reach @ weight.abs().T + bias.abs()) * INFLATION + UNDERFLOW


def _lower(
    head: FrozenHead, region: Region, layers: list[Layer], rows: Tensor, constant: Tensor
) -> Tensor:
    """Lower bound [n, o] on rows @ h + constant over the region, h the activation after `layers`.

    rows [n or 1, o, h] and constant [n or 1, o] may have been rounded once.
    """
    # Rounding: rows are exact as they stand at every step, since what each product loses is charged
    # to the slack at once, times the largest value that it can be multiplied with. What underflows
    # is less than UNDERFLOW, whatever the number of terms.
    largest = [region.magnitude, *(layer.magnitude for layer in layers)]
    floor = torch.stack([size.sum(1, keepdim=True) for size in largest]).sum(0)
    slack = UNDERFLOW * (1.0 + floor)
    for index in range(len(layers) - 1, -1, -1):
        layer, weight, bias = layers[index], head.weights[index], head.biases[index]
        lower_slope, upper_slope, offset = _relu_lines(layer)
        negative = rows.clamp_max(0.0)
        rows = rows.clamp_min(0.0) * lower_slope[:, None] + negative * upper_slope[:, None]
        shift = (negative @ offset[..., None])[..., 0]
        constant = constant + shift + rows @ bias
        size = (rows.abs() @ layer.magnitude[..., None])[..., 0]
        terms = 2 * rows.shape[-1] + 16
        slack = slack + gamma(terms) * (size + shift.abs() + constant.abs())
        rows = rows @ weight
    values = region.vertices @ rows.transpose(1, 2)
    reach = region.delta[:, None] * norm_above(rows)
    if region.spread is not None:
        reach = reach + norm_above(region.spread @ rows.transpose(1, 2), dim=1)
    size = (rows.abs() @ region.magnitude[..., None])[..., 0]
    slack = slack + gamma(rows.shape[-1] + 16) * (size + constant.abs() + reach)
    bound: Tensor = values.amin(1) + constant - reach * INFLATION - slack * INFLATION
    return bound


def _relu_lines(layer: Layer) -> tuple[Tensor, Tensor, Tensor]:
    """Slopes and offset with lower_slope p <= relu(p) <= upper_slope p + offset for every p in [low, high]."""
    low, high = layer.low, layer.high
    stable_on, stable_off = layer.on, high <= 0.0
    chord = (high / (high - low)).clamp(0.0, 1.0)
    upper_slope = torch.where(stable_on, 1.0, torch.where(stable_off, 0.0, chord))
    # relu is convex, so a line above it at both ends is above it between them, whatever the chord's
    # rounding.
    raised = torch.maximum(-chord * low, (1.0 - chord) * high) * INFLATION + UNDERFLOW
    offset = torch.where(stable_on | stable_off, 0.0, raised)
    # Either of 0 and p lies below relu; the one with the smaller area to it.
    lower_slope = torch.where(stable_on | (~stable_off & (high > -low)), 1.0, 0.0)
    return lower_slope.to(low.dtype), upper_slope.to(low.dtype), offset.to(low.dtype)
