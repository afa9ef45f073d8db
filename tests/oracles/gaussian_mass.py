"""k = 1: Gaussian masses and quantiles of ||R(z + t a) - c||, t ~ N(0, sigma^2), without a single sample.

On each segment of the exact polyline the squared distance is a quadratic in t, so the mass of a ball is a sum of
differences of normal distribution functions: the oracle of the quantiles that the smoothing view samples.
Source: docs/guarantees.md, B.3.
"""

import torch

from producer.views.polyline import Polyline, breakpoints
from shared_spec.rounding import SQUARES, norm_above

_MASS_ROUNDING = 1e-12
"""More than the rounding of a few thousand differences of distribution functions."""


def polyline(encoder, latent, vector, t_max):
    """The exact polyline of one individual on [-t_max, t_max].

    Args:
        encoder: R.
        latent: z, [q].
        vector: a, [q].
        t_max: end of the range, > 0; for Gaussian t of standard deviation sigma, 6.5 sigma leaves out 8e-11.
    """
    offset, slope = encoder.first_layer(latent), encoder.directions(vector[None])[0]
    t = breakpoints(encoder, offset, slope, t_max)
    return Polyline(t, encoder.tail(offset + t[:, None] * slope), encoder, offset, slope)


def gaussian_mass(curve, centre, radius, sigma):
    """A lower bound on P[||R(z + sigma xi a) - centre||_2 <= radius], xi ~ N(0, 1).

    The mass beyond the ends of the polyline counts as outside; with t_max = 6.5 sigma that loses 8e-11.

    Args:
        curve: the polyline of z.
        centre: [d] float64.
        radius: of the closed ball, >= 0.
        sigma: standard deviation of t, in the unit of `curve.t`, > 0.
    """
    start, slope, bend = curve.quadratics(centre)
    excess = start - radius * radius + 4.0 * SQUARES
    # Share s is inside if s^2 + 2 half s + rest <= 0: ratios, because squares of squares would underflow.
    half, rest = 0.5 * slope / bend, excess / bend
    discriminant = half * half - rest
    stable = -(half + torch.copysign(discriminant.clamp_min(0.0).sqrt(), half))
    roots = torch.stack([stable, rest / stable]).nan_to_num(0.0)
    flat = bend <= SQUARES
    low = torch.where(flat, 0.0, roots.amin(0).clamp(0.0, 1.0))
    high = torch.where(flat, 1.0, roots.amax(0).clamp(0.0, 1.0))
    inside = torch.where(flat, excess + slope.abs() <= 0.0, discriminant >= 0.0)
    begin, width = curve.t[:-1], curve.t.diff()
    upper = torch.special.ndtr((begin + high * width) / sigma)
    lower = torch.special.ndtr((begin + low * width) / sigma)
    mass = float(torch.where(inside, upper - lower, 0.0).sum())
    return max(mass - _MASS_ROUNDING, 0.0)


def gaussian_quantile(curve, centre, p, sigma):
    """Q_p, the p-quantile of ||R(z + sigma xi a) - centre||_2, rounded up; inf if the tails could hold more than 1 - p.

    Args:
        curve: the polyline of z.
        centre: [d] float64.
        p: in (0, 1).
        sigma: standard deviation of t, in the unit of `curve.t`, > 0.

    Returns:
        The smallest radius whose `gaussian_mass` is at least p, within a relative 1e-12 above it.
    """
    low, high = 0.0, 1.001 * float(norm_above(curve.values - centre).max())
    if gaussian_mass(curve, centre, high, sigma) < p:
        return float("inf")
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        if gaussian_mass(curve, centre, middle, sigma) >= p:
            high = middle
        else:
            low = middle
    return high
