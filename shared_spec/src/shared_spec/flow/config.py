"""The settings that fix a flow's architecture: with them and the weights, anyone rebuilds the same function."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["GlowConfig"]


class GlowConfig(BaseModel):
    """Architecture of one Glow (paper, Sec. 4.1; Kingma and Dhariwal, 2018).

    Attributes:
        size: side S of the square RGB images, in pixels; divisible by 2^blocks.
        blocks: number of scales; every scale halves the side and quadruples the channels.
        flows: steps (ActNorm, 1x1 convolution, coupling) per scale.
        hidden: channels of the coupling networks.
        coupling: `additive` (what the paper uses: its inverse is as stable as its forward pass) or `affine`.
        bits: bits per colour channel that preprocessing keeps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    size: int = Field(ge=2, le=1024)
    blocks: int = Field(ge=1, le=8)
    flows: int = Field(ge=1, le=128)
    hidden: int = Field(ge=1, le=4096)
    coupling: Literal["additive", "affine"] = "additive"
    bits: int = Field(default=5, ge=1, le=8)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.size % 2**self.blocks:
            raise ValueError(
                f"size {self.size} is not divisible by 2^blocks = {2**self.blocks}; "
                "choose fewer blocks or another size"
            )
        return self

    @property
    def latent_dim(self) -> int:
        """Dimension q = 3 S^2 of the latents."""
        return 3 * self.size**2
