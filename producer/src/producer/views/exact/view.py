"""The exact view: a ball, and on request a tube, around all representations of each similarity set.

Statement X (docs/guarantees.md, A.5): for the stored weights, latents, attribute vectors and epsilon, in real
arithmetic, ||R(z + sum t_i a_i) - centre||_2 <= radius for EVERY ||t||_2 <= epsilon. There is no probability in it. It
certifies C o R o E; it speaks of latents, not of image files, and of R in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from producer.folded import FoldedEncoder
from producer.views.exact.grid import uniform_parameters
from producer.views.exact.line import bound_lines
from producer.views.exact.network import BoundedNetwork
from producer.views.exact.polyline import breakpoints
from producer.views.exact.tubes import Tubes, polyline_tubes
from shared_spec.artifacts.bundle import BOUND_STATUS
from shared_spec.errors import ArtifactError, DataError, SettingsError

__all__ = ["ExactView", "certify_exact"]

_BOUNDED, _UNDECIDED = BOUND_STATUS.index("BOUNDED"), BOUND_STATUS.index("UNDECIDED")
_GRID_START = 9
_GRID_BATCH, _POLYLINE_BATCH = 64, 4
"""Individuals whose meshes are held at once: about 30 MB at the paper's sizes."""


@dataclass(frozen=True)
class ExactView:
    """Deterministic bounds for n individuals; statement X of the module.

    Attributes:
        centre: [n, d] float32.
        radius: [n] float64, rounded up; at least max ||R(z + sum t_i a_i) - centre||_2 over ||t||_2 <= epsilon.
        status: [n] uint8 codes of `shared_spec.artifacts.bundle.BOUND_STATUS`: BOUNDED, or UNDECIDED where the cap
            on the effort came before the tolerance (the radius holds all the same, but must certify nothing).
        representation: R(z), [n, d] float32.
        lower_bound: [n] float64, rounded down; at most that maximum, which is attained somewhere above it.
        effort: [n] int64, points (k = 1) or cells (k > 1) evaluated.
        tubes: tubes, where they were asked for.
    """

    centre: Tensor
    radius: Tensor
    status: Tensor
    representation: Tensor
    lower_bound: Tensor
    effort: Tensor
    tubes: Tubes | None


def certify_exact(
    encoder: FoldedEncoder,
    latents: Tensor,
    vectors: Tensor,
    epsilon: float,
    *,
    tolerance: float = 0.05,
    method: Literal["grid", "polyline"] = "grid",
    max_cells: int = 20_000,
    tube_vertices: int = 0,
    enclosing: bool = True,
    progress: Callable[[int], None] | None = None,
) -> ExactView:
    """Bounds the representations of every similarity set; statement X, alpha = 0.

    Args:
        encoder: R, folded.
        latents: z, [n, q], float32 or float64, finite.
        vectors: a_i, [k, q]; they need not be orthogonal or of unit length.
        epsilon: radius of the similarity set in units of t, > 0.
        tolerance: stop refining once radius <= (1 + tolerance) lower_bound (up to rounding), > 0.
        method: for k = 1, whether to start from a uniform grid (fast) or from all breakpoints (exact up to rounding).
        max_cells: cap on the points (k = 1) or cells (k > 1) per individual; past it an individual is UNDECIDED.
        tube_vertices: 0 for no tubes; else m >= 2 vertices of a chain (k = 1) or an affine tube of 1 + k rows (k > 1).
            A tube shows in which direction the attribute moves representations; a ball does not.
        enclosing: centre the ball where it is smaller than around R(z), if that gains more than 1%.
        progress: called with the number of individuals finished since the last call.

    Returns:
        One row per individual, in order. The result for an individual does not depend on the others but for rounding.

    Raises:
        SettingsError: for impossible settings.
        ArtifactError: for encoders or vectors that are not finite or do not fit together.
        DataError: for latents that are not finite or of another dimension.
    """
    _check_settings(epsilon, tolerance, max_cells, tube_vertices)
    _check_inputs(encoder, latents, vectors)
    network = BoundedNetwork.of(encoder, vectors, epsilon)
    parts: list[ExactView] = []
    exact = method == "polyline" or tube_vertices > 0
    for batch in torch.split(latents, _POLYLINE_BATCH if exact else _GRID_BATCH):
        _check_finite(batch, len(parts) * len(parts[0].radius) if parts else 0)
        parts.append(
            _bound_curves(network, batch, tolerance, exact, max_cells, tube_vertices, enclosing)
        )
        if progress is not None:
            progress(len(batch))
    return _join(parts)


