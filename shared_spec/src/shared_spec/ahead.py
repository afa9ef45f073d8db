"""Reading ahead: the next item is made while the one before is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["ahead"]

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items in the same order, one of them made in a thread before it is asked for.

    Worth its memory where making an item is arithmetic, hashing or reading, which run beside Python.

    Raises:
        Exception: whatever an item raises, in its place.
    """
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = thread.submit(_some, items)
        while found := coming.result():
            coming = thread.submit(_some, items)
            yield found[0]


def _some(items: Iterator[Item]) -> tuple[Item, ...]:
    """The next item; nothing after the last."""
    for item in items:
        return (item,)
    return ()
