"""Counts floating-point operations of matrix products and convolutions, oneDNN's fused product included."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["flops"]


def _fused_product(x: Sequence[int], weight: Sequence[int], *_: object, **__: object) -> int:
    """Operations of x W^T, from the shapes [rows, k] and [n, k]."""
    return 2 * x[0] * weight[0] * weight[1]


def flops(call: Callable[[], object]) -> int:
    """Floating-point operations of the convolutions and matrix products in one call."""
    mapping = {torch.ops.mkldnn._linear_pointwise: _fused_product}
    counter = FlopCounterMode(display=False, custom_mapping=mapping)
    with counter:
        call()
    return counter.get_total_flops()
