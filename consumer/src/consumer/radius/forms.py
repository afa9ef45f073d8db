"""What is known of an MLP head over a region, as affine functions of what its neurons of open sign give.

The region is enclosed in an ellipsoid after the first layer, W_1 r + b_1 = offset + w. Neurons whose sign is known
there are affine, so every other preactivation, and a margin, is affine in w and in the activations f of the neurons
whose sign is open. Beside every number stands the sum of the absolute values of the terms that it is made of, which
bounds its rounding (docs/guarantees.md, D.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from consumer.radius.crown import Layer
from consumer.radius.region import Region
from shared_spec.frozen_head import FrozenHead
from shared_spec.rounding import INFLATION

__all__ = ["Affine", "Forms", "Image", "image_of", "margin_forms"]


@dataclass(frozen=True)
class Image:
    """Ellipsoids after the first layer: W_1 r + b_1 = offset + root t, ||t|| <= 1, gram = root root^T.

    Attributes:
        offset: [n, h].
        gram: [n, h, h].
        offset_size: the sums of the absolute values of the offset's terms, [n, h].
        gram_size: likewise, [n, h, h].
    """

    offset: Tensor
    gram: Tensor
    offset_size: Tensor
    gram_size: Tensor

    def rows(self, index: Tensor) -> Image:
        """The images of some of the regions."""
        return Image(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True)
class Affine:
    """The preactivations of m neurons of open sign, and the margin, the last: base + inner f + (a part linear in w).

    Attributes:
        base: [n, m + 1].
        inner: [n, m + 1, m].
        gram: the inner products of the linear parts, as functions of t, [n, m + 1, m + 1].
    """

    base: Tensor
    inner: Tensor
    gram: Tensor


@dataclass(frozen=True)
class Forms:
    """A margin, and the neurons of open sign that it depends on.

    Individuals with fewer such neurons have others, that are 0, in their place.

    Attributes:
        value: the affine functions.
        size: the sums of the absolute values of the terms of each number in `value`.
        top: upper bounds of f, [n, m].
        open: whether there is such a neuron, [n, m] bool.
        outward: the linear parts as functions of w, [n, m + 1, h]; for searches, no bound of their rounding is given.
    """

    value: Affine
    size: Affine
    top: Tensor
    open: Tensor
    outward: Tensor


def image_of(head: FrozenHead, region: Region) -> Image:
    """The images of ellipsoids that hold the regions, of one vertex each.

    Args:
        head: an MLP head.
        region: balls or affine tubes.
    """
    weight, size = head.weights[0], head.weights[0].abs()
    centres = region.vertices[:, 0]
    offset, offset_size = head.first_layer(centres), centres.abs() @ size.T + head.biases[0].abs()
    square = region.delta.square()[:, None, None]
    gram, gram_size = square * (weight @ weight.T), square * (size @ size.T)
    if region.spread is not None:
        along, along_size = region.spread @ weight.T, region.spread.abs() @ size.T
        inner_gram = along.transpose(1, 2) @ along
        # {G^T t + delta e} lies in the ellipsoid of G^T G / share + delta^2 / (1 - share), for every share.
        reach = torch.stack([inner_gram, gram]).diagonal(dim1=2, dim2=3).sum(-1).sqrt()
        share = torch.nan_to_num(reach[0] / reach.sum(0), nan=0.5).clamp(1e-9, 1.0 - 1e-9)
        inner, outer = INFLATION / share, INFLATION / (1.0 - share)
        inner, outer = inner[:, None, None], outer[:, None, None]
        gram = inner * inner_gram + outer * gram
        # The sum over the directions has as many terms, on top of those that the certificate counts.
        along_size = along_size * (1 + region.spread.shape[1])
        gram_size = inner * (along_size.transpose(1, 2) @ along_size) + outer * gram_size
    return Image(offset, gram, offset_size, gram_size)


def margin_forms(
    head: FrozenHead,
    image: Image,
    layers: Sequence[Layer],
    classes: Tensor,
    rivals: Tensor,
    error: Tensor,
) -> Forms:
    """The affine functions for the margins m_c - m_j - error of one rival j per individual.

    Args:
        head: an MLP head.
        image: of the region of each individual.
        layers: intervals that hold over the region.
        classes: [n] int64, c.
        rivals: [n] int64, j.
        error: of the margins' evaluation in float64, [n].
    """
    open_ = [layer.open for layer in layers]
    slots = [
        mask.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, : int(mask.sum(1).max())]
        for mask in open_
    ]  # fmt: skip
    pairs = list(zip(open_, layers, slots, strict=True))
    real = torch.cat([mask.gather(1, slot) for mask, _, slot in pairs], 1)
    top = torch.cat([layer.high.gather(1, slot) for _, layer, slot in pairs], 1)
    on = [layer.on for layer in layers]
    last, shift = head.weights[-1], head.biases[-1]
    rows = _rows(
        head.weights[:-1], head.biases[:-1], image.offset, on, slots, real,
        last[classes] - last[rivals], shift[classes] - shift[rivals] - error,
    )  # fmt: skip
    sizes = _rows(
        [weight.abs() for weight in head.weights[:-1]], [bias.abs() for bias in head.biases[:-1]],
        image.offset_size, on, slots, real,
        last[classes].abs() + last[rivals].abs(), shift[classes].abs() + shift[rivals].abs() + error,
    )  # fmt: skip
    h = image.offset.shape[1]
    value, size = _affine(rows, image.gram), _affine(sizes, image.gram_size)
    return Forms(value, size, torch.where(real, top, 0.0), real, rows[:, :, 1 : 1 + h])


def _rows(
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    offset: Tensor,
    on: Sequence[Tensor],
    slots: Sequence[Tensor],
    real: Tensor,
    last: Tensor,
    shift: Tensor,
) -> Tensor:
    """Coefficients of (1, w, f) in the open neurons' preactivations and in the margin, [n, m + 1, 1 + h + m]."""
    n, h = offset.shape
    rows = offset.new_zeros(n, h, 1 + h + real.shape[1])
    rows[:, :, 0] = offset
    rows[:, :, 1 : 1 + h] = torch.eye(h, dtype=offset.dtype)
    each = torch.arange(n)[:, None]
    found, start = [], 0
    for index, (mask, slot) in enumerate(zip(on, slots, strict=True)):
        if index > 0:
            rows = weights[index] @ rows
            rows[:, :, 0] += biases[index]
        end = start + slot.shape[1]
        mine = real[:, start:end]
        found.append(rows[each, slot] * mine[..., None])
        rows = rows * mask[..., None]
        # An open neuron's activation is a variable of its own.
        rows[each, slot, 1 + h + torch.arange(start, end)] = mine.to(offset.dtype)
        start = end
    margin = last[:, None] @ rows
    margin[:, :, 0] += shift[:, None]
    return torch.cat([*found, margin], 1)


def _affine(rows: Tensor, gram: Tensor) -> Affine:
    h = gram.shape[1]
    outward = rows[:, :, 1 : 1 + h]
    return Affine(rows[:, :, 0], rows[:, :, 1 + h :], outward @ gram @ outward.transpose(1, 2))
