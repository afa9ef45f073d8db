"""One scale of the flow."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from shared_spec.flow.config import GlowConfig
from shared_spec.flow.coupling import AdditiveCoupling, AffineCoupling, coupling_layer
from shared_spec.flow.layers import squeeze, unsqueeze
from shared_spec.flow.mixing import ChannelMixing

__all__ = ["Block"]


class Block(nn.Module):
    """One scale: squeeze, then K steps of ActNorm, 1x1 convolution and coupling.

    Args:
        channels: after the squeeze.
        config: number of steps K and kind of coupling.
        generator: of the initial weights.
    """

    def __init__(self, channels: int, config: GlowConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.mixing = ChannelMixing(config.flows, channels, generator)
        self.couplings = nn.ModuleList(
            coupling_layer(config.coupling, channels, config.hidden, generator)
            for _ in range(config.flows)
        )

    def _couplings(self) -> list[AdditiveCoupling | AffineCoupling]:
        return cast("list[AdditiveCoupling | AffineCoupling]", list(self.couplings))

    def forward(
        self, x: Tensor, dtype: torch.dtype | None = None, recompute: bool = False
    ) -> tuple[Tensor, Tensor]:
        """From x [n, 2h, 2w, c] to y [n, h, w, 4c] and the log-determinant [n] in nats.

        Args:
            x: input.
            dtype: type of the coupling networks' convolutions; that of x if not given.
            recompute: compute the coupling networks' activations again in the backward pass.
        """
        x = squeeze(x)
        maps = self.mixing.maps()
        log_det = (self.mixing.log_det() * (x.shape[1] * x.shape[2])).expand(len(x))
        # Unbound once: an index per step would cost a gradient of zeros per step.
        for coupling, matrix, offset in zip(self._couplings(), *maps, strict=True):
            x = F.linear(x, matrix, offset)
            if recompute:
                x, change = checkpoint(coupling, x, dtype, use_reentrant=False)
            else:
                x, change = coupling(x, dtype)
            if change is not None:
                log_det = log_det + change
        return x, log_det

    def inverse(self, y: Tensor) -> Tensor:
        """Inverse of `forward`: y [n, h, w, 4c] to x [n, 2h, 2w, c]."""
        matrices, offsets = self.mixing.inverse_maps()
        for step, coupling in reversed(list(enumerate(self._couplings()))):
            y = F.linear(coupling.inverse(y), matrices[step], offsets[step])
        return unsqueeze(y)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> Tensor:
        """Initialise every ActNorm on what reaches it when x enters the block; returns the block's output."""
        x = squeeze(x)
        for step, coupling in enumerate(self._couplings()):
            self.mixing.initialise(step, x)
            matrices, offsets = self.mixing.maps()
            x, _ = coupling(F.linear(x, matrices[step], offsets[step]))
        return x
