"""Multipliers for the quadratic certificate: an interior-point ascent from where the nearest flip is.

The bound rho is concave in the multipliers, and Newton's method with logarithmic barriers finds its maximum in about a
dozen steps (Boyd and Vandenberghe, 2004, chapter 11). Nothing here has to be right: whatever comes out is evaluated
with rounding by `consumer.radius.semidefinite`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import cholesky_ex, solve_triangular

from consumer.radius.semidefinite import Forms, Image, Multipliers

__all__ = ["ascend"]

_BARRIER, _SHRINK = 2.0, 0.3
# Inputs nearer to 0 than this share of their interval are treated as if they were so far away.
_KINK = 0.3
DEBUG=False


@dataclass(frozen=True)
class _Ascent:
    """The forms in units in which t lies in the unit ball and f in [0, 1]; variables y = (t, f), f the last m.

    Multipliers [n, 3 m + 1] are those of f (f - p), of f, of f - p, and of the margin.
    """

    constant: Tensor
    rows: Tensor
    margin_constant: Tensor
    margin: Tensor
    open: Tensor

    @classmethod
    def of(cls, image: Image, forms: Forms, units: Tensor) -> _Ascent:
        h, root = image.offset.shape[1], image.root
        rows = forms.inputs / units[..., None]
        rows = torch.cat([rows[..., :1], rows[..., 1 : 1 + h] @ root, rows[..., 1 + h :] * units[:, None]], -1)
        line = torch.cat(
            [(forms.margin[:, None, 1 : 1 + h] @ root)[:, 0], forms.margin[:, 1 + h :] * units], -1
        )
        return cls(rows[..., 0], rows[..., 1:], forms.margin[:, 0], line, forms.open)

    @property
    def neurons(self) -> int:
        return self.constant.shape[1]

    def start(self, point: Tensor, depth: int) -> Tensor:
        """Multipliers that would be optimal if the margin were least at t = point and no input were near 0 there."""
        h = point.shape[1]
        direct, inner = self.rows[..., :h], self.rows[..., h:]
        base = self.constant + (direct @ point[..., None])[..., 0]
        line = self.margin[:, h:]
        inputs, slope, weight = base, line, torch.zeros_like(base)
        for _ in range(depth):
            # The neurons of a layer are functions of those of the layers before it.
            inputs = base + (inner @ inputs.clamp_min(0.0)[..., None])[..., 0]
        active = (inputs > 0.0).to(base.dtype) * self.open
        for _ in range(depth):
            slope = line + ((slope * active)[:, None] @ inner)[:, 0]
        steepness = (self.margin[:, :h] + ((slope * active)[:, None] @ direct)[:, 0]).norm(dim=1)
        scale = (2.0 / steepness * point.norm(dim=1))[:, None]
        product = (-slope).clamp_min(0.0) / inputs.abs().clamp_min(_KINK) + 1e-3 / scale
        size = inner.abs()
        for _ in range(depth):
            # Large enough to outweigh the products of the layers that follow.
            weight = product.maximum(0.3 * ((weight * size.sum(-1))[:, None] @ size)[:, 0])
        linear = scale * (slope + weight * inputs.abs()).clamp_min(0.0)
        sign, excess = linear * (1 - active) + 1e-2, linear * active + 1e-2
        found = torch.cat([scale * weight, sign, excess, scale], 1)
        for _ in range(20):
            failed = self.value(found)[0].isinf()
            if not failed.any():
                break
            found = torch.where(failed[:, None], found / 2.0, found)
        # From well inside, the first steps are long.
        return found / 2.0

    def value(self, found: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """rho [n], the Cholesky factor of the quadratic part, and the minimiser y; -inf where there is none."""
        m = self.neurons
        kappa, sign, excess, scale = found.split([m, m, m, 1], 1)
        n, variables = self.margin.shape
        t = variables - m
        matrix = self.rows.new_zeros(n, variables, variables)
        coupled = -0.5 * kappa[..., None] * self.rows
        matrix[:, t:] = coupled
        matrix[:, t:, t:] += coupled[:, :, t:].transpose(1, 2)
        diagonal = matrix.diagonal(dim1=1, dim2=2)
        diagonal[:, :t] += 1.0
        diagonal[:, t:] += torch.where(self.open, kappa, 1.0)
        half = scale * self.margin + (excess[:, None] @ self.rows)[:, 0]
        half[:, t:] -= (kappa * self.constant + sign + excess) * self.open
        half = half / 2.0
        factor, info = cholesky_ex(matrix)  # reads the lower triangle only
        solved = solve_triangular(factor, half[..., None], upper=False)
        minimiser = -solve_triangular(factor.transpose(1, 2), solved, upper=True)[..., 0]
        rho = scale[:, 0] * self.margin_constant + (excess * self.constant).sum(1)
        rho = rho - solved[..., 0].square().sum(1)
        return torch.where(info > 0, -torch.inf, rho), factor, minimiser

    def barrier(self, found: Tensor, factor: Tensor) -> Tensor:
        """The sum of the logarithms of the multipliers, and of the determinant of the quadratic part."""
        logs = found.clamp_min(1e-300).log()
        inside = factor.diagonal(dim1=1, dim2=2).clamp_min(1e-300).log().sum(1)
        return (logs * self.free).sum(1) + 2.0 * inside

    @property
    def free(self) -> Tensor:
        """1 for the multipliers of open neurons and of the margin, else 0; [n, 3 m + 1]."""
        own = self.open.to(torch.float64)
        return torch.cat([own, own, own, torch.ones_like(own[:, :1])], 1)

    def newton(self, found: Tensor, price: Tensor, barrier: Tensor, factor: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Newton's direction for rho + barrier * self.barrier, and the slope along it."""
        m, t = self.neurons, self.margin.shape[1] - self.neurons
        inverse = torch.cholesky_inverse(factor)
        excess = -self.rows
        excess[:, :, t:].diagonal(dim1=1, dim2=2).add_(1.0)
        excess = excess * self.open[..., None]
        solved = inverse @ excess.transpose(1, 2)
        turned = (inverse @ self.margin[..., None])[..., 0]
        own, free = self.open.to(torch.float64), self.free
        # a = f and b = f - p at the minimiser, and the products of their gradients under the inverse.
        a = y[:, t:] * own
        b = (y[:, t:] - self.constant - (self.rows @ y[..., None])[..., 0]) * own
        aa = inverse[:, t:, t:] * own[:, None] * own[..., None]
        ab = solved[:, t:] * own[..., None]
        bb = excess @ solved
        am, bm = turned[:, t:] * own, (excess @ turned[..., None])[..., 0]
        mm = (self.margin * turned).sum(1)
        ba, left, right = ab.transpose(1, 2), a[..., None], b[..., None]
        k, s, e = slice(0, m), slice(m, 2 * m), slice(2 * m, 3 * m)
        # Twice the Hessian, and twice the gradient.
        matrix = aa.new_empty(len(a), 3 * m + 1, 3 * m + 1)
        cross = left * ba + right * aa
        torch.mul(aa, bb, out=matrix[:, k, k]).addcmul_(ab, ba).mul_(barrier[:, None, None])
        matrix[:, k, k] += left * (left * bb).transpose(1, 2) + right * (left * ba).transpose(1, 2)
        matrix[:, k, k] += cross * b[:, None]
        matrix[:, s, k] = -cross.transpose(1, 2)
        matrix[:, e, k] = -(left * bb + right * ab).transpose(1, 2)
        matrix[:, s, s], matrix[:, e, s], matrix[:, e, e] = aa, ba, bb
        matrix[:, -1] = torch.cat([a * bm + b * am, -am, -bm, mm[:, None]], 1)
        matrix.diagonal(dim1=1, dim2=2).add_(2.0 * price / found + (1.0 - free))
        level = self.margin_constant + (self.margin * y).sum(1)
        gradient = torch.cat([a * b, -a, -b, level[:, None]], 1)
        gradient = (gradient + barrier[:, None] / found) * free
        gradient[:, k] += barrier[:, None] * ab.diagonal(dim1=1, dim2=2)
        direction = torch.cholesky_solve(2.0 * gradient[..., None], cholesky_ex(matrix).L)[..., 0] * free
        return direction, (gradient * direction).sum(1)


