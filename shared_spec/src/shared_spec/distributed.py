"""Several processes under torchrun, as little as training needs: who am I, sum these gradients, wait.

Every process computes its share of each global batch; the sum of the gradients is the gradient of one process that
had the whole batch, so the number of processes changes the result by rounding only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Workers", "join_workers"]


@dataclass(frozen=True)
class Workers:
    """The processes that work together; one alone unless started by torchrun."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """The contiguous part of `count` items that is this process's; the parts differ by at most one item."""
        return slice(count * self.rank // self.world, count * (self.rank + 1) // self.world)

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor, in place, by its sum over all processes; one message for all of them."""
        if self.world == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        sizes = [tensor.numel() for tensor in tensors]
        for tensor, total in zip(tensors, torch.split(flat, sizes), strict=True):
            tensor.copy_(total.view_as(tensor))

    def agree(self, answer: bool) -> bool:
        """The first process's answer to a question that all ask at once."""
        if self.world == 1:
            return answer
        said = [answer]
        dist.broadcast_object_list(said, src=0)
        return said[0]

    def wait(self) -> None:
        """Return when every process has got here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def join_workers(device: torch.device | None = None) -> Iterator[Workers]:
    """The processes that torchrun started, or this one alone; leaves the group at the end.

    Args:
        device: what they compute on, which decides how they speak; `cuda` becomes one device per process. Unless
            given, CUDA devices are used where there are any.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Workers()
        return
    if dist.is_initialized():
        # A verb within a verb: a second group of the same processes may miss the end of the first, and wait for ever.
        yield Workers(dist.get_rank(), world)
        return
    cuda = torch.cuda.is_available() if device is None else device.type == "cuda"
    if cuda and device is not None and device.index is None:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    backend = "nccl" if cuda else "gloo"
    # The others wait while the first process trains, however long that takes.
    dist.init_process_group(backend, timeout=timedelta(days=30))
    try:
        yield Workers(dist.get_rank(), world)
    finally:
        dist.destroy_process_group()
