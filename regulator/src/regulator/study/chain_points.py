"""The point of an individual's chains that is nearest to a given latent."""

from __future__ import annotations

import torch
from torch import Tensor

from shared_spec.chains import EditChains

__all__ = ["nearest_on_chains"]


def nearest_on_chains(
    chains: EditChains, latents: Tensor, targets: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Per target the nearest point of all segments.

    Args:
        chains: the similarity set.
        latents: of the individual's 1 + v images, [1 + v, q] float64.
        targets: z', [m, q] float64.

    Returns:
        The points [m, q]; t [m, k], how much of each edit is in them; whether each is at the end of its chain [m].
    """
    corners = chains.corners(latents[None])[0]
    steps = torch.tensor(chains.steps, dtype=torch.float64)
    t = torch.cat([steps[steps < 0], torch.zeros(1, dtype=torch.float64), steps[steps > 0]])
    starts, moves = corners[:, :-1].flatten(0, 1), corners.diff(dim=1).flatten(0, 1)
    lengths = moves.square().sum(1).clamp_min(1e-300)
    shares = ((targets @ moves.T - (starts * moves).sum(1)) / lengths).clamp(0.0, 1.0)
    points = starts + shares[..., None] * moves
    best = torch.linalg.vector_norm(points - targets[:, None], dim=2).argmin(1)
    rows = torch.arange(len(targets))
    segment, share = best % (len(t) - 1), shares[rows, best]
    amount = torch.lerp(t[segment], t[segment + 1], share)
    moved = torch.zeros(len(chains.combinations), chains.k, dtype=torch.float64)
    for row, chosen in enumerate(chains.combinations):
        moved[row, list(chosen)] = 1.0
    at_end = (amount <= t[0]) | (amount >= t[-1])
    return points[rows, best], amount[:, None] * moved[best // (len(t) - 1)], at_end
