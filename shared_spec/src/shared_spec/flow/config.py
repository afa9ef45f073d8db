"""The settings that fix a flow's architecture: with them and the weights, anyone rebuilds the same function."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, model_validator

from shared_spec.settings import Settings, setting

__all__ = ["GlowConfig"]


class GlowConfig(Settings):
    """Architecture of one Glow (paper, Sec. 4.1; Kingma and Dhariwal, 2018).

    A step is ActNorm, a 1x1 convolution and a coupling; the inverse of an additive coupling, which is what the paper
    uses, is as stable as its forward pass.
    """

    model_config = ConfigDict(strict=True)

    group: ClassVar[str] = "Architecture of the flow"

    size: int = setting(
        ..., "Side S of the square images in pixels, divisible by 2^blocks.", ge=2, le=1024
    )
    blocks: int = setting(
        ..., "Scales; each halves the side and quadruples the channels.", ge=1, le=8
    )
    flows: int = setting(..., "Steps per scale.", ge=1, le=128)
    hidden: int = setting(..., "Channels of the coupling networks.", ge=1, le=4096)
    coupling: Literal["additive", "affine"] = setting("additive", "Kind of the coupling layers.")
    bits: int = setting(5, "Bits per colour channel that preprocessing keeps.", ge=1, le=8)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.size % 2**self.blocks:
            raise ValueError(
                f"`size` {self.size} is not divisible by 2^blocks = {2**self.blocks}; "
                "choose fewer `blocks` or another size"
            )
        return self

    @property
    def latent_dim(self) -> int:
        """Dimension q = 3 S^2 of the latents."""
        return 3 * self.size**2
