"""The encoder along a similarity set, as a function of the coefficients t alone, and the draws of t.

g(t) = R(z + sum t_i a_i) = tail(u0 + t U1): the first layer is applied once per individual (docs/guarantees.md, C.1).
Preactivations and everything after them are float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from producer.folded import FoldedEncoder
from shared_spec.rng import torch_generator
from shared_spec.similarity import gaussian

__all__ = ["RepresentationMap", "draws", "representation_map"]

RepresentationMap: TypeAlias = Callable[[Tensor], Tensor]
"""g: coefficients t [n, k] float64 to representations [n, d] float64."""

# Rows per block: the widest activation of a block stays near 16 MB at the paper's sizes.
_BLOCK = 1000


def draws(seed: int, purpose: str, sample_id: str, n: int, k: int, sigma: float) -> Tensor:
    """N draws of t ~ N(0, sigma^2 I_k) from the stream of this purpose and individual: [n, k] float64."""
    return sigma * gaussian(n, k, torch_generator(seed, purpose, sample_id))


def representation_map(
    encoder: FoldedEncoder, offset: Tensor, directions: Tensor, reach: float
) -> RepresentationMap:
    """G on { t : ||t||_2 <= reach }, exactly, at the price of the neurons that change sign there.

    A first-layer neuron that is on throughout is affine in t and one that is off is zero: the former are summed into
    an affine map once, the latter left out, and only the others enter the matrix product per sample.

    Args:
        encoder: R, folded.
        offset: u0 = W_1 z + b_1, [h_1].
        directions: U1 = W_1 a_i, [k, h_1].
        reach: bound on the norms of the coefficients that g will be given.
    """
    if len(encoder.weights) == 1:
        return lambda t: offset + t @ directions
    # The margin makes up for the rounding of the bound; a neuron within it is treated as changing.
    swing = torch.linalg.vector_norm(directions, dim=0) * (reach * (1.0 + 1e-9))
    on = offset - swing > 0.0
    changing = ~on & (offset + swing >= 0.0)
    weight, bias = encoder.weights[1], encoder.biases[1]
    base = bias + weight[:, on] @ offset[on]
    slope = directions[:, on] @ weight[:, on].T
    some_offset, some_directions = offset[changing], directions[:, changing]
    some_weight = weight[:, changing].T.contiguous()
    later = FoldedEncoder(encoder.weights[1:], encoder.biases[1:])

    def block(t: Tensor) -> Tensor:
        hidden = torch.addmm(some_offset, t, some_directions).clamp_min_(0.0)
        return later.tail(torch.addmm(base, t, slope).addmm_(hidden, some_weight))

    return lambda t: torch.cat([block(part) for part in torch.split(t, _BLOCK)])
