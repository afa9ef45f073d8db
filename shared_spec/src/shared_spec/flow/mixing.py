"""ActNorm followed by an invertible 1x1 convolution: together one affine map of the channels.

The maps of all steps of a block are stacked and assembled in one batched product, so a step costs one matrix product
per position and the assembly a handful of small kernels per block, however many steps it has.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["ChannelMaps", "ChannelMixing"]


class ChannelMaps(NamedTuple):
    """Affine maps y = A_k x + c_k of the channels, one per step: matrix [K, c, c] and offset [K, c]."""

    matrix: Tensor
    offset: Tensor


class ChannelMixing(nn.Module):
    """K steps of y = W_k (s_k * (x + b_k)) with W_k = P_k L_k (U_k + diag(sign_k exp(d_k))).

    P_k (a permutation) and the signs are fixed buffers; L_k is unit lower and U_k strictly upper triangular, so the
    log-determinant per position is sum_k sum(log s_k + d_k) and no weight, however trained, is singular.
    """

    bias: Tensor
    log_scale: Tensor
    lower: Tensor
    upper: Tensor
    log_diagonal: Tensor
    permutation: Tensor
    sign: Tensor
    initialised: Tensor

    def __init__(self, steps: int, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        gaussian = torch.randn(steps, channels, channels, generator=generator, dtype=torch.float64)
        rotation, _ = torch.linalg.qr(gaussian)
        permutation, lower, upper = torch.linalg.lu(rotation)
        diagonal = upper.diagonal(dim1=1, dim2=2)
        self.bias = nn.Parameter(torch.zeros(steps, channels))
        self.log_scale = nn.Parameter(torch.zeros(steps, channels))
        self.lower = nn.Parameter(lower.tril(-1).float())
        self.upper = nn.Parameter(upper.triu(1).float())
        self.log_diagonal = nn.Parameter(diagonal.abs().log().float())
        self.register_buffer("permutation", permutation.float())
        self.register_buffer("sign", diagonal.sign().float())
        self.register_buffer("initialised", torch.zeros(steps))

    def _triangles(self) -> tuple[Tensor, Tensor]:
        """The unit lower and the upper triangular factors, each [K, c, c]."""
        lower = self.lower.tril(-1) + torch.eye(
            self.lower.shape[-1], dtype=self.lower.dtype, device=self.lower.device
        )
        diagonal = torch.diag_embed(self.sign * self.log_diagonal.exp())
        return lower, self.upper.triu(1) + diagonal

    def maps(self) -> ChannelMaps:
        """The K forward maps; differentiable in the parameters."""
        lower, upper = self._triangles()
        matrix = self.permutation @ (lower @ upper) * self.log_scale.exp().unsqueeze(1)
        return ChannelMaps(matrix, (matrix @ self.bias.unsqueeze(2)).squeeze(2))

    def inverse_maps(self) -> ChannelMaps:
        """The K inverse maps x = A^-1 y - b, solved by substitution in float64 and rounded once."""
        lower, upper = (factor.double() for factor in self._triangles())
        inner = torch.linalg.solve_triangular(
            lower, self.permutation.double().mT, upper=False, unitriangular=True
        )
        weight = torch.linalg.solve_triangular(upper, inner, upper=True)
        matrix = weight * (-self.log_scale.double()).exp().unsqueeze(2)
        return ChannelMaps(matrix.to(self.lower.dtype), -self.bias)

    def log_det(self) -> Tensor:
        """Sum over the K steps of log|det A_k|, in nats per position: it does not depend on the input."""
        return self.log_scale.sum() + self.log_diagonal.sum()

    @torch.no_grad()
    def initialise(self, step: int, x: Tensor) -> None:
        """Set bias and scale of one step so that ActNorm maps x [n, h, w, c] to mean 0 and deviation 1."""
        flat = x.reshape(-1, x.shape[-1])
        # A channel that does not vary in this batch keeps a finite scale.
        deviation = flat.std(dim=0, correction=0).clamp_min(1e-6)
        self.bias[step] = -flat.mean(dim=0)
        self.log_scale[step] = -deviation.log()
        self.initialised[step] = 1.0
