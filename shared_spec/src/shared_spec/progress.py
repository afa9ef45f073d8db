"""How verbs tell how far they are: one callback for all of them, and for what they have to remark on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Advance", "Progress", "Report", "in_turn", "onward", "remark", "silent", "stage"]


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of a stage, with a word about how it goes; `total` 0 makes it a remark in words."""

    stage: str
    done: int = 0
    total: int = 0
    word: str = ""


Report: TypeAlias = Callable[[Progress], None]
"""What every verb takes as `report`."""

Advance: TypeAlias = Callable[[int, str], None]
"""What the work inside a stage calls: how many units are now done, and a word."""


def silent(_: Progress) -> None:
    """Reports to nobody."""


def stage(report: Report, name: str, total: int) -> Advance:
    """Counts the units of one stage, for work that says only how many are done; tells at once that it begins."""

    def advance(done: int, word: str = "") -> None:
        report(Progress(name, done, total, word))

    if total:
        advance(0)
    return advance


def onward(advance: Advance, before: int, word: str) -> Advance:
    """Counts on after `before` units that are done, with this word, for a part of a stage that counts from 0."""

    def more(done: int, _: str = "") -> None:
        advance(before + done, word)

    return more


def in_turn(advance: Advance, before: int, units: int, turn: int, turns: int) -> Advance:
    """Counts on after `before` units that are done, where the next `units` are gone through `turns` times.

    Args:
        advance: counts the units of the stage.
        before: done altogether.
        units: that this turn counts from 0.
        turn: which it is, from 0.
        turns: after which the units are done.
    """

    def more(done: int, word: str = "") -> None:
        advance(before + (turn * units + done) // turns, word)

    return more


def remark(report: Report, text: str) -> None:
    """Tells the user something that is no error."""
    report(Progress(text))
