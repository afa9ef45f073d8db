"""individuals.csv of certificate/: what was decided about each individual in each view, and the numbers behind it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, BinaryIO

from shared_spec.artifacts.cells import Block, read_blocks
from shared_spec.terms import Reason, Status

__all__ = ["COLUMNS", "HEADER", "Row", "RowReader", "Rows", "read_rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """One individual in one view.

    Attributes:
        sample_id: who.
        view: whose claim it belongs to.
        label: class name; empty where unknown.
        prediction: class name; empty where the model abstained.
        status: what was decided.
        reason: why not certified.
        d_cs: the producer's radius; None where there is none.
        d_rs: the head's certified radius around the centre, rounded down; None where only the decision was made.
        method: how it was decided.
        samples: noisy samples behind a sampled decision.
        successes: those among them on which the prediction won.
        witness: where in the similarity set somebody is decided otherwise, in the unit of the bundle's `place`; None
            where nobody is known.
        epsilon: the largest epsilon that is known to be certified, the spec's at most, rounded down; None where none
            is known.
    """

    sample_id: str
    view: str
    label: str
    prediction: str
    status: Status
    reason: Reason
    d_cs: float | None
    d_rs: float | None
    method: str
    samples: int
    successes: int
    witness: float | None = None
    epsilon: float | None = None


COLUMNS = tuple(field.name for field in fields(Row))
"""Columns of individuals.csv, in order."""

HEADER = ",".join(COLUMNS).encode()
"""The first line of individuals.csv, without the line feed."""

_EARLIER = COLUMNS[: COLUMNS.index("epsilon")]
"""Columns of the releases that did not ask for it; their certificates are read, and verified by those releases."""

_STATUS = {status.value: status for status in Status}
_REASON = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class Rows:
    """Some individuals' rows in one view, column by column; the columns [n] are those of `Row`."""

    view: str
    sample_id: Sequence[str]
    label: Sequence[str]
    prediction: Sequence[str]
    status: Sequence[str]
    reason: Sequence[str]
    d_cs: Sequence[float | None]
    d_rs: Sequence[float | None]
    method: Sequence[str]
    samples: Sequence[int]
    successes: Sequence[int]
    witness: Sequence[float | None]
    epsilon: Sequence[float | None]

    def __len__(self) -> int:
        return len(self.sample_id)

    def __iter__(self) -> Iterator[Row]:
        return map(_row, zip(*self._all(), strict=True))

    def at(self, places: Iterable[int]) -> list[Row]:
        """The rows that stand at these places."""
        columns = self._all()
        return [_row(tuple(column[place] for column in columns)) for place in places]

    def cut(self, part: slice) -> Rows:
        """Some of the rows."""
        return Rows(self.view, *(column[part] for column in self._own()))

    def lines(self) -> list[bytes]:
        """The rows' lines of individuals.csv without their line feeds; floats with all their digits."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(zip(*self._all(), strict=True))
        return text.getvalue().encode().split(b"\n")[:-1]

    def columns(self) -> dict[str, Sequence[Any]]:
        """All columns by name, in their order."""
        return dict(zip(COLUMNS, self._all(), strict=True))

    def _own(self) -> list[Sequence[Any]]:
        return [getattr(self, name) for name in COLUMNS if name != "view"]

    def _all(self) -> list[Sequence[Any]]:
        who, *others = self._own()
        return [who, [self.view] * len(self), *others]


class RowReader:
    """Takes the rows of one view some at a time.

    Args:
        parts: the rows, in order.
    """

    def __init__(self, parts: Iterator[Rows]) -> None:
        self._parts = parts
        self._left: Rows | None = None

    def take(self, count: int) -> Rows | None:
        """The next rows, fewer where there are no more; None for none at all."""
        found: list[Rows] = []
        while count and (rows := self._left or next(self._parts, None)) is not None:
            found.append(rows.cut(slice(count)))
            self._left = rows.cut(slice(count, None)) if len(rows) > count else None
            count -= len(found[-1])
        if len(found) < 2:
            return found[0] if found else None
        own = zip(*(rows._own() for rows in found), strict=True)
        return Rows(found[0].view, *(list(chain(*columns)) for columns in own))


def _row(cells: tuple[Any, ...]) -> Row:
    who, view, label, prediction, status, reason, *rest = cells
    return Row(who, view, label, prediction, _STATUS[status], _REASON[reason], *rest)


def read_rows(
    stream: BinaryIO, where: str, wanted: Callable[[str], bool] = lambda view: True
) -> Iterator[Rows]:
    """The rows of the file in their order, some at a time as they are read, each time of one view.

    Args:
        stream: the file.
        where: what to call it.
        wanted: whether rows of a view are; others are not looked at any further.

    Raises:
        ArtifactError: for another header, or a cell that is not of its column's kind.
    """
    for block in read_blocks(stream, COLUMNS, where, _EARLIER):
        for view, rows in block.runs(COLUMNS.index("view")):
            if wanted(view):
                yield _parse(view, rows)


def _parse(view: str, block: Block) -> Rows:
    """Rows of one view."""
    names = COLUMNS if len(block.columns) == len(COLUMNS) else _EARLIER
    columns: dict[str, Any] = dict(zip(names, block.columns, strict=True))
    columns.setdefault("epsilon", [""] * len(block))
    for name, known in (("status", _STATUS), ("reason", _REASON)):
        if not set(columns[name]) <= known.keys():
            block.refuse(columns[name], known.__contains__, f"is no {name}")
    for name in ("d_cs", "d_rs", "witness", "epsilon"):
        _check(block, columns[name], _NUMBERS, "number")
        columns[name] = [float(cell) if cell else None for cell in columns[name]]
    for name in ("samples", "successes"):
        _check(block, columns[name], _COUNTS, "count")
        columns[name] = list(map(int, columns[name]))
    return Rows(**columns | {"view": view})


_NUMBERS = re.compile(r"(?:(?:-?[0-9]++(?:\.[0-9]++)?(?:e[+-]?[0-9]++)?|inf)?\n)*+")
_COUNTS = re.compile(r"([0-9]{1,15}\n)*+")


def _check(block: Block, column: Sequence[str], form: re.Pattern[str], kind: str) -> None:
    """Raises ArtifactError unless every cell of the column is of a form, each with a line feed after it."""
    if not form.fullmatch("\n".join([*column, ""])):
        what = f"is no {kind}"
        block.refuse(column, lambda cell: bool(form.fullmatch(f"{cell}\n")), what)
