"""A device that is not there. What is computed on it is computed here, with the same numbers, but a tensor on it says
that it lies elsewhere, does not meet one of the host's, and comes back by `to_host` alone.
"""

import sys
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map, tree_map_only

from shared_spec.device import to_host

FAR = torch.device("meta")
"""torch knows this device without anybody having to build it in; its own tensors there have no values."""


class FarTensor(Tensor):
    """A tensor on the device; the host's tensor `held` has its values."""

    @staticmethod
    def __new__(cls, held):
        return Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=FAR
        )  # fmt: skip

    def __init__(self, held):
        self.held = held

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is Tensor.tolist:
            return args[0].held.tolist()
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {})


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {})


class _Literals(TorchFunctionMode):
    """torch makes tensors of numbers in one go, which the other mode does not see."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.tensor and kwargs.get("device") == FAR:
            return FarTensor(torch.tensor(*args, **{**kwargs, "device": "cpu"}))
        if func is Tensor.new_tensor and isinstance(args[0], FarTensor):
            return FarTensor(args[0].held.new_tensor(*args[1:], **kwargs))
        return func(*args, **kwargs)


@contextmanager
def far_device():
    """Within it tensors can be made on the device FAR."""
    with _Operations(), _Literals():
        yield FAR


def far(tensor):
    """The same values, on the device."""
    return FarTensor(tensor.clone())


def _compute(func, args, kwargs):
    met = []
    tree_map_only(Tensor, met.append, (args, kwargs))
    there = [tensor for tensor in met if isinstance(tensor, FarTensor)]
    place = kwargs.get("device")
    if func is torch.ops.aten._to_copy.default and there and place is not None and place != FAR:
        assert _called_by(to_host), "brought back, but not by to_host"
    here = [tensor for tensor in met if not isinstance(tensor, FarTensor) and tensor.ndim]
    if there and here:
        raise RuntimeError(
            f"{func} meets a tensor {tuple(there[0].shape)} there and one {tuple(here[0].shape)} of the host"
        )
    result_there = bool(there) if place is None else place == FAR
    if place is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    held = tree_map(lambda value: value.held if isinstance(value, FarTensor) else value, (args, kwargs))
    found = func(*held[0], **held[1])
    if func._schema.is_mutable and func._schema.name.endswith("_"):
        return args[0]
    return tree_map_only(Tensor, FarTensor, found) if result_there else found


def _called_by(function):
    frame = sys._getframe()
    while frame is not None and frame.f_code is not function.__code__:
        frame = frame.f_back
    return frame is not None
