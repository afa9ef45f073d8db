"""Ctrl-C: what is kept, and that it comes between two steps of work that can be saved there."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["deferred", "kept"]


@contextmanager
def kept(words: Callable[[], str]) -> Iterator[None]:
    """Gives an interruption inside the words of what is kept by then and of what the same command will do.

    Inner words win.
    """
    try:
        yield
    except KeyboardInterrupt as found:
        if found.args:
            raise
        raise KeyboardInterrupt(words()) from None


@contextmanager
def deferred() -> Iterator[Callable[[], bool]]:
    """Inside, the first Ctrl-C only makes what is returned true, and the second acts at once.

    Where there is no main thread or somebody else has taken the signal, nothing is deferred.
    """
    asked = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or (
        before is not signal.default_int_handler
    ):
        yield asked.is_set
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            signal.default_int_handler(number, frame)
        asked.set()

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
