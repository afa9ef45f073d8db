"""Glow: exact encode, decode and log-likelihood of images (Kingma and Dhariwal, 2018; paper, Sec. 3 and 4.1)."""

from __future__ import annotations

from itertools import zip_longest
from typing import cast

import torch
from torch import Tensor, nn

from shared_spec.errors import ArtifactError
from shared_spec.flow.block import Block
from shared_spec.flow.config import GlowConfig
from shared_spec.flow.layers import pack, unpack
from shared_spec.flow.prior import FinalPrior, SplitPrior, gaussian_log_prob

__all__ = ["Glow"]


class Glow(nn.Module):
    """The flow G: images [n, 3, S, S] in about [-0.5, 0.5] <-> latents z [n, q], q = 3 S^2, with exact density.

    The latents are the raw outputs of the blocks (not standardised by the priors), as in the paper's
    implementation, packed first block first. `state_dict` holds plain tensors only, and
    `Glow(config, generator).load_state_dict(...)` rebuilds the same function. Every ActNorm must have seen data:
    call `initialise` once on a new flow, or load the state of a flow that was trained.

    Args:
        config: the architecture.
        generator: CPU generator of the initial weights.
    """

    def __init__(self, config: GlowConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList()
        self.split_priors = nn.ModuleList()
        self._shapes: list[tuple[int, int, int]] = []
        channels, side = 3, config.size
        for index in range(config.blocks):
            channels, side = 4 * channels, side // 2
            self.blocks.append(Block(channels, config, generator))
            if index < config.blocks - 1:
                channels //= 2
                self.split_priors.append(SplitPrior(channels))
            self._shapes.append((side, side, channels))
        self.final_prior = FinalPrior(side, side, channels)
        self._checked = False
        self.register_load_state_dict_post_hook(Glow._forget_check)  # type: ignore[no-untyped-call]

    def _forget_check(self, _: object) -> None:
        self._checked = False

    def _stages(self) -> list[tuple[Block, SplitPrior | None]]:
        """Each block with the prior of what leaves after it; none for the last."""
        stages = zip_longest(self.blocks, self.split_priors)
        return cast("list[tuple[Block, SplitPrior | None]]", list(stages))

    @property
    def initialised(self) -> bool:
        """Whether every ActNorm has been initialised; the flags are part of the state."""
        return all(bool((block.mixing.initialised == 1).all()) for block, _ in self._stages())

    def _require_initialised(self) -> None:
        # Asked once per state: reading the flags on every call would stall a device.
        if not self._checked and not self.initialised:
            raise ArtifactError(
                "flow: an ActNorm was never initialised on data, so its latents mean nothing; "
                "train the flow, or load the weights of a trained one"
            )
        self._checked = True

    def initialise(self, x: Tensor) -> None:
        """Data-dependent initialisation of every ActNorm, once in a flow's life; never done silently.

        Args:
            x: dequantised images [n, 3, S, S].

        Raises:
            ArtifactError: the flow is already initialised; a second time would silently change what it computes.
        """
        if self.initialised:
            raise ArtifactError(
                "flow: ActNorm is already initialised; build a new flow to start again"
            )
        h = x.permute(0, 2, 3, 1)
        for block, prior in self._stages():
            h = block.initialise(h)
            if prior is not None:
                h, _ = h.chunk(2, dim=-1)

    def forward(
        self, x: Tensor, coupling_dtype: torch.dtype | None = None, recompute: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Latents and exact log-likelihood.

        Args:
            x: images [n, 3, S, S], preprocessed and (for a likelihood) dequantised.
            coupling_dtype: type of the coupling networks' convolutions, e.g. bfloat16 while training; all else, and
                everything when not given, stays in the type of x.
            recompute: keep no activations of the coupling networks and compute them again in the backward pass.

        Returns:
            z [n, q] and log p(x) [n] in nats: log p(z) + log|det dz/dx|.

        Raises:
            ArtifactError: ActNorm was never initialised.
        """
        self._require_initialised()
        h = x.permute(0, 2, 3, 1)
        log_prob = x.new_zeros(len(x))
        parts: list[Tensor] = []
        for block, prior in self._stages():
            h, log_det = block(h, coupling_dtype, recompute)
            if prior is None:
                part = h
                mean, log_deviation = self.final_prior(len(h))
            else:
                h, part = h.chunk(2, dim=-1)
                mean, log_deviation = prior(h)
            log_prob = log_prob + log_det + gaussian_log_prob(part, mean, log_deviation)
            parts.append(part)
        return pack(parts), log_prob

    def encode(self, x: Tensor) -> Tensor:
        """E: images x [n, 3, S, S] -> latents z [n, q], differentiable in x.

        Raises:
            ArtifactError: ActNorm was never initialised.
        """
        self._require_initialised()
        h = x.permute(0, 2, 3, 1)
        parts: list[Tensor] = []
        for block, prior in self._stages():
            h, _ = block(h)
            if prior is not None:
                h, part = h.chunk(2, dim=-1)
                parts.append(part)
        return pack([*parts, h])

    def decode(self, latents: Tensor) -> Tensor:
        """D: latents z [n, q] -> images x [n, 3, S, S], the inverse of `encode`; differentiable in z.

        Raises:
            ArtifactError: ActNorm was never initialised.
        """
        self._require_initialised()
        parts = unpack(latents, self._shapes)
        h = parts.pop()
        for block, prior in reversed(self._stages()):
            if prior is not None:
                h = torch.cat([h, parts.pop()], dim=-1)
            h = block.inverse(h)
        return h.permute(0, 3, 1, 2).contiguous()

    def sample(self, count: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """Images drawn from the model.

        Args:
            count: how many.
            generator: of the noise, on the flow's device.
            temperature: multiplies the priors' deviations; below 1 the images are smoother.

        Returns:
            x [count, 3, S, S] in about [-0.5, 0.5].

        Raises:
            ArtifactError: ActNorm was never initialised.
        """
        self._require_initialised()
        mean, log_deviation = self.final_prior(count)
        h = _draw(mean, log_deviation, temperature, generator)
        for block, prior in reversed(self._stages()):
            if prior is not None:
                mean, log_deviation = prior(h)
                h = torch.cat([h, _draw(mean, log_deviation, temperature, generator)], dim=-1)
            h = block.inverse(h)
        return h.permute(0, 3, 1, 2).contiguous()


def _draw(
    mean: Tensor, log_deviation: Tensor, temperature: float, generator: torch.Generator
) -> Tensor:
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
    return mean + temperature * log_deviation.exp() * noise
