"""A quadratic certificate for MLP heads on ellipsoids: far tighter than lines where many ReLUs may change sign.

CROWN bounds each neuron by itself, as if all of them could be at the far end of their interval at once; on a ball they
cannot. With f = relu(p) for the neurons whose sign is open, f (f - p) = 0, f >= 0 and f >= p, so for multipliers
mu, nu >= 0, s >= 0 and kappa >= 0 the function

    ||t||^2 + s margin + sum kappa f (f - p) - sum mu f - sum nu (f - p)

is at most ||t||^2 + s margin wherever f and p are those of a representation at t in the unit ball. It is quadratic in
(t, f), so its minimum rho over all t and f is an eigenvalue problem, and rho > 1 proves that the margin is positive on
the ball (Lagrange's dual of the semidefinite relaxation of Raghunathan et al., 2018). Whatever the multipliers, the
bound below is evaluated with all of its rounding (docs/guarantees.md, D.3); `consumer.radius.multipliers` looks for
good ones, and nothing depends on how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from consumer.head import FrozenHead
from consumer.radius.region import Region
from consumer.radius.relaxation import Layer
from shared_spec.rounding import INFLATION, UNDERFLOW, gamma

__all__ = ["Forms", "Image", "Multipliers", "image_of", "margin_forms", "proved_share"]

_LARGEST = 1e30
"""Beyond it nothing is proved: products of four such numbers that underflow cost less than UNDERFLOW."""


@dataclass(frozen=True)
class Image:
    """What the first layer sees of regions that lie in ellipsoids: W_1 r + b_1 = offset + w, w = root t, ||t|| <= 1.

    Attributes:
        offset: [n, h].
        gram: root root^T, [n, h, h].
        offset_size: the sums of the absolute values of the offset's terms, [n, h].
        gram_size: likewise, [n, h, h].
    """

    offset: Tensor
    gram: Tensor
    offset_size: Tensor
    gram_size: Tensor

    @property
    def root(self) -> Tensor:
        """A square root of the Gram matrix, for searches only: nothing is known of its rounding."""
        level = self.gram.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
        raised = self.gram + 1e-12 * level * torch.eye(self.offset.shape[1], dtype=torch.float64)
        return torch.linalg.cholesky_ex(raised).L

    def rows(self, index: Tensor) -> Image:
        """The images of some of the regions."""
        return Image(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True)
class Forms:
    """Affine functions of (1, w, f): columns 1 + h + m, f the activations of the m neurons whose sign is open.

    Individuals with fewer such neurons have others, that are 0, in their place.

    Attributes:
        inputs: preactivations p of these neurons, [n, m, 1 + h + m].
        margin: m_c - m_j for one rival j, [n, 1 + h + m].
        inputs_size: the sums of the absolute values of the terms of `inputs`.
        margin_size: likewise of `margin`.
        top: upper bounds of f, [n, m].
        open: whether there is such a neuron, [n, m] bool.
    """

    inputs: Tensor
    margin: Tensor
    inputs_size: Tensor
    margin_size: Tensor
    top: Tensor
    open: Tensor


@dataclass(frozen=True)
class Multipliers:
    """Of the margin, s [n]; of f (f - p), of f and of f - p, each [n, m]. All >= 0."""

    margin: Tensor
    product: Tensor
    sign: Tensor
    excess: Tensor


def image_of(head: FrozenHead, region: Region, slope: Tensor) -> Image:
    """The image of ellipsoids that hold the regions, of one vertex each.

    Args:
        head: an MLP head.
        region: balls or affine tubes.
        slope: [n, h], a direction after the first layer in which an affine tube's ellipsoid should be narrow.
    """
    weight, size = head.weights[0], head.weights[0].abs()
    centres = region.vertices[:, 0]
    offset, offset_size = head.first_layer(centres), centres.abs() @ size.T + head.biases[0].abs()
    square = region.delta.square()[:, None, None]
    gram, gram_size = square * (weight @ weight.T), square * (size @ size.T)
    if region.spread is not None:
        along, along_size = region.spread @ weight.T, region.spread.abs() @ size.T
        # {G^T t + delta e} lies in the ellipsoid with the matrix G^T G / share + delta^2 / (1 - share).
        reach = (along @ slope[..., None]).square().sum((1, 2)).sqrt()
        width = (slope[:, None] @ gram @ slope[..., None])[:, 0, 0].clamp_min(0.0).sqrt()
        share = torch.nan_to_num(reach / (reach + width), nan=0.5).clamp(1e-9, 1.0 - 1e-9)
        share = share[:, None, None]
        inner, outer = INFLATION / share, INFLATION / (1.0 - share)
        gram = inner * (along.transpose(1, 2) @ along) + outer * gram
        gram_size = inner * (along_size.transpose(1, 2) @ along_size) + outer * gram_size
    return Image(offset, gram, offset_size, gram_size)


def margin_forms(
    head: FrozenHead, image: Image, layers: Sequence[Layer], classes: Tensor, rivals: Tensor
) -> Forms:
    """The affine forms of one rival per individual, from intervals that hold over the region."""
    open_ = [~(layer.low >= 0.0) & ~(layer.high <= 0.0) for layer in layers]
    slots = [
        mask.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, : int(mask.sum(1).max())]
        for mask in open_
    ]
    real = torch.cat([mask.gather(1, slot) for mask, slot in zip(open_, slots, strict=True)], 1)
    top = torch.cat([layer.high.gather(1, slot) for layer, slot in zip(layers, slots, strict=True)], 1)
    on = [layer.low >= 0.0 for layer in layers]
    last, last_size = head.weights[-1], head.weights[-1].abs()
    shift, shift_size = head.biases[-1], head.biases[-1].abs()
    inputs, margin = _forms(
        head.weights[:-1], head.biases[:-1], image.offset, on, slots, real,
        last[classes] - last[rivals], shift[classes] - shift[rivals],
    )  # fmt: skip
    inputs_size, margin_size = _forms(
        [weight.abs() for weight in head.weights[:-1]], [bias.abs() for bias in head.biases[:-1]],
        image.offset_size, on, slots, real,
        last_size[classes] + last_size[rivals], shift_size[classes] + shift_size[rivals],
    )  # fmt: skip
    return Forms(inputs, margin, inputs_size, margin_size, torch.where(real, top, 0.0), real)


def _forms(
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    offset: Tensor,
    on: Sequence[Tensor],
    slots: Sequence[Tensor],
    real: Tensor,
    last: Tensor,
    shift: Tensor,
) -> tuple[Tensor, Tensor]:
    """Rows of the open neurons' inputs and of the margin; of their sizes, where everything is non-negative."""
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
        mine = slice(start, start + slot.shape[1])
        found.append(rows[each, slot] * real[:, mine, None])
        rows = rows * mask[..., None]
        # An open neuron's activation is a variable of its own.
        columns = 1 + h + torch.arange(start, start + slot.shape[1])
        rows[each, slot, columns] = real[:, mine].to(offset.dtype)
        start += slot.shape[1]
    margin = (last[:, None] @ rows)[:, 0]
    margin[:, 0] += shift
    return torch.cat(found, 1), margin


