"""Working abreast: many small pieces of work, one thread each, instead of all threads on one small piece."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

__all__ = ["abreast"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def abreast(
    work: Callable[[Item], Result], items: Iterable[Item], device: torch.device
) -> Iterator[Result]:
    """`work` of each item, in their order, on as many threads as torch may use; each of them computes alone.

    So the last bits of a product, which depend on how many threads share it, do not depend on the machine's. Worth it
    where a piece is too small for torch to divide and nearly all of it is arithmetic, which runs beside Python.

    Args:
        work: called in several threads at once, in which neither `torch.no_grad` nor autocast of the caller holds.
        items: taken as they are needed, two for each thread.
        device: where the work is done; an accelerator has one queue, so there one thread gives it all.

    Raises:
        Exception: whatever an item raises, in its place; what was begun is finished, the rest is not begun.
    """
    before = torch.get_num_threads()
    threads = before if device.type == "cpu" else 1
    running: deque[Future[Result]] = deque()
    # Threads that begin after this have the same number.
    torch.set_num_threads(1)
    try:
        if threads == 1:
            yield from map(work, items)
            return
        with ThreadPoolExecutor(threads, "abreast") as pool:
            try:
                for item in items:
                    running.append(pool.submit(work, item))
                    if len(running) == 2 * threads:
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                for future in running:
                    future.cancel()
    finally:
        torch.set_num_threads(before)
