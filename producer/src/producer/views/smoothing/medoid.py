"""The smoothed representation: a medoid of samples, the ball around it, and the order statistic behind a radius.

All of it works on samples in float64, knows nothing of encoders, and maps what is not a number to infinitely far.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from shared_spec.rounding import gamma, norm

__all__ = [
    "Ball", "ball_around", "distances", "exported", "medoid", "order_statistic", "smallest", "smallest_ball"
]  # fmt: skip

_CLEAR = 2.0**34
"""A square so many times larger than what rounding did to it gives a distance to within 1e-10 of itself."""
_TOGETHER = 1.0 + 1e-11
_SAME = 2.0**-40


Ball = tuple[Tensor, float]
"""A centre [d] and a radius."""


def distances(samples: Tensor, centre: Tensor) -> Tensor:
    """||S_i - c||_2 for samples [n, d], from the differences themselves, NaN as +inf: [n] float64.

    Never from a Gram matrix, which loses what a fair encoder is about: small distances between long vectors
    (docs/guarantees.md, A.2 item 7).
    """
    return norm(samples - centre, dim=1)


def order_statistic(values: Tensor, index: int) -> float:
    """D_(index) of values [n], ascending, 1-indexed, never interpolated."""
    return float(smallest(values.clone()[None], index))


def smallest(rows: Tensor, index: int) -> Tensor:
    """The `index`-th smallest value of each row [r, n]: a choice, so no rounding, by whatever is fastest there.

    It may put the rows in another order.
    """
    if rows.device.type == "cpu":
        rows.numpy().partition(index - 1, axis=1)
        return rows[:, index - 1]
    return rows.sort(dim=1).values[:, index - 1]


def medoid(samples: Tensor, mass_count: int, candidates: int) -> Ball:
    """Of the first `candidates` samples the one whose ball of `mass_count` samples is smallest.

    The radius is at most twice that of any ball that holds `mass_count` >= n/2 of the samples, as soon as one
    candidate lies in that ball. The samples are independent and identically distributed, so the first J are a random
    subset of all n: they all miss it with probability at most 2^-J (docs/guarantees.md, C.3).

    Args:
        samples: [n, d] float64.
        mass_count: m, at least n/2.
        candidates: J.

    Returns:
        `ball_around` it.
    """
    # Centred, a Gram matrix in float64 tells who may be the one; the radius is then measured directly.
    origin = torch.nan_to_num(samples[:candidates], nan=0.0, posinf=0.0, neginf=0.0).mean(dim=0)
    moved = samples - origin
    squares = moved.square().sum(dim=1)
    far = ~torch.isfinite(squares)
    moved[far], squares[far] = 0.0, torch.inf
    squared = torch.addmm(squares, moved[:candidates], moved.T, alpha=-2.0)
    kth = smallest(squared, mass_count) + squares[:candidates]
    # Of each square: four times gamma for sizes and products, and what the centring lost.
    error = 8.0 * gamma(samples.shape[1] + 8) * float(squares[~far].max()) if not far.all() else 0.0

    def measured(index: int) -> Ball:
        centre = exported(samples[index])
        return ball_around(centre, distances(samples, centre), mass_count)

    return smallest_ball(kth, error, measured)


def smallest_ball(squares: Tensor, error: float, measured: Callable[[int], Ball]) -> Ball:
    """The smallest of the candidates' balls, by a relative 1e-10 at the most.

    Where the ball is so small, seen from where the samples reach, that rounding decides which it is, all that it may be
    are measured: at x' everything rests on the choice.

    Args:
        squares: of the candidates' radii [j], each off by at most `error`.
        error: of the squares.
        measured: a candidate's ball, from the distances themselves.
    """
    least = float(squares.min())
    if not least < _CLEAR * error:
        return measured(int(squares.argmin()))
    tied = torch.nonzero(squares <= least + 2.0 * error).flatten()
    return min((measured(index) for index in tied.tolist()), key=lambda ball: ball[1])


def exported(sample: Tensor) -> Tensor:
    """Rounded to float32, as a centre is handed over, and back."""
    return sample.to(torch.float32).to(torch.float64)


def ball_around(centre: Tensor, away: Tensor, mass_count: int) -> Ball:
    """The ball around a centre that holds `mass_count` samples, which are `away` [n] from it.

    Its radius is larger than the distance of the m-th by at most 2^-40 of the centre's norm, which whoever bounds that
    distance has to add: the last bits of a distance depend on how the sample was computed; points at equal distance
    must stay together, and where all points are one, as after projection, those bits are a share of the points' size.
    """
    radius = order_statistic(away, mass_count) * _TOGETHER
    return centre, radius + _SAME * float(torch.linalg.vector_norm(centre))
