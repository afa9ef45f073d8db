"""The encoder as the certificates see it: affine layers and ReLUs in float64, nothing else.

Both views bound this network, and the representation that is exported is its value: batch norm in eval mode is
folded into the affine layers (docs/guarantees.md, C.2), so the certified model is one piecewise linear function of
the latent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["FoldedEncoder"]


@dataclass(frozen=True)
class FoldedEncoder:
    """R: R^q -> R^d as W_L relu(... relu(W_1 z + b_1) ...) + b_L, with L >= 1 layers, all float64.

    Attributes:
        weights: W_1 [h_1, q], ..., W_L [d, h_{L-1}].
        biases: b_1 [h_1], ..., b_L [d].
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        for tensor in (*self.weights, *self.biases):
            if tensor.dtype != torch.float64:
                raise TypeError(f"a folded encoder is float64, got {tensor.dtype}")

    @property
    def input_dim(self) -> int:
        """q, the dimension of the latents."""
        return self.weights[0].shape[1]

    @property
    def output_dim(self) -> int:
        """d, the dimension of the representations."""
        return self.weights[-1].shape[0]

    def __call__(self, latents: Tensor) -> Tensor:
        """R(z) for latents [..., q] (converted to float64), shape [..., d]."""
        return self.tail(self.first_layer(latents))

    def first_layer(self, latents: Tensor) -> Tensor:
        """u0 = W_1 z + b_1 for latents [..., q], shape [..., h_1]: computed once per individual."""
        return latents.to(torch.float64) @ self.weights[0].T + self.biases[0]

    def directions(self, vectors: Tensor) -> Tensor:
        """U1 = W_1 a_i for vectors [k, q], shape [k, h_1]: computed once per model.

        W_1 (z + sum t_i a_i) + b_1 = u0 + t U1, so no point of S(x) ever goes through the first layer again.
        """
        return vectors.to(torch.float64) @ self.weights[0].T

    def tail(self, preactivation: Tensor) -> Tensor:
        """The rest of R after the first affine layer, for preactivations [..., h_1]; shape [..., d]."""
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            preactivation = preactivation.clamp_min(0.0) @ weight.T + bias
        return preactivation
