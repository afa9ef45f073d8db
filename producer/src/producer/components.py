"""Principal components of projected latents: a linear encoder in closed form, for tasks that nobody knows yet.

Subspace iteration on the covariance, which is never formed: each pass reads the latents once, block by block, and keeps
q (d + 10) numbers, so latents larger than memory do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from producer.encoder import Encoder, EncoderConfig
from producer.projection import project
from shared_spec.errors import SettingsError
from shared_spec.progress import Advance, Report, silent, stage
from shared_spec.rng import torch_generator
from shared_spec.seeds import Seed

__all__ = ["PASSES", "Components", "linear_encoder", "principal_components", "require_components"]

PASSES = 5
"""Over the latents: one for the mean, the others each sharpen the subspace by one power of the covariance."""

_SPARE = 10
"""Directions beyond d that are iterated along: the last ones wanted then converge as fast as the first."""
_BLOCK = 2048


@dataclass(frozen=True)
class Components:
    """The directions in which projected latents vary most.

    Attributes:
        directions: [d, q] float64, orthonormal and orthogonal to the attribute vectors; the largest variance first.
        mean: of the latents, [q] float64.
        variances: of the latents along each direction, [d] float64.
    """

    directions: Tensor
    mean: Tensor
    variances: Tensor


def principal_components(
    latents: npt.NDArray[np.float32],
    basis: Tensor,
    dimension: int,
    generator: torch.Generator,
    advance: Advance = lambda done, word: None,
) -> Components:
    """The first `dimension` principal components of P z (Halko, Martinsson and Tropp, 2011).

    Args:
        latents: z, [n, q], memory-mapped or not.
        basis: orthonormal rows [r, q] that P removes; none for r = 0.
        dimension: d.
        generator: of the start, which hardly matters.
        advance: told how many passes are done.

    Raises:
        SettingsError: more components than latents or dimensions allow.
    """
    n, q = latents.shape
    most = require_components(dimension, n, q, len(basis))
    mean = torch.zeros(q, dtype=torch.float64)
    for block in _blocks(latents):
        mean += block.sum(0)
    mean /= n
    width = min(dimension + _SPARE, most)
    start = torch.randn(width, q, generator=generator, dtype=torch.float64)
    rows = _orthonormal(project(start, basis))
    for done in range(1, PASSES - 1):
        advance(done, "principal components")
        rows = _orthonormal(project(_covariance(latents, mean, rows), basis))
    small = _covariance(latents, mean, rows) @ rows.T
    values, turn = torch.linalg.eigh(0.5 * (small + small.T))
    order = values.argsort(descending=True)[:dimension]
    advance(PASSES, "principal components")
    return Components(turn.T[order] @ rows, mean, values[order])


def require_components(dimension: int, n: int, q: int, projected: int) -> int:
    """How many components n latents of dimension q have without `projected` directions.

    Raises:
        SettingsError: fewer than `dimension`.
    """
    most = min(n - 1, q - projected)
    if dimension > most:
        raise SettingsError(
            f"`dimension` is {dimension}: {n} latents of dimension {q} have at most {most} components"
        )
    return most


def _covariance(latents: npt.NDArray[np.float32], mean: Tensor, rows: Tensor) -> Tensor:
    """The covariance of the latents times each row: [r, q], in one pass."""
    image = torch.zeros_like(rows)
    for block in _blocks(latents):
        centred = block - mean
        image += (centred @ rows.T).T @ centred
    return image / (len(latents) - 1)


def _orthonormal(rows: Tensor) -> Tensor:
    found: Tensor = torch.linalg.qr(rows.T).Q.T.contiguous()
    return found


def _blocks(latents: npt.NDArray[np.float32]) -> Iterator[Tensor]:
    for row in range(0, len(latents), _BLOCK):
        yield torch.from_numpy(np.array(latents[row : row + _BLOCK])).to(torch.float64)


@torch.no_grad()
def linear_encoder(
    config: EncoderConfig,
    latents: npt.NDArray[np.float32],
    basis: Tensor,
    seed: Seed,
    report: Report = silent,
) -> Encoder:
    """R(z) = V^T P (z - mean) / s: principal components of projected latents, their variance one on average.

    One factor s for all of them keeps the geometry of the latents, in which the large components matter more.

    Args:
        config: no hidden layer; `output_dim` is d.
        latents: z of the training individuals, [n, q].
        basis: orthonormal rows [r, q] that P removes: where `config.projected` of them, all that vectors span.
        seed: of the start of the iteration.
        report: told how it goes.

    Raises:
        SettingsError: more components than there are.
    """
    generator = torch_generator(seed, "producer.components")
    advance = stage(report, "principal components", PASSES)
    found = principal_components(latents, basis, config.output_dim, generator, advance)
    encoder = Encoder(config, generator)
    state = encoder.state_dict()
    if config.projected:
        state["basis"].copy_(basis)
    state["linears.0.weight"].copy_(found.directions)
    state["linears.0.bias"].zero_()
    state["norms.0.running_mean"].copy_(found.directions @ found.mean)
    state["norms.0.running_var"].fill_(float(found.variances.mean()))
    return encoder.eval().requires_grad_(False)
