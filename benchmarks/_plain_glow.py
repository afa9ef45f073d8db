"""A plain Glow, written the obvious way: the yardstick of `benchmarks/flow.py`.

Every step is its own module on [n, c, h, w] tensors; ActNorm, the 1x1 convolution and the coupling are applied one
after the other; each 1x1 weight is assembled from its LU factors on every call; the zero convolution pads explicitly
and scales its output. Same function class and parameter count as `shared_spec.flow.Glow` with additive coupling.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["PlainGlow"]


class ActNorm(nn.Module):
    initialised: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.register_buffer("initialised", torch.tensor(0, dtype=torch.uint8))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.initialised.item() == 0:
            with torch.no_grad():
                mean = x.mean(dim=(0, 2, 3), keepdim=True)
                deviation = x.std(dim=(0, 2, 3), keepdim=True)
                self.loc.copy_(-mean)
                self.scale.copy_(1.0 / (deviation + 1e-6))
                self.initialised.fill_(1)
        log_det = x.shape[2] * x.shape[3] * self.scale.abs().log().sum()
        return self.scale * (x + self.loc), log_det


class LUConv(nn.Module):
    permutation: Tensor
    below: Tensor
    above: Tensor
    sign: Tensor
    eye: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        permutation, lower, upper = torch.linalg.lu(
            torch.linalg.qr(torch.randn(channels, channels))[0]
        )
        diagonal = upper.diagonal()
        self.register_buffer("permutation", permutation)
        self.register_buffer("below", torch.ones(channels, channels).tril(-1))
        self.register_buffer("above", torch.ones(channels, channels).triu(1))
        self.register_buffer("sign", diagonal.sign())
        self.register_buffer("eye", torch.eye(channels))
        self.lower = nn.Parameter(lower)
        self.upper = nn.Parameter(upper.triu(1))
        self.log_diagonal = nn.Parameter(diagonal.abs().log())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        weight = (
            self.permutation
            @ (self.lower * self.below + self.eye)
            @ (self.upper * self.above + torch.diag(self.sign * self.log_diagonal.exp()))
        )
        log_det = x.shape[2] * x.shape[3] * self.log_diagonal.sum()
        return F.conv2d(x, weight[:, :, None, None]), log_det


class ZeroConv(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3)
        for parameter in self.conv.parameters():
            nn.init.zeros_(parameter)
        self.scale = nn.Parameter(torch.zeros(1, outputs, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.conv(F.pad(x, [1, 1, 1, 1]))
        return found * torch.exp(3 * self.scale)


class Coupling(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels // 2, hidden, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(inplace=True),
            ZeroConv(hidden, channels // 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1)
        return torch.cat([a, b + self.net(a)], dim=1)


class Step(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.norm = ActNorm(channels)
        self.conv = LUConv(channels)
        self.coupling = Coupling(channels, hidden)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x, norm_log_det = self.norm(x)
        x, conv_log_det = self.conv(x)
        return self.coupling(x), norm_log_det + conv_log_det


class PlainGlow(nn.Module):
    """Multi-scale Glow with learned priors; `forward` gives the latents of every block and log p(x) [n] in nats."""

    def __init__(self, size: int, blocks: int, flows: int, hidden: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        self.priors = nn.ModuleList()
        channels = 3
        for index in range(blocks):
            channels, size = 4 * channels, size // 2
            self.blocks.append(nn.ModuleList(Step(channels, hidden) for _ in range(flows)))
            if index < blocks - 1:
                channels //= 2
                self.priors.append(ZeroConv(channels, 2 * channels))
        self.mean = nn.Parameter(torch.zeros(1, channels, size, size))
        self.log_deviation = nn.Parameter(torch.zeros(1, channels, size, size))

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        log_prob = torch.zeros(len(x))
        latents = []
        for index, block in enumerate(self.blocks):
            n, c, h, w = x.shape
            x = x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).contiguous()
            x = x.view(n, 4 * c, h // 2, w // 2)
            assert isinstance(block, nn.ModuleList)
            for step in block:
                x, log_det = step(x)
                log_prob = log_prob + log_det
            if index < len(self.priors):
                x, z = x.chunk(2, dim=1)
                mean, log_deviation = self.priors[index](x).chunk(2, dim=1)
            else:
                z, mean, log_deviation = x, self.mean, self.log_deviation
            density = (
                -0.5 * math.log(2 * math.pi)
                - log_deviation
                - 0.5 * (z - mean) ** 2 / torch.exp(2 * log_deviation)
            )
            log_prob = log_prob + density.sum(dim=(1, 2, 3))
            latents.append(z)
        return latents, log_prob
