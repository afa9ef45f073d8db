"""Progress as a person sees it: bars on a terminal, elsewhere a line every ten seconds; with a rate and a time left.

A rate is the mean since the first report that something was done, which may be of a run that goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from shared_spec.progress import Progress, Report
from shared_spec.text import visible

__all__ = ["Pace", "as_bars", "as_lines", "duration"]

_EVERY = 10.0
"""Seconds between lines."""


@dataclass
class Pace:
    """How a stage goes, by a clock in seconds.

    Attributes:
        began: when it was first heard of.
        first: time and units of the first report that something was done.
        last: of the last one.
        total: units in all.
    """

    began: float
    first: tuple[float, int] | None = None
    last: tuple[float, int] | None = None
    total: int = 0

    def update(self, step: Progress, now: float) -> None:
        """Takes in one report."""
        self.total = step.total
        if step.done:
            self.last = (now, step.done)
            self.first = self.first or self.last

    def words(self, now: float) -> str:
        """The rate and the time left, which falls between two reports; how long it has taken where neither is known."""
        if self.first is not None and self.last is not None and self.last[1] > self.first[1]:
            rate = (self.last[1] - self.first[1]) / max(self.last[0] - self.first[0], 1e-9)
            left = (self.total - self.last[1]) / rate - (now - self.last[0])
            return f"{rate:.3g}/s, {duration(max(left, 0))} left"
        return f"{duration(now - self.began)} so far"


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(7.4), duration(80), duration(3 * 3600 + 125)
    ('7 s', '1 min 20 s', '3 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class _PaceColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        pace: Pace = task.fields["pace"]
        return Text(pace.words(time.monotonic()))


@contextmanager
def as_bars(console: Console, say: Callable[[str], None]) -> Iterator[Report]:
    """A bar per stage on this terminal; remarks go to `say`."""
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), _PaceColumn(),
        TextColumn("{task.fields[word]}", markup=False),
    )  # fmt: skip
    bars: dict[str, TaskID] = {}
    paces: dict[str, Pace] = {}
    with Bars(*columns, console=console) as shown:

        def show(step: Progress) -> None:
            if step.total == 0:
                say(step.stage)
                return
            now, name = time.monotonic(), step.stage
            if name not in bars:
                paces[name] = Pace(now)
                bars[name] = shown.add_task(
                    visible(name), total=step.total, word="", pace=paces[name]
                )
            paces[name].update(step, now)
            shown.update(bars[name], completed=step.done, total=step.total, word=visible(step.word))
            if step.done >= step.total:
                del bars[name]

        yield show


@contextmanager
def as_lines(say: Callable[[str], None]) -> Iterator[Report]:
    """A line when a stage is done, and every ten seconds one about the stage that is going on."""
    lock, over = threading.Lock(), threading.Event()
    going: dict[str, tuple[Progress, Pace]] = {}

    def show(step: Progress) -> None:
        with lock:
            if step.total == 0:
                say(step.stage)
                return
            now = time.monotonic()
            _, pace = going.pop(step.stage, (step, Pace(now)))
            pace.update(step, now)
            word = f", {step.word}" if step.word else ""
            if step.done >= step.total:
                say(f"{step.stage}: {step.total} done in {duration(now - pace.began)}{word}")
            else:
                going[step.stage] = (step, pace)

    def tell() -> None:
        while not over.wait(_EVERY):
            with lock:
                for step, pace in list(going.values())[-1:]:
                    word = f", {step.word}" if step.word else ""
                    pace_words = pace.words(time.monotonic())
                    say(f"{step.stage}: {step.done} of {step.total}, {pace_words}{word}")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield show
    finally:
        over.set()
        teller.join()
