"""Diagonal Gaussian priors of the latents, learned with the flow."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from shared_spec.flow.coupling import ZeroConv

__all__ = ["FinalPrior", "SplitPrior", "gaussian_log_prob"]


def gaussian_log_prob(z: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
    """Log-density in nats of z [n, ...] under independent Gaussians, summed to [n]."""
    standard = (z - mean) * (-log_deviation).exp()
    density = -0.5 * standard.square() - log_deviation - 0.5 * math.log(2.0 * math.pi)
    return density.flatten(1).sum(dim=1)


class SplitPrior(nn.Module):
    """Prior of the latents that leave the flow after a block, given the half that goes on."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = ZeroConv(channels, 2 * channels)

    def forward(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-deviation, each of the shape of `kept` [n, h, w, c]."""
        mean, log_deviation = self.conv(kept).chunk(2, dim=-1)
        return mean, log_deviation


class FinalPrior(nn.Module):
    """Prior of the last block's latents: a learned mean and log-deviation for every position and channel."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(height, width, channels))
        self.log_deviation = nn.Parameter(torch.zeros(height, width, channels))

    def forward(self, count: int) -> tuple[Tensor, Tensor]:
        """Mean and log-deviation for `count` latents, each [count, h, w, c]."""
        shape = (count, *self.mean.shape)
        return self.mean.expand(shape), self.log_deviation.expand(shape)
