"""Multipliers for the quadratic certificate: an interior-point ascent from where the nearest flip is.

The bound rho is concave in the multipliers; Newton's method with logarithmic barriers climbs most of the way in a dozen
steps (Boyd and Vandenberghe, 2004, chapter 11). Nothing here has to be right: whatever comes out is evaluated with
rounding by `consumer.radius.quadratic`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import cholesky_ex, solve_triangular

from consumer.radius.forms import Affine, Forms
from consumer.radius.quadratic import Multipliers, lagrangian

__all__ = ["ascend"]

_BARRIER, _SHRINK = 2.0, 0.5
# Preactivations nearer to 0 than this share of their interval are treated as if they were so far away.
_KINK = 0.3


@dataclass(frozen=True)
class _Level:
    """rho [n], a Cholesky factor of the quadratic part, and the minimiser f, at some multipliers."""

    rho: Tensor
    factor: Tensor
    minimiser: Tensor
    barrier: Tensor


@dataclass(frozen=True)
class _Ascent:
    """The forms in units in which f lies in [0, 1]. Multipliers are one tensor, [n, 3 m + 1]: kappa, mu, nu, s."""

    forms: Affine
    open: Tensor
    free: Tensor

    @classmethod
    def of(cls, forms: Forms, units: Tensor) -> _Ascent:
        value, rows = forms.value, torch.nn.functional.pad(units, (0, 1), value=1.0)
        inner = value.inner * units[:, None] / rows[..., None]
        scaled = Affine(value.base / rows, inner, value.gram / (rows[..., None] * rows[:, None]))
        own = forms.open.to(torch.float64)
        return cls(scaled, forms.open, torch.cat([own, own, own, torch.ones_like(own[:, :1])], 1))

    def split(self, found: Tensor) -> Multipliers:
        m = self.open.shape[1]
        return Multipliers(found[:, :m], found[:, m : 2 * m], found[:, 2 * m :])

    def level(self, found: Tensor) -> _Level:
        """Of the multipliers; rho is -inf where the function has no minimum."""
        matrix = lagrangian(self.forms, self.split(found), self.open, -1.0)
        factor, info = cholesky_ex(matrix[:, 1:, 1:])
        solved = solve_triangular(factor, matrix[:, 1:, :1], upper=False)
        minimiser = -solve_triangular(factor.transpose(1, 2), solved, upper=True)[..., 0]
        rho = torch.where(info > 0, -torch.inf, matrix[:, 0, 0] - solved.square().sum((1, 2)))
        diagonal = factor.diagonal(dim1=1, dim2=2).clamp_min(1e-300)
        logs = (found.clamp_min(1e-300).log() * self.free).sum(1)
        return _Level(rho, factor, minimiser, logs + 2.0 * diagonal.log().sum(1))

    def start(self, outward: Tensor, point: Tensor, length: Tensor, depth: int) -> Tensor:
        """Multipliers that would be optimal if the margin were least at w = point and nothing were near 0 there."""
        base = self.forms.base + (outward @ point[..., None])[..., 0]
        base, line, inner = base[:, :-1], self.forms.inner[:, -1], self.forms.inner[:, :-1]
        inputs, slope, weight = base, line, torch.zeros_like(base)
        for _ in range(depth):
            # The neurons of a layer are functions of those of the layers before it.
            inputs = base + (inner @ inputs.clamp_min(0.0)[..., None])[..., 0]
        active = (inputs > 0.0) & self.open
        for _ in range(depth):
            slope = line + ((slope * active)[:, None] @ inner)[:, 0]
        whole = torch.cat([slope * active, torch.ones_like(length)[:, None]], 1)
        steepness = (whole[:, None] @ self.forms.gram @ whole[..., None])[:, 0, 0].clamp_min(1e-300).sqrt()
        scale = (2.0 * length / steepness)[:, None]
        product = (-slope).clamp_min(0.0) / inputs.abs().clamp_min(_KINK) + 1e-3 / scale
        size = inner.abs()
        for _ in range(depth):
            # Large enough to outweigh the products of the layers that follow.
            weight = product.maximum(0.3 * ((weight * size.sum(-1))[:, None] @ size)[:, 0])
        linear = scale * (slope + weight * inputs.abs()).clamp_min(0.0)
        sign, excess = linear * ~active + 1e-2, linear * active + 1e-2
        found = torch.cat([scale * weight, sign, excess, scale], 1)
        for _ in range(20):
            failed = self.level(found).rho.isinf()
            if not failed.any():
                break
            found = torch.where(failed[:, None], found / 2.0, found)
        # From well inside, the first steps are long.
        return found / 2.0

    def newton(self, found: Tensor, price: Tensor, barrier: Tensor, level: _Level) -> tuple[Tensor, Tensor]:
        """Newton's direction for rho + barrier * level.barrier, and the slope along it."""
        forms, m = self.forms, self.open.shape[1]
        kappa, f = found[:, :m] * self.open, level.minimiser
        pull = 0.5 * (found[:, 2 * m :] - torch.nn.functional.pad(kappa * f, (0, 1)))
        inputs = forms.base + (forms.inner @ f[..., None] - forms.gram @ pull[..., None])[..., 0]
        # The constraints at the minimiser, a = f and b = f - p, and their gradients' products under the inverse.
        a, b = f * self.open, (f - inputs[:, :m]) * self.open
        half = 0.5 * kappa[..., None] * forms.gram[:, :m]
        own = torch.diag_embed(self.open.to(torch.float64))
        rest = own - forms.inner[:, :m].transpose(1, 2) - half[..., :m]
        last = forms.inner[:, m, :, None] + half[..., m:]
        solved = solve_triangular(level.factor, torch.cat([own, rest, last], 2), upper=False)
        va, vb, vm = solved[..., :m], solved[..., m : 2 * m], solved[..., 2 * m :]
        aa, ab = va.transpose(1, 2) @ va, va.transpose(1, 2) @ vb
        bb = torch.baddbmm(forms.gram[:, :m, :m], vb.transpose(1, 2), vb)
        am, bm = (va.transpose(1, 2) @ vm)[..., 0], (vb.transpose(1, 2) @ vm)[..., 0] - forms.gram[:, :m, m]
        mm = vm.square().sum((1, 2)) + forms.gram[:, m, m]
        ba, left, right = ab.transpose(1, 2), a[..., None], b[..., None]
        k, s, e = slice(0, m), slice(m, 2 * m), slice(2 * m, 3 * m)
        # Twice the Hessian, its lower triangle, and half of that of the barrier; then twice the gradient.
        matrix = aa.new_zeros(len(a), 3 * m + 1, 3 * m + 1)
        cross, other = left * ba + right * aa, left * bb + right * ab
        matrix[:, k, k] = barrier[:, None, None] * (aa * bb + ab * ba) + cross * b[:, None] + other * a[:, None]
        matrix[:, s, k], matrix[:, e, k] = -cross.transpose(1, 2), -other.transpose(1, 2)
        matrix[:, s, s], matrix[:, e, s], matrix[:, e, e] = aa, ba, bb
        matrix[:, -1] = torch.cat([a * bm + b * am, -am, -bm, mm[:, None]], 1)
        matrix.diagonal(dim1=1, dim2=2).add_(2.0 * price / found + (1.0 - self.free))
        gradient = torch.cat([a * b, -a, -b, inputs[:, m:]], 1)
        gradient = (gradient + barrier[:, None] / found) * self.free
        gradient[:, k] += barrier[:, None] * ab.diagonal(dim1=1, dim2=2)
        factor = cholesky_ex(matrix).L
        solved = solve_triangular(factor, 2.0 * gradient[..., None], upper=False)
        direction = solve_triangular(factor.transpose(1, 2), solved, upper=True)[..., 0] * self.free
        return direction, (gradient * direction).sum(1)


