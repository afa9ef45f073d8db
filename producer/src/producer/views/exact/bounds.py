"""The exact view: a ball, and on request a tube, around all representations of each similarity set.

Statement X (docs/guarantees.md, A.5): for the stored weights, latents, attribute vectors and epsilon, in real
arithmetic, ||R(z + sum t_i a_i) - centre||_2 <= radius for EVERY ||t||_2 <= epsilon. There is no probability in it. It
certifies C o R o E; it speaks of latents, not of image files. What a bundle holds is widened for float64 and float32
(`producer.views.exact.view.handed_over`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from producer.views.exact.batches import ExactBounds, in_batches
from producer.views.exact.grid import uniform_parameters
from producer.views.exact.inputs import check_inputs, check_settings
from producer.views.exact.line import bound_lines
from producer.views.exact.sets import bound_sets
from producer.views.exact.settings import ExactSettings
from producer.views.exact.tubes import Tubes, polyline_tubes
from producer.views.network import BoundedNetwork, Curves, Rays
from producer.views.polyline import breakpoints
from shared_spec.arithmetic import full_precision
from shared_spec.errors import DataError, SettingsError
from shared_spec.progress import Advance
from shared_spec.relu_network import ReluNetwork
from shared_spec.terms import BoundStatus

__all__ = ["certify_chains", "certify_exact"]

_DEFAULTS = ExactSettings()
_GRID_START = 9
_CHAIN_START = 2
"""Mesh segments per segment of a chain to begin with."""
_TUBE_FINENESS = 12
"""Mesh segments per segment of a tube: then the mesh adds about a fifth to what the tube's vertices leave."""
_SETS = 16
"""Similarity sets of several attributes held at once, reduced: about 10 MB each at the paper's sizes."""
_MESH_POINTS = 800
"""Points held at once by a processor: about 25 MB at the paper's sizes, before refinement."""
_DEVICE_POINTS = 10_000
"""By an accelerator, for which small products are a waste: about 300 MB."""


@full_precision()
def certify_exact(
    encoder: ReluNetwork,
    latents: Tensor,
    vectors: Tensor,
    epsilon: float,
    *,
    tolerance: float = _DEFAULTS.tolerance,
    method: Literal["grid", "polyline"] = _DEFAULTS.exact_method,
    max_cells: int = _DEFAULTS.max_cells,
    tube_vertices: int = _DEFAULTS.tube_vertices,
    enclosing: bool = True,
    advance: Advance = lambda done, word: None,
) -> ExactBounds:
    """Bounds the representations of every similarity set; statement X, alpha = 0.

    Args:
        encoder: R, folded.
        latents: z, [n, q], float32 or float64, finite.
        vectors: a_i, [k, q]; they need not be orthogonal or of unit length.
        epsilon: radius of the similarity set in units of t, > 0.
        tolerance: stop refining once radius <= (1 + tolerance) lower_bound (up to rounding), > 0.
        method: for k = 1, whether to start from a uniform grid (fast) or from all breakpoints (exact up to rounding).
            With breakpoints the tubes are as thin as their vertices allow, at several times the cost.
        max_cells: cap on the points (k = 1) or cells (k > 1) per individual; past it an individual is UNDECIDED.
        tube_vertices: 0 for no tubes; else m >= 2 vertices of a chain (k = 1) or an affine tube of 1 + k rows (k > 1).
            A tube shows in which direction the attribute moves representations; a ball does not.
        enclosing: centre the ball where it is smaller than around R(z), if that gains more than 1%.
        advance: told how many individuals are done.

    Returns:
        One row per individual, in order, on the host; computed where the encoder lies. The result for an individual
        does not depend on the others but for rounding.

    Raises:
        SettingsError: for impossible settings.
        ArtifactError: for encoders or vectors that are not finite or do not fit together.
        DataError: for latents that are not finite or of another dimension.
    """
    check_settings(epsilon, tolerance, max_cells, tube_vertices)
    check_inputs(encoder, latents, vectors)
    if not len(latents):
        raise DataError("exact view: there are no latents; pass at least one individual")
    network = BoundedNetwork.of(encoder, vectors, epsilon)
    exact, several = method == "polyline", len(vectors) > 1
    mesh = max(_GRID_START, _TUBE_FINENESS * (tube_vertices - 1) + 1)
    size = 4 if exact else _individuals_at_once(encoder, mesh)

    def bound(batch: Tensor) -> tuple[Curves, ExactBounds]:
        rays = network.rays(batch)
        if several:
            tube = tube_vertices > 0
            return rays, _bound_sets(network, rays, tolerance, max_cells, enclosing, tube)
        starts = [uniform_parameters(mesh, encoder.device)] * len(rays)
        if exact:
            slope = network.slopes[0]
            starts = [breakpoints(encoder, offset, slope, 1.0) for offset in rays.offset]
        return rays, _bound_curves(
            network, rays, starts, tolerance, max_cells, tube_vertices, enclosing
        )

    return in_batches(latents, _SETS if several else size, bound, advance)


