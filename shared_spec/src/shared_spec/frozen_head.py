"""The consumer's classifier C as the float64 function that is certified, from the weights that a certificate holds.

It stands in the contract because a producer decides with it, too: to explain a decision to the person whom it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.errors import ArtifactError, DataError
from shared_spec.relu_network import ReluNetwork

__all__ = ["FrozenHead", "check_head_tensors"]


@dataclass(frozen=True)
class FrozenHead(ReluNetwork):
    """C: R^d -> R^classes, the logits; no hidden layer for a linear head."""

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> FrozenHead:
        """The function of these weights by name, float32: as they are in float64, detached from training."""
        exact = {name: value.detach().to(torch.float64) for name, value in tensors.items()}
        count = len(exact) // 2
        return cls(
            tuple(exact[f"layers.{i}.weight"] for i in range(count)),
            tuple(exact[f"layers.{i}.bias"] for i in range(count)),
        )

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.output_dim

    def predict(self, representations: Tensor) -> Tensor:
        """Class [...] int64 of each representation [..., d]; the first of tied classes.

        Raises:
            DataError: a representation, or a logit, is not finite.
        """
        logits = self(representations)
        if not bool(torch.isfinite(logits).all()):
            raise DataError(
                "logits of the head are not finite: check the representations for NaN or overflow"
            )
        return logits.argmax(-1)


def check_head_tensors(config: HeadConfig, tensors: Mapping[str, Tensor]) -> None:
    """Whether these are the weights of such a head.

    Raises:
        ArtifactError: a tensor is missing, left over, of another shape or dtype, or not finite.
    """
    expected: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(config.widths)):
        expected[f"layers.{layer}.weight"] = (fan_out, fan_in)
        expected[f"layers.{layer}.bias"] = (fan_out,)
    if set(tensors) != set(expected):
        raise ArtifactError(
            f"head holds tensors {sorted(tensors)!s:.300}, expected {sorted(expected)!s:.300}: not the head of its"
            " description"
        )
    for name, shape in expected.items():
        found = tensors[name]
        if tuple(found.shape) != shape or found.dtype != torch.float32:
            raise ArtifactError(
                f"head tensor {name}: expected float32 {shape}, got {found.dtype} {tuple(found.shape)}"
            )
        if not bool(torch.isfinite(found).all()):
            raise ArtifactError(f"head tensor {name}: holds NaN or infinity; train the head again")
