"""Center smoothing as published: the plain algorithm, which the fast one is held against in bounds and in speed.

Every sample passes through the whole encoder in float32, the medoid is sought among all n0 points, the quantile has
Hoeffding's margin and numpy's interpolation. Written from the paper's description and its published constants.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor

Encode = Callable[[Tensor], Tensor]


def batched(encoder: Encode, z: Tensor, vectors: Tensor, t: Tensor, batch: int = 1000) -> Tensor:
    """R(z + sum t_i a_i), one sample after another through all layers: [n, d] float32."""
    with torch.no_grad():
        return torch.cat(
            [encoder(z + part.to(z.dtype) @ vectors.to(z.dtype)) for part in torch.split(t, batch)]
        )


def medoid(samples: Tensor) -> tuple[int, float]:
    """The sample with the smallest median distance to all: (index, median), n0 passes over n0 samples."""
    best, radius = 0, math.inf
    for index, sample in enumerate(samples):
        median = float(np.median(torch.linalg.norm(samples - sample, dim=1).numpy()))
        if median < radius:
            best, radius = index, median
    return best, radius


def certify(
    encoder: Encode, z: Tensor, vectors: Tensor, epsilon: float, sigma: float, t0: Tensor, t1: Tensor, t: Tensor,
    *, alpha: float = 0.01, slack: float = 0.05, factor: float = 3,
) -> tuple[Tensor, float | None]:  # fmt: skip
    """Centre and radius of one individual, or (centre, None) for ABSTAIN; t0, t1, t are the draws, [n, k]."""
    alpha_1 = alpha_2 = alpha / 2
    samples = batched(encoder, z, vectors, t0)
    index, radius = medoid(samples)
    centre = samples[index]
    fresh = torch.linalg.norm(batched(encoder, z, vectors, t1) - centre, dim=1)
    delta_1 = math.sqrt(math.log(2 / alpha_1) / (2 * len(t0)))
    delta_2 = 0.5 - (float((fresh <= radius).double().mean()) - delta_1)
    if max(delta_1, delta_2) > slack:
        return centre, None
    level = norm.cdf(norm.ppf(0.5 + slack) + epsilon / sigma)
    level += math.sqrt(math.log(1 / alpha_2) / (2 * len(t)))
    if level > 1:
        return centre, None
    distances = torch.linalg.norm(batched(encoder, z, vectors, t) - centre, dim=1)
    return centre, factor * float(np.quantile(distances.numpy(), level))
