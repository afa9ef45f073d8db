"""Which device computes, and the one way by which its results come back."""

from __future__ import annotations

import torch
from torch import Tensor

from shared_spec.errors import SettingsError

__all__ = ["multiplies_bf16", "open_device", "to_host"]


def open_device(name: str) -> torch.device:
    """The device `cpu` or `cuda[:N]`.

    Raises:
        SettingsError: for another kind of device, or one that this machine does not have.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise SettingsError(f"`device` is {name!r}: expected cpu or cuda[:N]")
    if device.type == "cuda":
        found = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= found:
            raise SettingsError(
                f"`device` is {name!r}: this machine has {found or 'no'} CUDA device{'s' if found > 1 else ''}; "
                "use cpu"
            )
    return device


def multiplies_bf16(device: torch.device | str) -> bool:
    """Whether the device has instructions for products of bfloat16; without them they take tens of times longer."""
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def to_host(tensor: Tensor) -> Tensor:
    """The tensor in this process's own memory, detached: whatever is stored or given to numpy goes through here."""
    return tensor.detach().to("cpu")
