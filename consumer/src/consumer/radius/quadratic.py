"""A quadratic certificate for MLP heads on ellipsoids: far tighter than lines where many ReLUs may change sign.

CROWN bounds each neuron by itself, as if all of them could be at the far end of their interval at once; on a ball they
cannot. With f = relu(p) for the neurons whose sign is open, f (f - p) = 0, f >= 0 and f >= p, so for kappa, mu, nu, s
>= 0 the function

    ||t||^2 + s margin + sum kappa f (f - p) - sum mu f - sum nu (f - p)

is at most ||t||^2 + s margin wherever f and p are those of a representation at t in the unit ball. It is quadratic in
(t, f); where its minimum over all of them is rho or more, the margin is positive wherever ||t||^2 < rho (Lagrange's
dual of the semidefinite relaxation of Raghunathan et al., 2018). Whatever the multipliers, the bound below is evaluated
with all of its rounding (docs/guarantees.md, D.5); `consumer.radius.multipliers` looks for good ones, and nothing
depends on how.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from consumer.radius.forms import Affine, Forms
from shared_spec.frozen_head import FrozenHead
from shared_spec.rounding import INFLATION, UNDERFLOW, gamma

__all__ = ["Multipliers", "lagrangian", "proved_share"]

_LARGEST = 1e18
"""Beyond it nothing is proved: what underflows, times five such numbers, stays below UNDERFLOW."""


@dataclass(frozen=True)
class Multipliers:
    """Of f (f - p), kappa; of f, mu; each [n, m]; and of f - p and, the last, of the margin, [n, m + 1]. All >= 0."""

    product: Tensor
    sign: Tensor
    excess: Tensor


def lagrangian(forms: Affine, found: Multipliers, open_: Tensor, sign: float) -> Tensor:
    """The matrix [n, 1 + m, 1 + m] of the function of (1, f) that is left once t is minimised out.

    With sign -1 the matrix itself; with sign 1, of sizes, the sums of the absolute values of its entries' terms.
    Neurons that are not open, whose f is 0, have 1 on the diagonal.
    """
    m = found.product.shape[1]
    kappa, excess = found.product * open_, found.excess
    turned = (forms.gram @ excess[..., None])[..., 0]
    line = (excess[:, None] @ forms.inner)[:, 0] + 0.5 * kappa * turned[:, :m]
    line = line + sign * (found.sign + excess[:, :m] + kappa * forms.base[:, :m])
    inner = kappa[..., None] * forms.inner[:, :m]
    matrix = kappa.new_empty(len(kappa), 1 + m, 1 + m)
    matrix[:, 0, 0] = (excess * (forms.base + (0.25 * sign) * turned)).sum(1)
    matrix[:, 0, 1:] = matrix[:, 1:, 0] = 0.5 * line * open_
    # min over t of ||t||^2 + 2 a t is -||a||^2.
    products = kappa[..., None] * forms.gram[:, :m, :m] * kappa[:, None]
    matrix[:, 1:, 1:] = sign * (0.5 * (inner + inner.transpose(1, 2)) + 0.25 * products)
    matrix[:, 1:, 1:].diagonal(dim1=1, dim2=2).add_(torch.where(open_, kappa, 1.0))
    return matrix


def proved_share(head: FrozenHead, forms: Forms, found: Multipliers, rho: Tensor) -> Tensor:
    """How much of the ellipsoids is proved: the margin is positive wherever ||t||^2 is below this; [n] float64.

    Guarantee: in real arithmetic on these float64 numbers, whatever the multipliers and rho [n] are, for the t of the
    ellipsoid that `forms` are of. At most rho, less what rounding may have cost; -inf where nothing is proved.
    Deterministic.
    """
    matrix = lagrangian(forms.value, found, forms.open, -1.0)
    size = lagrangian(forms.size, found, forms.open, 1.0)
    matrix[:, 0, 0] -= rho
    size[:, 0, 0] += rho.abs()
    factor = torch.linalg.cholesky_ex(matrix).L.tril()
    # Whatever the factor is, the matrix is factor factor^T, which is never negative, and what is left.
    own = factor.abs() @ factor.abs().transpose(1, 2)
    terms = 2 * head.input_dim + 4 * (sum(map(len, head.biases)) + matrix.shape[1] + 16)
    error = gamma(terms) * (size + own) + UNDERFLOW
    left = (matrix - factor @ factor.transpose(1, 2)).abs() + error
    variables = torch.nn.functional.pad(forms.top, (1, 0), value=1.0)
    cost = (variables[:, None] @ left @ variables[..., None])[:, 0, 0] * INFLATION
    share = rho - (cost + gamma(2) * rho.abs())
    proved = _moderate(head, forms, found) & torch.isfinite(share)
    return torch.where(proved, share, -torch.inf)


def _moderate(head: FrozenHead, forms: Forms, found: Multipliers) -> Tensor:
    """Whether multipliers are such, and all numbers so far from overflow that underflow is covered; [n] bool."""
    growth = 1.0
    for weight, bias in zip(head.weights, head.biases, strict=True):
        growth *= max(1.0, float(weight.abs().sum(1).amax()), float(bias.abs().amax()))
    numbers = [found.product, found.sign, found.excess, forms.top]
    numbers += [forms.size.base, forms.size.inner, forms.size.gram]
    flat = torch.cat([number.flatten(1) for number in numbers], 1)
    positive = torch.cat([found.product, found.sign, found.excess], 1) >= 0.0
    return positive.all(1) & (flat < _LARGEST).all(1) & (growth < _LARGEST)
