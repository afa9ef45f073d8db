"""individuals.csv of certificate/: what was decided about each individual in each view, and the numbers behind it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from shared_spec.artifacts.cells import read_cells
from shared_spec.errors import ArtifactError
from shared_spec.terms import Reason, Status

__all__ = ["COLUMNS", "Row", "format_rows", "read_rows"]


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

_EARLIER_LINE = (",".join(_EARLIER) + "\n").encode()

_cells = attrgetter(*COLUMNS)


def _number(cell: str) -> float | None:
    if not cell:
        return None
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?|inf", cell):
        raise ValueError(f"{cell!r:.100} is no number")
    return float(cell)


def _count(cell: str) -> int:
    if not re.fullmatch(r"[0-9]{1,15}", cell):
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


def format_rows(rows: Iterable[Row]) -> bytes:
    """The file's bytes; floats are written with all their digits, so nothing is rounded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_cells, rows))
    return text.getvalue().encode()


def read_rows(content: bytes, where: str) -> tuple[Row, ...]:
    """The rows of the file's bytes, in their order.

    Raises:
        ArtifactError: for another header, or a cell that is not of its column's kind.
    """
    header = _EARLIER if content.startswith(_EARLIER_LINE) else COLUMNS
    parsers = [_READ.get(column, str) for column in header]
    rows = []
    for line, cells in enumerate(read_cells(content, header, where), 2):
        try:
            rows.append(Row(*(parse(cell) for parse, cell in zip(parsers, cells, strict=True))))
        except ValueError as error:
            raise ArtifactError(
                f"{where}:{line}: cannot be read ({error}); ask for the artefact again"
            ) from error
    return tuple(rows)
