"""Problems by their cause: one wrong header or one habit of a spreadsheet makes thousands of lines of one kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Cause", "by_cause"]

_PLACES = 5
_VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|\S+\.(?:jpe?g|png|webp|bmp)\b|[0-9]+", re.IGNORECASE)


@dataclass(frozen=True)
class Cause:
    """Problems of one kind.

    Attributes:
        first: the first of them: what, where, expected, remedy.
        count: how many there are.
        others: where some of the others are.
    """

    first: str
    count: int
    others: tuple[str, ...]


def by_cause(problems: Iterable[str]) -> tuple[Cause, ...]:
    """The problems, put together where they say the same of different places, names, values and numbers.

    >>> by_cause(["m.csv:2: hair '' is no class", "m.csv:7: hair '' is no class", "split test is empty"])
    (Cause(first="m.csv:2: hair '' is no class", count=2, others=('m.csv:7',)), Cause(first='split test is empty', \
count=1, others=()))
    """
    kinds: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for line in problems:
        where, colon, what = line.partition(": ")
        kind = _VARIES.sub("…", what if colon else line)
        counts[kind] = counts.get(kind, 0) + 1
        found = kinds.setdefault(kind, [line])
        if counts[kind] > 1 and len(found) <= _PLACES:
            found.append(where)
    return tuple(
        Cause(first, counts[kind], tuple(others)) for kind, (first, *others) in kinds.items()
    )