def ascend(image: Image, forms: Forms, point: Tensor, depth: int, steps: int, enough: float) -> tuple[Multipliers, Tensor]:
    """Multipliers for `proved_share`, and the rho [n] that they give up to rounding.

    Args:
        image: the ellipsoids.
        forms: the neurons and the margin over them.
        point: t [n, h] where the margin is presumably least.
        depth: hidden layers.
        steps: Newton steps.
        enough: no more is asked of rho than this.
    """
    units = torch.where(forms.open & (forms.top > 0.0), forms.top, 1.0)
    ascent = _Ascent.of(image, forms, units)
    m = ascent.neurons
    found = best = ascent.start(point, depth)
    barrier = torch.full((len(found),), _BARRIER / max(m, 1), dtype=torch.float64)
    rho, factor, y = ascent.value(found)
    top = rho
    price = barrier[:, None] / found
    for _ in range(steps):
        if bool((top >= enough).all()):
            break
        direction, slope = ascent.newton(found, price, barrier, factor, y)
        goal = rho + barrier * ascent.barrier(found, factor)
        limit = torch.where(direction < 0.0, -found / direction, torch.inf).amin(1)
        length = (0.9 * limit).clamp_max(1.0)
        for _ in range(12):
            trial = found + length[:, None] * direction
            rho, factor, y = ascent.value(trial)
            gain = rho + barrier * ascent.barrier(trial, factor) - goal
            short = ~(gain >= 1e-4 * length * slope)
            if not bool(short.any()):
                break
            length = torch.where(short, length / 2.0, length)
        change = barrier[:, None] / found - price - price / found * direction
        fall = torch.where(change < 0.0, -price / change, torch.inf).amin(1)
        price = price + (0.9 * fall).clamp_max(1.0)[:, None] * change
        found = torch.where(short[:, None], found, trial)
        if bool(short.any()):
            rho, factor, y = ascent.value(found)
        best = torch.where((rho > top)[:, None], found, best)
        top = torch.maximum(top, rho)
        if DEBUG: print(_, 'top',[round(float(v),2) for v in top],'len',[round(float(v),2) for v in length],'dec',[round(float(v),1) for v in (slope/barrier).sqrt()])
        barrier = torch.where(length > 0.3, barrier * _SHRINK, barrier)
    product, sign, excess, scale = (best * ascent.free).split([m, m, m, 1], 1)
    return Multipliers(scale[:, 0], product / units.square(), sign / units, excess / units), top
