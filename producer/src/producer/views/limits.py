"""What bounds in float64 cannot be relied on for, refused before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from shared_spec.errors import ArtifactError
from shared_spec.rounding import LARGEST, TERMS

__all__ = ["require_bounds", "require_finite"]


def require_bounds(weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
    """Refuses consecutive affine layers whose rounding the bounds of this package would not cover.

    Raises:
        ArtifactError: if a value is not finite; if there are more neurons than `INFLATION` covers; if the products of
            consecutive layers' norms (largest row sums) exceed `LARGEST`, above which squares could overflow.
    """
    require_finite("weight", weights)
    require_finite("bias", biases)
    neurons = sum(len(bias) for bias in biases)
    if neurons > TERMS:
        raise ArtifactError(
            f"the network has {neurons} neurons, expected at most {TERMS}, for which rounding is bounded; "
            "train a narrower encoder"
        )
    gain = 1.0
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True), start=1):
        gain = max(gain, 1.0) * float(torch.linalg.vector_norm(weight, ord=1, dim=1).max())
        largest = max(gain, float(bias.abs().max()))
        if not largest < LARGEST:
            raise ArtifactError(
                f"the weights up to layer {layer} multiply up to {largest:.0e}, expected less than {LARGEST:.0e}: "
                "bounds in float64 would overflow; rescale the layers or train the encoder again"
            )


def require_finite(name: str, tensors: Iterable[Tensor]) -> None:
    """Raises ArtifactError, naming the tensor, if a value is not finite."""
    for index, tensor in enumerate(tensors, start=1):
        # One pass without a copy: a NaN is both extremes, an infinity one of them.
        if tensor.numel() and not all(map(math.isfinite, map(float, torch.aminmax(tensor)))):
            raise ArtifactError(
                f"{name} {index} holds a value that is not finite, so no bound exists; "
                "train the encoder or publish the spec again"
            )
