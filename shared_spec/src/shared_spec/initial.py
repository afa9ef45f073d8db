"""Layers whose initial values come from a generator that is given, not from the global one."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import nn

__all__ = ["linear", "unfilled"]

Layer = TypeVar("Layer", bound=nn.Module)


def unfilled(layer: Layer) -> Layer:
    """A layer that was built on the meta device, with storage on the host, whose values are anything.

    A constructor would fill it from the global generator. The module's own `to_empty` loads symbolic algebra first,
    which takes a second.
    """
    for name, parameter in list(layer.named_parameters(recurse=False)):
        setattr(layer, name, nn.Parameter(torch.empty(parameter.shape)))
    return layer


def linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """An affine layer drawn from `generator`: weight and bias uniform in +-1/sqrt(inputs), torch's own law."""
    layer = unfilled(nn.Linear(inputs, outputs, device="meta"))
    bound = 1.0 / math.sqrt(inputs)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer
