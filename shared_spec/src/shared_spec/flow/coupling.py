"""Coupling layers: half of the channels is moved by a function of the other half, so the inverse is explicit."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shared_spec.flow.products import coupling_products

__all__ = ["AdditiveCoupling", "AffineCoupling", "ZeroConv", "coupling_layer"]


def _channels_first(x: Tensor) -> Tensor:
    """A [n, h, w, c] tensor seen as [n, c, h, w] in channels_last memory, which torch's convolutions expect."""
    return x.permute(0, 3, 1, 2)


class ZeroConv(nn.Module):
    """3x3 convolution that starts at zero, its output multiplied by exp(3 s) with a learned s per channel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.log_scale = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[n, h, w, inputs] -> [n, h, w, outputs]."""
        x = _channels_first(x).contiguous(memory_format=torch.channels_last)
        return self.finish(F.conv2d(x, self.weight, padding=1).permute(0, 2, 3, 1))

    def finish(self, y: Tensor) -> Tensor:
        """What is left to do after the convolution without bias: y [n, h, w, outputs] -> the same shape."""
        return (y + self.bias) * (3.0 * self.log_scale).exp()


class CouplingNet(nn.Module):
    """3x3, 1x1 and 3x3 convolutions with ReLUs between; the last starts at zero, so a new coupling is the identity."""

    def __init__(self, inputs: int, hidden: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        first = torch.randn(hidden, inputs, 3, 3, generator=generator)
        second = torch.randn(hidden, hidden, 1, 1, generator=generator)
        self.weight1 = nn.Parameter(first * (2.0 / (9 * inputs)) ** 0.5)
        self.bias1 = nn.Parameter(torch.zeros(hidden))
        self.weight2 = nn.Parameter(second * (2.0 / hidden) ** 0.5)
        self.bias2 = nn.Parameter(torch.zeros(hidden))
        self.last = ZeroConv(hidden, outputs)

    def forward(self, x: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """[n, h, w, inputs] -> [n, h, w, outputs] in the type of x; convolutions in `dtype` if given."""
        kind = dtype or x.dtype
        first, second = (self.weight1, self.bias1), (self.weight2, self.bias2)
        if x.device.type == "cpu":
            y = coupling_products(x, first, second, self.last.weight, kind)
        else:
            y = self._convolutions(x, kind)
        return self.last.finish(y)

    def _convolutions(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """What `coupling_products` does, by convolutions, which accelerators do best."""
        weights = (self.weight1, self.bias1, self.weight2, self.bias2, self.last.weight)
        w1, b1, w2, b2, w3 = (weight.to(dtype) for weight in weights)
        y = _channels_first(x.to(dtype).contiguous())
        y = F.relu(F.conv2d(y, w1, b1, padding=1), inplace=True)
        y = F.relu(F.conv2d(y, w2, b2), inplace=True)
        return F.conv2d(y, w3, padding=1).permute(0, 2, 3, 1).to(x.dtype)


class AdditiveCoupling(nn.Module):
    """(x_a, x_b) -> (x_a, x_b + t(x_a)); log-determinant 0."""

    def __init__(self, channels: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.net = CouplingNet(channels // 2, hidden, channels - channels // 2, generator)

    def forward(self, x: Tensor, dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor | None]:
        """[n, h, w, c] -> the same shape, and no log-determinant, as it is zero."""
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a, b + self.net(a, dtype)], dim=-1), None

    def inverse(self, y: Tensor) -> Tensor:
        """Inverse of `forward`."""
        a, b = y.chunk(2, dim=-1)
        return torch.cat([a, b - self.net(a)], dim=-1)


class AffineCoupling(nn.Module):
    """(x_a, x_b) -> (x_a, (x_b + t(x_a)) * s(x_a)) with s = sigmoid(. + 2) in (0, 1)."""

    def __init__(self, channels: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.net = CouplingNet(channels // 2, hidden, 2 * (channels - channels // 2), generator)

    def forward(self, x: Tensor, dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor | None]:
        """[n, h, w, c] -> the same shape, and the log-determinant [n] in nats."""
        a, b = x.chunk(2, dim=-1)
        raw, shift = self.net(a, dtype).chunk(2, dim=-1)
        y = torch.cat([a, (b + shift) * torch.sigmoid(raw + 2.0)], dim=-1)
        return y, F.logsigmoid(raw + 2.0).flatten(1).sum(dim=1)

    def inverse(self, y: Tensor) -> Tensor:
        """Inverse of `forward`."""
        a, b = y.chunk(2, dim=-1)
        raw, shift = self.net(a).chunk(2, dim=-1)
        return torch.cat([a, b / torch.sigmoid(raw + 2.0) - shift], dim=-1)


def coupling_layer(
    kind: str, channels: int, hidden: int, generator: torch.Generator
) -> AdditiveCoupling | AffineCoupling:
    """The coupling layer named `additive` or `affine`."""
    layer = AdditiveCoupling if kind == "additive" else AffineCoupling
    return layer(channels, hidden, generator)
