"""Whether stored weights are those of a flow, before one is built: a short description may ask for terabytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared_spec.errors import ArtifactError
from shared_spec.flow.config import GlowConfig

if TYPE_CHECKING:
    from torch import Tensor

    from shared_spec.artifacts.arrays import Array

__all__ = ["check_stored"]


def check_stored(config: GlowConfig, weights: Mapping[str, Array | Tensor], where: str) -> None:
    """Checks the shapes of the weights that the others are never much larger than: per step h^2 and c^2 numbers.

    Raises:
        ArtifactError: they are not there, or of another shape. What passes is built in a few times the memory that
            the weights take, and is then compared with them tensor by tensor.
    """
    for block in range(config.blocks):
        channels = 12 * 2**block
        expected = {f"blocks.{block}.mixing.lower": (config.flows, channels, channels)} | {
            f"blocks.{block}.couplings.{step}.net.weight2": (config.hidden, config.hidden, 1, 1)
            for step in range(config.flows)
        }
        for name, shape in expected.items():
            found = tuple(weights[name].shape) if name in weights else "nothing"
            if found != shape:
                raise ArtifactError(
                    f"{where}: weights do not fit their description: {name} should be {shape}, is {found}"
                )
