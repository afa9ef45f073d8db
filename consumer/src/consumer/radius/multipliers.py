"""Multipliers for the quadratic certificate: an interior-point ascent from where the nearest flip is.

The bound rho is concave in the multipliers; Newton's method with logarithmic barriers climbs most of the way in a dozen
steps (Boyd and Vandenberghe, 2004, chapter 11). Where the margin is least, a neuron is on or off: f >= 0 or f >= p is
slack there and its multiplier is 0, so that it is looked for only if the neuron is among those nearest to their kink.
Nothing here has to be right: whatever comes out is evaluated with rounding by `consumer.radius.quadratic`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import cholesky_ex, solve_triangular
from torch.nn.functional import pad

from consumer.radius.forms import Affine, Forms
from consumer.radius.quadratic import Multipliers, lagrangian

__all__ = ["ascend"]

_BARRIER, _SHRINK = 2.0, 0.5
# Preactivations nearer to 0 than this share of their interval are treated as if they were so far away.
_KINK = 0.3
# So many neurons may have both linear multipliers.
_BOTH = 16


def ascend(
    forms: Forms, point: Tensor, *, depth: int, steps: int, enough: float
) -> tuple[Multipliers, Tensor]:
    """Multipliers for `proved_share`, and the rho [n] that they give up to rounding.

    Args:
        forms: the margin and its neurons.
        point: w [n, h], on the ellipsoids, where the margin is presumably least.
        depth: hidden layers.
        steps: Newton steps.
        enough: no more is asked of rho than this.
    """
    units = torch.where(forms.open & (forms.top > 0.0), forms.top, 1.0)
    ascent = _Ascent.of(forms, units, point, depth)
    found = best = ascent.start(depth)
    barrier = point.new_full((len(point),), _BARRIER / max(units.shape[1], 1))
    level = ascent.level(found)
    top, price = level.rho, barrier[:, None] / found
    for _ in range(steps):
        if bool((top >= enough).all()):
            break
        direction, slope = ascent.newton(found, price, barrier, level)
        length, level = ascent.climb(found, direction, slope, barrier, level)
        change = barrier[:, None] / found - price - price / found * direction
        fall = torch.where(change < 0.0, -price / change, torch.inf).amin(1)
        price = price + (0.9 * fall).clamp_max(1.0)[:, None] * change
        found = found + length[:, None] * direction
        best = torch.where((level.rho > top)[:, None], found, best)
        top = torch.maximum(top, level.rho)
        barrier = torch.where(length > 0.3, barrier * _SHRINK, barrier)
    scaled = ascent.split(best)
    product, sign = scaled.product / units.square(), scaled.sign / units
    return Multipliers(product, sign, scaled.excess / pad(units, (0, 1), value=1.0)), top


@dataclass(frozen=True)
class _Level:
    """rho [n], a Cholesky factor of the quadratic part, the minimiser f, and the logarithms of the barriers."""

    rho: Tensor
    factor: Tensor
    minimiser: Tensor
    logs: Tensor


@dataclass(frozen=True)
class _Ascent:
    """The search in units in which f lies in [0, 1]; its multipliers are one tensor [n, m + l + 1]: kappa, linear, s.

    Attributes:
        forms: the affine functions, in these units.
        open: whether there is such a neuron, [n, m].
        inputs: preactivations at the point, [n, m].
        linear: which of (mu, nu) are looked for, indices into both [n, l]; the first m those that should matter.
        free: whether a multiplier is one of a neuron that exists, 1 or 0, [n, m + l + 1].
    """

    forms: Affine
    open: Tensor
    inputs: Tensor
    linear: Tensor
    free: Tensor

    @classmethod
    def of(cls, forms: Forms, units: Tensor, point: Tensor, depth: int) -> _Ascent:
        """The search for forms whose margin is presumably least at w = point."""
        value, rows = forms.value, pad(units, (0, 1), value=1.0)
        inner = value.inner * units[:, None] / rows[..., None]
        scaled = Affine(value.base / rows, inner, value.gram / (rows[..., None] * rows[:, None]))
        base = scaled.base + (forms.outward @ point[..., None])[..., 0] / rows
        inputs = base = base[:, :-1]
        for _ in range(depth):
            # The neurons of a layer are functions of those of the layers before it.
            inputs = base + (inner[:, :-1] @ inputs.clamp_min(0.0)[..., None])[..., 0]
        m = inputs.shape[1]
        distance = torch.where(forms.open, inputs.abs(), torch.inf)
        near = distance.argsort(dim=1, stable=True)[:, :_BOTH]
        neuron = torch.cat([torch.arange(m).expand(len(inputs), -1), near], 1)
        on = (inputs > 0.0).gather(1, neuron)
        on[:, m:] = ~on[:, m:]
        own = torch.cat([forms.open, forms.open.gather(1, neuron)], 1).to(torch.float64)
        return cls(scaled, forms.open, inputs, neuron + m * on, pad(own, (0, 1), value=1.0))

    def split(self, found: Tensor) -> Multipliers:
        """The multipliers as the certificate knows them."""
        m = self.open.shape[1]
        sizes = [m, self.linear.shape[1], 1]
        product, linear, margin = torch.split(found * self.free, sizes, 1)
        both = linear.new_zeros(len(found), 2 * m).scatter(1, self.linear, linear)
        return Multipliers(product, both[:, :m], torch.cat([both[:, m:], margin], 1))

    def level(self, found: Tensor) -> _Level:
        """Of the multipliers; rho is -inf where the function has no minimum."""
        matrix = lagrangian(self.forms, self.split(found), self.open, -1.0)
        factor, info = cholesky_ex(matrix[:, 1:, 1:])
        solved = solve_triangular(factor, matrix[:, 1:, :1], upper=False)
        minimiser = -solve_triangular(factor.transpose(1, 2), solved, upper=True)[..., 0]
        rho = torch.where(info > 0, -torch.inf, matrix[:, 0, 0] - solved.square().sum((1, 2)))
        diagonal = factor.diagonal(dim1=1, dim2=2).clamp_min(1e-300)
        logs = (found.clamp_min(1e-300).log() * self.free).sum(1) + 2.0 * diagonal.log().sum(1)
        return _Level(rho, factor, minimiser, logs)

    def start(self, depth: int) -> Tensor:
        """Multipliers that would be optimal if the margin were least at the point and no input were near 0 there."""
        line, inner = self.forms.inner[:, -1], self.forms.inner[:, :-1]
        slope, weight, on = line, torch.zeros_like(line), (self.inputs > 0.0) & self.open
        for _ in range(depth):
            slope = line + ((slope * on)[:, None] @ inner)[:, 0]
        whole = pad(slope * on, (0, 1), value=1.0)
        steepness = (whole[:, None] @ self.forms.gram @ whole[..., None])[:, 0, 0]
        scale = (2.0 / steepness.clamp_min(1e-300).sqrt())[:, None]
        distance = self.inputs.abs()
        product = (-slope).clamp_min(0.0) / distance.clamp_min(_KINK) + 1e-3 / scale
        size = inner.abs()
        for _ in range(depth):
            # Large enough to outweigh the products of the layers that follow.
            weight = product.maximum(0.3 * ((weight * size.sum(-1))[:, None] @ size)[:, 0])
        linear = scale * (slope + weight * distance).clamp_min(0.0)
        linear = pad(linear, (0, self.linear.shape[1] - linear.shape[1])) + 1e-2
        found = torch.cat([scale * weight, linear, scale], 1)
        for _ in range(20):
            failed = self.level(found).rho.isinf()
            if not failed.any():
                break
            found = torch.where(failed[:, None], found / 2.0, found)
        # From well inside, the first steps are long.
        return found / 2.0

    def climb(
        self, found: Tensor, direction: Tensor, slope: Tensor, barrier: Tensor, level: _Level
    ) -> tuple[Tensor, _Level]:
        """How far to go in the direction, [n], and the level there: 0 and the old one where nothing is gained."""
        goal = level.rho + barrier * level.logs
        limit = torch.where(direction < 0.0, -found / direction, torch.inf).amin(1)
        length = (0.9 * limit).clamp_max(1.0)
        for _ in range(12):
            there = self.level(found + length[:, None] * direction)
            short = ~(there.rho + barrier * there.logs - goal >= 1e-4 * length * slope)
            if not bool(short.any()):
                return length, there
            length = torch.where(short, length / 2.0, length)
        length = torch.where(short, 0.0, length)
        return length, self.level(found + length[:, None].nan_to_num() * direction.nan_to_num())

    def newton(
        self, found: Tensor, price: Tensor, barrier: Tensor, level: _Level
    ) -> tuple[Tensor, Tensor]:
        """Newton's direction for rho + barrier * logs, and the slope along it."""
        forms, m, f = self.forms, self.open.shape[1], level.minimiser
        known = self.split(found)
        pull = 0.5 * (known.excess - pad(known.product * f, (0, 1)))
        inputs = forms.base + (forms.inner @ f[..., None] - forms.gram @ pull[..., None])[..., 0]
        # The constraints a = f and b = f - p at the minimiser, and the products of their gradients, and of the
        # margin's, under the inverse of the quadratic part.
        a, b = f * self.open, (f - inputs[:, :m]) * self.open
        half = 0.5 * known.product[..., None] * forms.gram[:, :m]
        rest = -forms.inner[:, :m].transpose(1, 2) - half[..., :m]
        rest.diagonal(dim1=1, dim2=2).add_(self.open)
        last = forms.inner[:, m, :, None] + half[..., m:]
        products = a.new_empty(len(a), 2 * m, 2 * m)
        aa, ab = products[:, :m, :m], products[:, :m, m:]
        ba, bb = products[:, m:, :m], products[:, m:, m:]
        aa.copy_(torch.cholesky_inverse(level.factor))
        torch.matmul(aa, rest, out=ab)
        ba.copy_(ab.transpose(1, 2))
        torch.baddbmm(forms.gram[:, :m, :m], ba, rest, out=bb)
        steep = aa @ last
        of_margin = torch.cat([steep, rest.transpose(1, 2) @ steep - forms.gram[:, :m, m:]], 1)
        left, right, index = a[:, None], b[:, None], self.linear[..., None]
        of_a, of_b = aa * right + ab * left, ba * right + bb * left
        among = products.gather(1, index.expand(-1, -1, 2 * m))
        # Twice the Hessian, its lower triangle, and the gradient.
        matrix = aa.new_empty(len(a), found.shape[1], found.shape[1])
        matrix[:, :m, :m] = right.transpose(1, 2) * of_a + left.transpose(1, 2) * of_b
        matrix[:, :m, :m] += barrier[:, None, None] * (aa * bb + ab * ba)
        matrix[:, m:-1, :m] = -torch.cat([of_a, of_b], 1).gather(1, index.expand(-1, -1, m))
        matrix[:, m:-1, m:-1] = among.gather(2, self.linear[:, None].expand(-1, among.shape[1], -1))
        margin = of_margin[..., 0]
        matrix[:, -1, :m] = a * margin[:, m:] + b * margin[:, :m]
        matrix[:, -1, m:-1] = -margin.gather(1, self.linear)
        matrix[:, -1, -1] = (last * steep).sum((1, 2)) + forms.gram[:, m, m]
        matrix.diagonal(dim1=1, dim2=2).add_(2.0 * price / found + (1.0 - self.free))
        slack = torch.cat([a, b], 1).gather(1, self.linear)
        gradient = torch.cat([a * b, -slack, inputs[:, m:]], 1)
        gradient = (gradient + barrier[:, None] / found) * self.free
        gradient[:, :m] += barrier[:, None] * ab.diagonal(dim1=1, dim2=2)
        factor = cholesky_ex(matrix).L
        solved = solve_triangular(factor, 2.0 * gradient[..., None], upper=False)
        direction = solve_triangular(factor.transpose(1, 2), solved, upper=True)[..., 0] * self.free
        return direction, (gradient * direction).sum(1)