def lagrangian(
    inputs: Tensor, margin: Tensor, gram: Tensor, found: Multipliers, sign: float
) -> Tensor:
    """The matrix [n, 1 + m, 1 + m] of the function of (1, f) that is left once w is minimised out.

    With sign -1 the matrix itself; with sign 1, of sizes, the sums of the absolute values of its entries' terms.
    """
    h = gram.shape[1]
    kappa, bound = found.product[..., None], found.sign + found.excess
    line = found.margin[:, None] * margin + (found.excess[:, None] @ inputs)[:, 0]
    line[:, 1 + h :] += sign * bound
    product = (0.5 * sign) * kappa * inputs
    matrix = inputs.new_zeros(len(inputs), 1 + bound.shape[1], 1 + bound.shape[1])
    matrix[:, 0, 0] = line[:, 0]
    matrix[:, 0, 1:] = 0.5 * line[:, 1 + h :] + product[:, :, 0]
    matrix[:, 1:, 0] = matrix[:, 0, 1:]
    matrix[:, 1:, 1:] = product[:, :, 1 + h :] + product[:, :, 1 + h :].transpose(1, 2)
    matrix[:, 1:, 1:].diagonal(dim1=1, dim2=2).add_(found.product)
    coupling = torch.cat([0.5 * line[:, None, 1 : 1 + h], product[:, :, 1 : 1 + h]], 1)
    # min over t of ||t||^2 + 2 (root^T a) t is -a^T gram a.
    return matrix + sign * (coupling @ gram @ coupling.transpose(1, 2))


def proved_share(
    head: FrozenHead, image: Image, forms: Forms, found: Multipliers, rho: Tensor
) -> Tensor:
    """How much of the ellipsoids is proved: the margin is positive wherever ||t||^2 is below this; [n] float64.

    Guarantee: in real arithmetic on these float64 numbers, whatever the multipliers and rho [n] are; at most rho, less
    by what rounding may have cost, and -inf where nothing is proved. Deterministic.
    """
    matrix = lagrangian(forms.inputs, forms.margin, image.gram, found, -1.0)
    size = lagrangian(forms.inputs_size, forms.margin_size, image.gram_size, found, 1.0)
    spare = torch.where(forms.open, 0.0, 1.0)
    matrix[:, 1:, 1:].diagonal(dim1=1, dim2=2).add_(spare)
    size[:, 1:, 1:].diagonal(dim1=1, dim2=2).add_(spare)
    matrix[:, 0, 0] -= rho
    size[:, 0, 0] += rho.abs()
    factor = torch.linalg.cholesky_ex(matrix).L.tril()
    # Any factor proves: the matrix is factor factor^T, which is never negative, and what is left.
    own = factor.abs() @ factor.abs().transpose(1, 2)
    neurons = sum(bias.numel() for bias in head.biases)
    error = gamma(2 * head.input_dim + 4 * (neurons + matrix.shape[1] + 16)) * (size + own) + UNDERFLOW
    left = (matrix - factor @ factor.transpose(1, 2)).abs() + error
    variables = torch.nn.functional.pad(forms.top, (1, 0), value=1.0)
    cost = (variables[:, None] @ left @ variables[..., None])[:, 0, 0] * INFLATION
    share = rho - (cost + gamma(2) * rho.abs())
    everything = [image.gram_size, image.offset_size, size, forms.inputs_size, forms.margin_size, *vars(found).values()]
    usable = variables.amax(1) < _LARGEST
    for numbers in everything:
        usable = usable & (numbers.flatten(1) if numbers.dim() > 1 else numbers[:, None]).amax(1).lt(_LARGEST)
    for numbers in vars(found).values():
        usable = usable & (numbers.reshape(len(rho), -1) >= 0.0).all(1)
    return torch.where(usable & torch.isfinite(share), share, -torch.inf)
