"""What certificates need of the arithmetic of whatever computes, and how that is seen to (docs/guarantees.md, D.9).

The rounding bounds hold for sums in any order, with fused operations or without, as long as every float64 operation
rounds by 2^-53 at most. That leaves out what accelerators offer to be faster: products in fewer bits, and float64
products put together from integers, which are exact to the longest entry of a row and not to each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor

from shared_spec.device import to_host
from shared_spec.errors import SettingsError

__all__ = ["full_precision", "require_float64"]

_EMULATION = "CUBLAS_EMULATE_DOUBLE_PRECISION"
"""The variable by which cuBLAS is told to put float64 products together."""

_SIDE = 256


@contextmanager
def full_precision() -> Iterator[None]:
    """Float32 as it is stored: no TF32, no bfloat16, no autocast, whatever was set before and is set again after.

    By default cuDNN rounds what it convolves to the 11 bits of TF32, which would give an individual another latent on
    an accelerator than on a processor. Also a decorator. float64 knows none of these; see `require_float64`.
    """
    backends: Any = torch.backends
    places = (
        backends.cuda.matmul,
        backends.cudnn.conv,
        backends.mkldnn.matmul,
        backends.mkldnn.conv,
    )
    before = [place.fp32_precision for place in places]
    with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
        try:
            for place in places:
                place.fp32_precision = "ieee"
            yield
        finally:
            for place, precision in zip(places, before, strict=True):
                place.fp32_precision = precision


def require_float64(device: torch.device) -> None:
    """Makes sure, once per process, that float64 operations on this device round as IEEE 754 says.

    Raises:
        SettingsError: if products are put together, or an operation is off in a trial that has one right answer.
    """
    if device.type != "cpu" and os.environ.get(_EMULATION, "0") != "0":
        raise SettingsError(
            f"${_EMULATION} is set, so that float64 products on {device} need not round as the bounds assume: "
            "unset it, or use the device cpu"
        )
    if not _rounds_as_assumed(device):
        raise SettingsError(
            f"float64 on {device} does not round as IEEE 754 says, which every bound rests on: use the device cpu"
        )


@cache
def _rounds_as_assumed(device: torch.device) -> bool:
    """Whether operations whose result is determined to the last bit have it there."""
    place = torch.arange(_SIDE, dtype=torch.float64)
    odd = 1.0 + (2.0 * place + 1.0) * 2.0**-52
    scale = 2.0 ** -(place % 40)
    # Each sum has one term besides 2^60 times 0 and 0 times 2^-j, so it has that value in every order; fewer bits, or
    # a common exponent for a row, lose the term's last bits, or all of it.
    left = torch.cat([torch.full((_SIDE, _SIDE), 2.0**60).double(), odd.diag()], dim=1)
    right = torch.cat([torch.zeros(_SIDE, _SIDE).double(), scale.expand(_SIDE, -1)])
    product = torch.outer(odd, scale)
    there = left.to(device), right.to(device)
    zero = torch.zeros(_SIDE, dtype=torch.float64, device=device)
    products = (
        there[0] @ there[1],
        torch.addmm(zero, *there),
        (there[0][None] @ there[1][None])[0],
    )
    return all(torch.equal(to_host(found), product) for found in products) and all(
        torch.equal(to_host(operation(odd.to(device), scale.to(device))), operation(odd, scale))
        for operation in _ROUNDED
    )


_ROUNDED: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    lambda x, y: x + y,
    lambda x, y: x * (x - y),
    lambda x, y: x / (x + y),
    lambda x, y: (x + y).sqrt(),
    lambda x, y: torch.nextafter(x * y, torch.full_like(x, torch.inf)),
    lambda x, y: (x * y).to(torch.float32),
    lambda x, y: (x * y * 2.0**-110).to(torch.float32),
)
"""IEEE 754 determines every bit of these, in the last float32's subnormal numbers among them."""
