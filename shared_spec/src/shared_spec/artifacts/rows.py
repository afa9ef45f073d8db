"""individuals.csv of certificate/: what was decided about each individual in each view, and the numbers behind it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, BinaryIO

from shared_spec.artifacts.cells import read_cells
from shared_spec.errors import ArtifactError
from shared_spec.terms import Reason, Status

__all__ = ["COLUMNS", "Row", "RowWriter", "cells_of", "format_rows", "read_rows"]


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

_EARLIER = COLUMNS[: COLUMNS.index("epsilon")]
"""Those of the releases that did not ask for it; their certificates are read, and verified by those releases."""

cells_of: Callable[[Row], tuple[Any, ...]] = attrgetter(*COLUMNS)
"""What stands in a row's line, in the order of the columns."""


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?|inf")
_COUNT = re.compile(r"[0-9]{1,15}")


def _number(cell: str) -> float | None:
    if not cell:
        return None
    if not _NUMBER.fullmatch(cell):
        raise ValueError(f"{cell!r:.100} is no number")
    return float(cell)


def _count(cell: str) -> int:
    if not _COUNT.fullmatch(cell):
        raise ValueError(f"{cell!r:.100} is no count")
    return int(cell)


_READ: Mapping[str, Callable[[str], Any]] = {
    "status": Status,
    "reason": Reason,
    "d_cs": _number,
    "d_rs": _number,
    "samples": _count,
    "successes": _count,
    "witness": _number,
    "epsilon": _number,
}


class RowWriter:
    """Writes the file, row by row; floats are written with all their digits, so nothing is rounded.

    Args:
        stream: an empty file; it stays open.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._text = io.TextIOWrapper(stream, "utf-8", newline="")
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def write(self, rows: Iterable[Row]) -> None:
        """More rows."""
        self._writer.writerows(map(cells_of, rows))

    def finish(self) -> None:
        """Hands the stream back, with all rows in it; nothing can be written after."""
        self._text.flush()
        self._text.detach()


def format_rows(rows: Iterable[Row]) -> bytes:
    """The bytes of the file that holds these rows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(cells_of, rows))
    return text.getvalue().encode()


def read_rows(stream: BinaryIO, where: str) -> Iterator[Row]:
    """The rows of the file in their order, as they are read.

    Raises:
        ArtifactError: for another header, or a cell that is not of its column's kind.
    """
    parsers = [(index, _READ[column]) for index, column in enumerate(COLUMNS) if column in _READ]
    for line, found in enumerate(read_cells(stream, COLUMNS, where, _EARLIER), 2):
        cells: list[Any] = list(found)
        try:
            for index, parse in parsers[: len(cells) - len(COLUMNS) or None]:
                cells[index] = parse(cells[index])
        except ValueError as error:
            raise ArtifactError(
                f"{where}:{line}: cannot be read ({error}); ask for the artefact again"
            ) from error
        yield Row(*cells)
