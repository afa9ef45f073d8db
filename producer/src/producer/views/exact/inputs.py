"""What the exact view refuses to work on, with the reason."""

from __future__ import annotations

import torch
from torch import Tensor

from shared_spec.errors import ArtifactError, DataError, SettingsError
from shared_spec.relu_network import ReluNetwork

__all__ = ["check_finite", "check_inputs", "check_settings"]


def check_settings(epsilon: float, tolerance: float, max_cells: int, tube_vertices: int) -> None:
    """Raises SettingsError for impossible settings."""
    for name, value in (("epsilon", epsilon), ("tolerance", tolerance)):
        if not 0.0 < value < float("inf"):
            raise SettingsError(f"exact view: {name} is {value}, expected a positive number")
    if max_cells < 1:
        raise SettingsError(f"exact view: max_cells is {max_cells}, expected at least 1")
    if tube_vertices < 0 or tube_vertices == 1:
        raise SettingsError(
            f"exact view: tube_vertices is {tube_vertices}, expected 0 (no tube) or at least 2"
        )


def check_inputs(encoder: ReluNetwork, latents: Tensor, vectors: Tensor) -> None:
    """Raises ArtifactError or DataError unless vectors [k, q] and latents [n, q] fit the encoder."""
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


def check_finite(latents: Tensor, first: int) -> None:
    """Raises DataError unless all latents are finite; row 0 is individual `first`."""
    bad = torch.nonzero(~torch.isfinite(latents).all(1)).squeeze(1)
    if len(bad):
        raise DataError(
            f"exact view: the latent of individual {first + int(bad[0])} is not finite; "
            "check the image and the flow's inversion error"
        )
