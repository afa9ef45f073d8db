"""The consumer's classifier C, once as a module to train and once as the float64 function that is certified.

Parameters are trained and stored in float32; every certificate speaks of the function that these numbers define when
evaluated in float64 (docs/guarantees.md, A.5). `FrozenHead` is that function, and the radii take nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from shared_spec.artifacts.certificate import Certificate, load_certificate
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.frozen_head import FrozenHead, check_head_tensors
from shared_spec.initial import linear

__all__ = ["FrozenHead", "Head", "certified_head", "load_head"]


class Head(nn.Module):
    """A linear or MLP classifier on representations, to be trained in float32.

    Args:
        config: sizes, class names and noise.
        generator: source of the initial weights: uniform in +-1/sqrt(fan-in), as torch's own default.
    """

    def __init__(self, config: HeadConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(linear(a, b, generator) for a, b in pairwise(config.widths))

    def forward(self, representations: Tensor) -> Tensor:
        """Logits [n, classes] of representations [n, d], both float32."""
        *hidden, last = self.layers
        for layer in hidden:
            representations = layer(representations).clamp_min(0.0)
        logits: Tensor = last(representations)
        return logits

    def frozen(self) -> FrozenHead:
        """The certified function: these weights, in float64, detached from training."""
        return FrozenHead.of(self.state_dict())

    def tensors(self) -> dict[str, Tensor]:
        """The weights by name, float32: what head.safetensors stores."""
        return {name: value.detach().clone() for name, value in self.state_dict().items()}

    @classmethod
    def from_tensors(cls, config: HeadConfig, tensors: Mapping[str, Tensor]) -> Head:
        """The head of stored weights.

        Raises:
            ArtifactError: a tensor is missing, left over, of another shape or dtype, or not finite.
        """
        check_head_tensors(config, tensors)
        # Built only now that its size is known to be that of the file; every initial value is overwritten.
        head = cls(config, torch.Generator())
        head.load_state_dict(dict(tensors))
        return head.eval()


def load_head(certificate: Path) -> Head:
    """The head that a certificate speaks of, from its directory.

    Raises:
        ArtifactError: the certificate is missing, changed or malformed.
    """
    return certified_head(load_certificate(certificate))


def certified_head(certificate: Certificate) -> Head:
    """The head of a certificate that was loaded. Raises ArtifactError if its weights are not those described."""
    return Head.from_tensors(certificate.document.head, certificate.head)
