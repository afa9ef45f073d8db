"""The directions in which similar individuals differ most, compared with how people differ: what an encoder may forget.

Along vectors similar individuals differ in the span of the vectors alone (`projection`). Along chains everybody differs
from their similar ones in another way, but not in any way: seen over all training individuals some directions hold far
more of those differences than of the differences between people. An encoder that cannot see them moves less along
chains, whatever it is trained for; how much less is the certificates' to say. Nuisance attribute projection, with the
directions of Fisher's discriminant: those that maximise (v^T W v) / (v^T B v).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from producer.batches import Latents
from producer.projection import span_basis
from producer.settings import TrainingSettings
from shared_spec.chains import ChainSet, Similarity
from shared_spec.errors import DataError
from shared_spec.progress import Advance, Report, silent, stage
from shared_spec.terms import EncoderMethod

__all__ = ["forgotten", "nuisance_directions", "nuisance_stages"]

_BLOCK = 1024
_RIDGE = 0.01
"""Of the mean variance, added to all variances: with few people for so many dimensions some would be zero by chance."""


def forgotten(
    latents: Latents, similarity: Similarity, settings: TrainingSettings, report: Report = silent
) -> Tensor:
    """What these settings keep R from seeing: orthonormal rows [r, q] float64, r = 0 for nothing.

    Along vectors the method project forgets their span; along chains any method forgets as many directions as it is
    told, those of `nuisance_directions`.

    Args:
        latents: of the training individuals, along chains with those of their similar images.
        similarity: S(x).
        settings: see there, checked by `EncoderConfig.of`.
        report: told how it goes.
    """
    if isinstance(similarity, ChainSet):
        if settings.forget:
            advance = stage(report, "directions to forget", nuisance_stages(len(latents)))
            return nuisance_directions(latents, settings.forget, advance)
    elif settings.method == EncoderMethod.PROJECT:
        return span_basis(similarity.vectors)
    return torch.zeros(0, similarity.latent_dim, dtype=torch.float64)


def nuisance_stages(n: int) -> int:
    """How far `nuisance_directions` counts for n individuals."""
    return len(range(0, n, _BLOCK)) + 1


def nuisance_directions(
    latents: Latents, count: int, advance: Advance = lambda done, word: None
) -> Tensor:
    """An orthonormal basis [count, q] float64 of what to project away.

    W is the mean of (z' - z)(z' - z)^T over the similar images of all individuals, B the covariance of the z. What is
    orthogonal to the basis is the subspace of q - count dimensions in which W is least compared with B, direction by
    direction: it is spanned by the last generalised eigenvectors of (W, B). Its first rows are a basis of their own, of
    what is projected away where fewer are.

    Args:
        latents: of individuals and their similar images, [n, 1 + v, q] float32, memory-mapped or not; read once. Beside
            them about six matrices of q x q numbers in float64 are held, 450 MB for 32 x 32 pixels.
        count: 1 ... q - 1.
        advance: told how far it is, of `nuisance_stages`.

    Raises:
        DataError: latents that are not finite, or the same for everybody.
    """
    n, images, q = latents.shape
    within, between = (torch.zeros(q, q, dtype=torch.float64) for _ in range(2))
    total = torch.zeros(q, dtype=torch.float64)
    for done, row in enumerate(range(0, n, _BLOCK), start=1):
        taken = latents[row : row + _BLOCK]
        block = torch.from_numpy(np.array(taken)) if isinstance(taken, np.ndarray) else taken.cpu()
        own = block[:, 0]
        moved = (block[:, 1:] - own[:, None]).flatten(0, 1)
        # Which directions are told apart, and no bound, rests on these: float32 products do.
        within += moved.T @ moved
        between += own.T @ own
        total += own.sum(0)
        advance(done, "")
    mean = total / n
    between = between / n - torch.outer(mean, mean)
    spread = float(between.diagonal().mean())
    if not 0.0 < spread < math.inf or not math.isfinite(float(within.sum())):
        raise DataError(
            "the training latents are not finite, or the same for everybody, so no directions can be told apart: check "
            "the images and the flow"
        )
    between.diagonal().add_(_RIDGE * spread)
    factor = torch.linalg.cholesky(between)
    half = torch.linalg.solve_triangular(factor, within / (n * (images - 1)), upper=False)
    ratio = torch.linalg.solve_triangular(factor, half.T, upper=False)
    _, vectors = torch.linalg.eigh(ratio)
    advance(nuisance_stages(n), "")
    # The eigenvectors v = L^-T u that are kept are orthogonal to B v = L u of those that are not.
    largest = vectors[:, q - count :].flip(1)
    basis: Tensor = torch.linalg.qr(factor @ largest).Q.T.contiguous()
    return basis
