"""CROWN: linear bounds of neurons and margins over a region, minimised in closed form.

Each ReLU is enclosed between two lines on the interval that its input takes over the region; what follows becomes
linear in the representation, and a linear function on a hull plus an ellipsoid plus a ball has an exact minimum (Zhang
et al., 2018; docs/guarantees.md, D.5). Rounding is bounded along the way (D.3), so the bounds hold in real arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from consumer.head import FrozenHead
from consumer.radius.region import Region
from shared_spec.rounding import INFLATION, UNDERFLOW, gamma, norm_above

__all__ = ["Layer", "relax"]


@dataclass(frozen=True)
class Layer:
    """A hidden layer over the region of each of n individuals.

    Attributes:
        low: lower bounds of its preactivations, [n, h].
        high: upper bounds of them, [n, h].
        magnitude: upper bounds of |W| |h| + |b|, h its inputs, [n, h].
    """

    low: Tensor
    high: Tensor
    magnitude: Tensor


def relax(head: FrozenHead, region: Region, classes: Tensor) -> tuple[list[Layer], Tensor]:
    """The hidden layers over each individual's region, and lower bounds of the margins m_c - m_j [n, classes].

    All in float64, rounding included; +inf at j = c, NaN where a number is not finite. For a linear head the bounds
    are the minima themselves.

    Args:
        head: the base head C, of any depth.
        region: where the representations of the similar individuals lie.
        classes: [n] int64, the class c of each individual.
    """
    layers: list[Layer] = []
    reach = region.magnitude
    for weight, bias in zip(head.weights[:-1], head.biases[:-1], strict=True):
        rows = weight[None]  # the same for every individual: broadcast, never copied
        low = _lower(head, region, layers, rows, bias[None])
        high = -_lower(head, region, layers, -rows, -bias[None])
        layers.append(Layer(low, high, _magnitude(reach, weight, bias)))
        reach = torch.minimum(high.clamp_min(0.0), layers[-1].magnitude)
    weight, bias = head.weights[-1], head.biases[-1]
    rows = weight[classes][:, None] - weight
    constant = bias[classes][:, None] - bias
    margins = _lower(head, region, layers, rows, constant)
    return layers, margins.scatter(1, classes[:, None], torch.inf)


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
    stable_on, stable_off = low >= 0.0, high <= 0.0
    chord = (high / (high - low)).clamp(0.0, 1.0)
    upper_slope = torch.where(stable_on, 1.0, torch.where(stable_off, 0.0, chord))
    # relu is convex, so a line above it at both ends is above it between them, whatever the chord's
    # rounding.
    raised = torch.maximum(-chord * low, (1.0 - chord) * high) * INFLATION + UNDERFLOW
    offset = torch.where(stable_on | stable_off, 0.0, raised)
    # Either of 0 and p lies below relu; the one with the smaller area to it.
    lower_slope = torch.where(stable_on | (~stable_off & (high > -low)), 1.0, 0.0)
    return lower_slope.to(low.dtype), upper_slope.to(low.dtype), offset.to(low.dtype)