def _bound_curves(
    network: BoundedNetwork,
    latents: Tensor,
    tolerance: float,
    exact: bool,
    max_points: int,
    tube_vertices: int,
    enclosing: bool,
) -> ExactView:
    rays = network.rays(latents)
    if exact:
        starts = [
            breakpoints(network.encoder, offset, network.slopes[0], 1.0) for offset in rays.offset
        ]
    else:
        starts = [uniform_parameters(_GRID_START)] * len(latents)
    bound = bound_lines(network, rays, starts, tolerance, max_points, enclosing)
    return ExactView(
        centre=bound.centre,
        radius=bound.radius,
        status=torch.where(bound.reached, _BOUNDED, _UNDECIDED).to(torch.uint8),
        representation=bound.representation,
        lower_bound=bound.lower,
        effort=bound.points,
        tubes=polyline_tubes(bound, tube_vertices) if tube_vertices else None,
    )


def _join(parts: list[ExactView]) -> ExactView:
    def joined(name: str) -> Tensor:
        return torch.cat([getattr(part, name) for part in parts])

    tubes = [part.tubes for part in parts if part.tubes is not None]
    return ExactView(
        centre=joined("centre"),
        radius=joined("radius"),
        status=joined("status"),
        representation=joined("representation"),
        lower_bound=joined("lower_bound"),
        effort=joined("effort"),
        tubes=Tubes(
            tubes[0].kind,
            torch.cat([tube.points for tube in tubes]),
            torch.cat([tube.delta for tube in tubes]),
        )
        if tubes
        else None,
    )


def _check_settings(epsilon: float, tolerance: float, max_cells: int, tube_vertices: int) -> None:
    for name, value in (("epsilon", epsilon), ("tolerance", tolerance)):
        if not 0.0 < value < float("inf"):
            raise SettingsError(f"exact view: {name} is {value}, expected a positive number")
    if max_cells < 1:
        raise SettingsError(f"exact view: max_cells is {max_cells}, expected at least 1")
    if tube_vertices < 0 or tube_vertices == 1:
        raise SettingsError(
            f"exact view: tube_vertices is {tube_vertices}, expected 0 (no tube) or at least 2"
        )


def _check_inputs(encoder: FoldedEncoder, latents: Tensor, vectors: Tensor) -> None:
    dimension = encoder.input_dim
    if vectors.ndim != 2 or len(vectors) < 1 or vectors.shape[1] != dimension:
        raise ArtifactError(
            f"exact view: attribute vectors have shape {tuple(vectors.shape)}, expected "
            f"[k, {dimension}] as the encoder reads; use the spec that it was trained for"
        )
    if latents.ndim != 2 or latents.shape[1] != dimension:
        raise DataError(
            f"exact view: latents have shape {tuple(latents.shape)}, expected [n, {dimension}] "
            "as the encoder reads; encode the images with the flow of its spec"
        )


def _check_finite(latents: Tensor, first: int) -> None:
    bad = torch.nonzero(~torch.isfinite(latents).all(1)).squeeze(1)
    if len(bad):
        raise DataError(
            f"exact view: the latent of individual {first + int(bad[0])} is not finite; "
            "check the image and the flow's inversion error"
        )
