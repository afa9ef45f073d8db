"""A device that is not there. What is computed on it is computed here, with the same numbers, but a tensor on it says
that it lies elsewhere, does not meet one of the host's, and comes back by `to_host` alone.
"""

import sys
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

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

    def __tensor_flatten__(self):
        """Says to modules how the tensor is made up, which then exchange it whole when they are converted."""
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(held, _, size, stride):
        return FarTensor(held["held"])

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
    """Operations on tensors of the device, and those that make them there.

    Args:
        altered: what an operation [of torch.ops.aten] gives there for arguments that the host holds, or None where
            it gives what it should; a device with faults.
    """

    def __init__(self, altered=None):
        super().__init__()
        self.altered = altered

    @classmethod
    def _should_skip_dynamo(cls):
        return False  # Nothing is compiled, and importing the compiler takes seconds.

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _compute(func, args, kwargs or {}, self.altered)


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
def far_device(altered=None):
    """Within it tensors can be made on the device FAR; `altered` as in `_Operations`."""
    with _Operations(altered), _Literals():
        yield FAR


def far(tensor):
    """The same values, on the device."""
    return FarTensor(tensor.clone())


def _compute(func, args, kwargs, altered=None):
    there, here = [], []

    def held(value):
        if isinstance(value, FarTensor):
            there.append(value)
            return value.held
        if isinstance(value, Tensor) and value.ndim:
            here.append(value)
        return [held(each) for each in value] if isinstance(value, list | tuple) else value

    plain = [held(value) for value in args]
    place = kwargs.get("device")
    if func is torch.ops.aten._to_copy.default and there and place is not None and place != FAR:
        assert _called_by(to_host), "brought back, but not by to_host"
    if there and here:
        raise RuntimeError(
            f"{func} meets a tensor {tuple(there[0].shape)} there and one {tuple(here[0].shape)} of the host"
        )
    if place is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    found = altered(func, plain) if altered and there else None
    found = func(*plain, **kwargs) if found is None else found
    name = func.__name__.split(".")[0]
    if name.endswith("_") and not name.endswith("__"):  # in place
        return args[0]
    if not (there if place is None else place == FAR):
        return found
    return _placed(found)


def _placed(values):
    """What an operation returns beside or instead of one tensor."""
    if isinstance(values, Tensor):
        return FarTensor(values)
    return type(values)(map(_placed, values)) if isinstance(values, list | tuple) else values


def _called_by(function):
    frame = sys._getframe()
    while frame is not None and frame.f_code is not function.__code__:
        frame = frame.f_back
    return frame is not None