def ascend(forms: Forms, point: Tensor, length: Tensor, depth: int, steps: int, enough: float) -> tuple[Multipliers, Tensor]:
    """Multipliers for `proved_share`, and the rho [n] that they give up to rounding.

    Args:
        forms: the margin and its neurons.
        point: w [n, h] where the margin is presumably least.
        length: of w in the ellipsoid's norm, [n].
        depth: hidden layers.
        steps: Newton steps.
        enough: no more is asked of rho than this.
    """
    units = torch.where(forms.open & (forms.top > 0.0), forms.top, 1.0)
    ascent = _Ascent.of(forms, units)
    m = ascent.open.shape[1]
    outward = forms.outward / torch.nn.functional.pad(units, (0, 1), value=1.0)[..., None]
    found = best = ascent.start(outward, point, length, depth)
    barrier = torch.full((len(found),), _BARRIER / max(m, 1), dtype=torch.float64)
    level = ascent.level(found)
    top = level.rho
    price = barrier[:, None] / found
    for _ in range(steps):
        if bool((top >= enough).all()):
            break
        direction, slope = ascent.newton(found, price, barrier, level)
        goal = level.rho + barrier * level.barrier
        limit = torch.where(direction < 0.0, -found / direction, torch.inf).amin(1)
        reach = (0.9 * limit).clamp_max(1.0)
        for _ in range(12):
            trial = found + reach[:, None] * direction
            level = ascent.level(trial)
            short = ~(level.rho + barrier * level.barrier - goal >= 1e-4 * reach * slope)
            if not bool(short.any()):
                break
            reach = torch.where(short, reach / 2.0, reach)
        change = barrier[:, None] / found - price - price / found * direction
        fall = torch.where(change < 0.0, -price / change, torch.inf).amin(1)
        price = price + (0.9 * fall).clamp_max(1.0)[:, None] * change
        found = torch.where(short[:, None], found, trial)
        if bool(short.any()):
            level = ascent.level(found)
        best = torch.where((level.rho > top)[:, None], found, best)
        top = torch.maximum(top, level.rho)
        barrier = torch.where(reach > 0.3, barrier * _SHRINK, barrier)
    found = best * ascent.free
    product, sign, excess = found[:, :m], found[:, m : 2 * m], found[:, 2 * m :]
    rows = torch.nn.functional.pad(units, (0, 1), value=1.0)
    return Multipliers(product / units.square(), sign / units, excess / rows), top
