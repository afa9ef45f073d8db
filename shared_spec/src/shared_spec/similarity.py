"""The regulator's similarity set S(x) = { z + sum_i t_i a_i : ||t||_2 <= epsilon } and the draws made from it.

Every law here is stated on the coefficients t, which are k float64 numbers, and not on latents of dimension q:
noise is N(0, sigma^2) per coefficient, so the attribute vectors need be neither orthogonal nor of unit length, and a
point of S(x) is formed in float64 (docs/guarantees.md, A.2 item 6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from shared_spec.errors import SettingsError

__all__ = ["SimilaritySet", "ball_grid", "gaussian", "uniform_ball"]


def uniform_ball(n: int, k: int, generator: torch.Generator) -> Tensor:
    """Draws n independent points, uniform in the unit l2 ball of R^k: [n, k] float64 on the generator's device.

    A uniform direction times u^(1/k): for k = 1 uniform on (-1, 1). Norms are at most 1 up to rounding (exactly for
    k = 1).
    """
    direction = gaussian(n, k, generator)
    # A direction of norm zero has probability zero; the floor keeps it a point of the ball all the same.
    norm = torch.linalg.vector_norm(direction, dim=1, keepdim=True).clamp_min(1e-300)
    u = torch.rand(n, 1, generator=generator, dtype=torch.float64, device=generator.device)
    points: Tensor = u.pow(1.0 / k) * (direction / norm)
    return points


def gaussian(n: int, k: int, generator: torch.Generator) -> Tensor:
    """Draws n times from N(0, I_k): [n, k] float64 on the generator's device."""
    return torch.randn(n, k, generator=generator, dtype=torch.float64, device=generator.device)


def ball_grid(per_axis: int, k: int) -> Tensor:
    """A regular grid of the unit l2 ball of R^k, its sphere included: [per_axis^k, k] float64.

    The regular grid of the cube [-1, 1]^k, each point pulled towards the origin until its l2 norm is the largest of
    its coordinates: the cube's faces land on the sphere. For k = 1 it is the regular grid of [-1, 1], ends included.

    Raises:
        SettingsError: fewer than two points per axis.
    """
    if per_axis < 2 or k < 1:
        raise SettingsError(
            f"a grid of {per_axis} points per axis in {k} dimensions: expected at least 2 points and 1 dimension"
        )
    axis = torch.linspace(-1.0, 1.0, per_axis, dtype=torch.float64)
    cube = torch.cartesian_prod(*[axis] * k).reshape(-1, k)
    largest = cube.abs().amax(dim=1, keepdim=True)
    norm = torch.linalg.vector_norm(cube, dim=1, keepdim=True)
    ball: Tensor = cube * (largest / norm.clamp_min(1e-300))
    return ball


@dataclass(frozen=True)
class SimilaritySet:
    """Which latents count as similar: the attribute vectors a_i and how far one may move along them.

    Attributes:
        vectors: a_1 ... a_k, [k, q], any floating dtype, finite, none zero; neither orthogonal nor normalised by
            necessity.
        epsilon: the radius of the ball of coefficients, > 0; in multiples of the vectors' lengths.

    Raises:
        SettingsError: epsilon is not a positive finite number, or a vector is zero, not finite or of the wrong shape.
    """

    vectors: Tensor
    epsilon: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise SettingsError(f"epsilon is {self.epsilon!r}: expected a positive finite number")
        if self.vectors.ndim != 2 or not self.vectors.is_floating_point() or not len(self.vectors):
            raise SettingsError(
                "the attribute vectors have shape "
                f"{tuple(self.vectors.shape)} and type {self.vectors.dtype}: expected [k, q] of a floating type, k >= 1"
            )
        for i, vector in enumerate(self.vectors):
            if not bool(torch.isfinite(vector).all()):
                raise SettingsError(f"attribute vector {i} is not finite: compute it again")
            if not bool(vector.any()):
                raise SettingsError(
                    f"attribute vector {i} is zero, so it makes nobody similar: compute it again"
                )

    @property
    def k(self) -> int:
        """The number of attributes."""
        return self.vectors.shape[0]

    @property
    def latent_dim(self) -> int:
        """q, the dimension of the latents."""
        return self.vectors.shape[1]

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Of what is known of one individual."""
        return (self.latent_dim,)

    def uniform(self, n: int, generator: torch.Generator) -> Tensor:
        """Draws n coefficient vectors, uniform in { t : ||t|| <= epsilon }: [n, k] float64."""
        return self.epsilon * uniform_ball(n, self.k, generator)

    def points(self, latents: Tensor, t: Tensor) -> Tensor:
        """The points z + sum_i t_i a_i, for latents [..., q] and coefficients [..., k]: [..., q] float64."""
        return latents.to(torch.float64) + t.to(torch.float64) @ self.vectors.to(torch.float64)