@full_precision()
def certify_chains(
    encoder: ReluNetwork,
    latents: Tensor,
    visits: Tensor,
    settings: ExactSettings,
    advance: Advance = lambda done, word: None,
) -> ExactBounds:
    """Bounds the representations of everything on an individual's chains; statement X, alpha = 0.

    In real arithmetic ||R(v) - centre||_2 <= radius for EVERY point v of every segment between consecutive corners.

    Args:
        encoder: R, folded.
        latents: of each individual and its similar images, [n, 1 + v, q], finite; the individual's own comes first.
        visits: which of the 1 + v latents each chain passes, in order, [c, m].
        settings: of the view; chains are bounded from a mesh.
        advance: told how many individuals are done.

    Returns:
        One row per individual, in order, with one chain of tube vertices through all of its chains.

    Raises:
        SettingsError, ArtifactError, DataError: as `certify_exact`.
    """
    if settings.exact_method != "grid":
        raise SettingsError(f"`exact_method` is {settings.exact_method}: chains need grid")
    dimension = encoder.input_dim
    if latents.ndim != 3 or latents.shape[2] != dimension or not len(latents):
        raise DataError(
            f"exact view: latents have shape {tuple(latents.shape)}, expected [n, 1 + v, {dimension}] with n >= 1"
        )
    network = BoundedNetwork.of(encoder)
    segments, tube_vertices = visits.numel() - len(visits), settings.tube_vertices
    fineness = max(_CHAIN_START, -(-_TUBE_FINENESS * (tube_vertices - 1) // segments))
    parameters = _along_chains(visits.to(encoder.device), fineness)

    def bound(batch: Tensor) -> tuple[Curves, ExactBounds]:
        chains = network.chains(batch, visits)
        return chains, _bound_curves(
            network, chains, [parameters] * len(batch), settings.tolerance, settings.max_cells, tube_vertices,
            enclosing=True,
        )  # fmt: skip

    return in_batches(latents, _individuals_at_once(encoder, len(parameters)), bound, advance)


def _individuals_at_once(encoder: ReluNetwork, points: int) -> int:
    """With so many points each."""
    most = _MESH_POINTS if encoder.device.type == "cpu" else _DEVICE_POINTS
    return max(most // points, 4)


def _along_chains(visits: Tensor, fineness: int) -> Tensor:
    """Parameters of all corners, with `fineness` - 1 more between two of the same chain, evenly; ascending."""
    chains, corners = visits.shape
    steps, starts = (
        torch.arange(count, dtype=torch.float64, device=visits.device)
        for count in ((corners - 1) * fineness + 1, chains)
    )
    return (starts[:, None] * corners + steps / fineness).flatten()


def _bound_curves(
    network: BoundedNetwork,
    curves: Curves,
    starts: Sequence[Tensor],
    tolerance: float,
    max_points: int,
    tube_vertices: int,
    enclosing: bool,
) -> ExactBounds:
    """Bounds curves from these meshes."""
    bound = bound_lines(network, curves, starts, tolerance, max_points, enclosing)
    return ExactBounds(
        centre=bound.centre,
        radius=bound.radius,
        status=_status(bound.reached),
        representation=bound.representation,
        lower_bound=bound.lower,
        effort=bound.points,
        tubes=polyline_tubes(bound, tube_vertices) if tube_vertices else None,
    )


def _bound_sets(
    network: BoundedNetwork,
    rays: Rays,
    tolerance: float,
    max_cells: int,
    enclosing: bool,
    tube: bool,
) -> ExactBounds:
    sets = bound_sets(network, rays, tolerance, max_cells, enclosing, tube)

    def numbers(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    reached = torch.tensor([entry.reach.reached for entry in sets])
    tubes = [entry.tube for entry in sets if entry.tube is not None]
    return ExactBounds(
        centre=torch.stack([entry.centre for entry in sets]),
        radius=numbers([entry.reach.upper for entry in sets]),
        status=_status(reached),
        representation=torch.stack([entry.representation for entry in sets]),
        lower_bound=numbers([entry.reach.lower for entry in sets]),
        effort=torch.tensor([entry.cells for entry in sets], dtype=torch.int64),
        tubes=Tubes(
            "affine",
            torch.stack([points for points, _ in tubes]),
            numbers([delta for _, delta in tubes]),
        )
        if tubes
        else None,
    )


def _status(reached: Tensor) -> Tensor:
    return torch.where(reached, BoundStatus.BOUNDED, BoundStatus.UNDECIDED).to(torch.uint8)
