"""The rows of certificate/: what was decided about each individual in each view, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, BinaryIO

from shared_spec.artifacts.cells import Block, Kind, csv_lines, read_blocks
from shared_spec.terms import Reason, Status

__all__ = [
    "COLUMNS",
    "EARLIER",
    "FORM",
    "HEADER",
    "Row",
    "RowReader",
    "Rows",
    "read_rows",
    "rows_in",
]


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
"""Columns of the table, in order."""

_KINDS = {
    "sample_id": Kind.NAME,
    **dict.fromkeys(("d_cs", "d_rs", "witness", "epsilon"), Kind.NUMBER),
    **dict.fromkeys(("samples", "successes"), Kind.COUNT),
}
FORM = tuple((name, _KINDS.get(name, Kind.WORD)) for name in COLUMNS)
"""The columns with what their cells are."""

HEADER = ",".join(COLUMNS).encode()
"""The first line of the table as CSV, without the line feed."""

EARLIER = COLUMNS[: COLUMNS.index("epsilon")]
"""Columns of the releases that did not ask for it; their certificates are read, and verified by those releases."""

_VIEW = COLUMNS.index("view")
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

    @staticmethod
    def joined(parts: Sequence[Rows]) -> Rows:
        """The rows of one view, of which there are some in every part."""
        if len(parts) == 1:
            return parts[0]
        own = zip(*(rows._own() for rows in parts), strict=True)
        return Rows(parts[0].view, *(list(chain(*columns)) for columns in own))

    def cut(self, part: slice) -> Rows:
        """Some of the rows."""
        return Rows(self.view, *(column[part] for column in self._own()))

    def lines(self) -> list[bytes]:
        """The rows' lines of CSV without their line feeds; floats with all their digits."""
        return csv_lines(zip(*self._all(), strict=True)).split(b"\n")[:-1]

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
        return Rows.joined(found) if found else None


def _row(cells: tuple[Any, ...]) -> Row:
    who, view, label, prediction, status, reason, *rest = cells
    return Row(who, view, label, prediction, _STATUS[status], _REASON[reason], *rest)


def rows_in(
    blocks: Iterable[Block], wanted: Callable[[str], bool] = lambda view: True
) -> Iterator[Rows]:
    """The rows of a table in their order, some at a time as they are read, each time of one view.

    Args:
        blocks: of the table.
        wanted: whether rows of a view are; others are not looked at any further.

    Raises:
        ArtifactError: for a cell that is not of its column's kind.
    """
    for block in blocks:
        for view, rows in block.runs(_VIEW):
            if wanted(view):
                yield _parse(view, rows)


def read_rows(
    stream: BinaryIO, where: str, wanted: Callable[[str], bool] = lambda view: True
) -> Iterator[Rows]:
    """The rows of a CSV file, as `rows_in`; raises ArtifactError for another header, too."""
    return rows_in(read_blocks(stream, COLUMNS, where, EARLIER), wanted)


def _parse(view: str, block: Block) -> Rows:
    """Rows of one view."""
    names = COLUMNS if len(block.columns) == len(COLUMNS) else EARLIER
    columns: dict[str, Any] = dict(zip(names, block.columns, strict=True))
    columns.setdefault("epsilon", [""] * len(block))
    for name, known in (("status", _STATUS), ("reason", _REASON)):
        if not set(columns[name]) <= known.keys():
            block.refuse(columns[name], known.__contains__, f"is no {name}")
    for name, kind in FORM:
        columns[name] = block.values(columns[name], kind)
    return Rows(**columns | {"view": view})
