"""Rows column by column, and CSV as artefacts hold it: UTF-8, one header, as many cells in every row, printable text.

A file is read some lines at a time. No cell can hold a line feed, so a line is a row.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from typing import Any, BinaryIO, NoReturn, TypeAlias

from shared_spec.errors import ArtifactError
from shared_spec.text import is_printable

__all__ = ["Block", "Form", "Kind", "csv_lines", "read_blocks", "whole_lines"]

_PIECE = 2**20
"""Bytes that are read at once, and of the longest line."""

_REMEDY = "ask for the artefact again"

_NUMBERS = re.compile(r"(?:(?:-?[0-9]++(?:\.[0-9]++)?(?:e[+-]?[0-9]++)?|inf)?\n)*+")
_COUNTS = re.compile(r"(?:(?:0|[1-9][0-9]{0,14})\n)*+")


class Kind(Enum):
    """What the cells of a column are."""

    NAME = "text that differs from row to row"
    WORD = "one of few texts"
    NUMBER = "a float, or nothing"
    COUNT = "an integer from 0 to 10^15 - 1"


Form: TypeAlias = Sequence[tuple[str, Kind]]
"""The columns of a table in order, and what their cells are."""


@dataclass(frozen=True)
class Block:
    """Rows that stand one after the other, at least one, column by column.

    Attributes:
        where: what to call the file.
        first: number of the first line, from 1; of a table without lines as if it had them.
        columns: as many as the header has, of one cell [n] for each row.
        spelled: whether numbers are still text, as CSV has them.
    """

    where: str
    first: int
    columns: Sequence[list[Any]]
    spelled: bool = True

    def __len__(self) -> int:
        return len(self.columns[0])

    def cut(self, start: int, end: int) -> Block:
        """The rows from the `start`-th up to the `end`-th."""
        columns = [column[start:end] for column in self.columns]
        return replace(self, first=self.first + start, columns=columns)

    def runs(self, column: int) -> Iterator[tuple[str, Block]]:
        """The rows in parts that have the same in this column, each with that."""
        end = 0
        for value, cells in groupby(self.columns[column]):
            start, end = end, end + len(list(cells))
            yield value, self.cut(start, end)

    def values(self, column: Sequence[Any], kind: Kind) -> Sequence[Any]:
        """A column of this kind. Raises ArtifactError for a cell that is of another."""
        if kind == Kind.NUMBER:
            return self.numbers(column)
        return self.counts(column) if kind == Kind.COUNT else column

    def numbers(self, column: Sequence[Any]) -> list[float | None]:
        """A column of `Kind.NUMBER`. Raises ArtifactError for a cell that is none."""
        if not self.spelled:
            return list(column)
        self._check(column, _NUMBERS, "is no number")
        found = [float(cell) if cell else None for cell in column]
        pairs = zip(column, found, strict=True)
        beyond = {cell for cell, value in pairs if value is not None and math.isinf(value)} - {
            "inf"
        }
        if beyond:
            self.refuse(column, lambda cell: cell not in beyond, "is beyond all numbers")
        return found

    def counts(self, column: Sequence[Any]) -> list[int]:
        """A column of `Kind.COUNT`. Raises ArtifactError for a cell that is none."""
        if not self.spelled:
            return list(column)
        self._check(column, _COUNTS, "is no count")
        return list(map(int, column))

    def _check(self, column: Sequence[str], form: re.Pattern[str], what: str) -> None:
        """Raises ArtifactError unless every cell of the column is of a form, each with a line feed after it."""
        if not form.fullmatch("\n".join([*column, ""])):
            self.refuse(column, lambda cell: bool(form.fullmatch(f"{cell}\n")), what)

    def refuse(self, column: Sequence[str], right: Callable[[str], bool], what: str) -> NoReturn:
        """Raises ArtifactError about the first cell that is not right: that it `what`."""
        at = next(n for n, cell in enumerate(column) if not right(cell))
        error = f"cannot be read ({column[at]!r:.100} {what})"
        raise ArtifactError(f"{self.where}:{self.first + at}: {error}; {_REMEDY}")


def csv_lines(rows: Iterable[Iterable[object]]) -> bytes:
    """The lines of rows, each with its line feed; floats with all their digits, nothing for None."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def whole_lines(stream: BinaryIO, where: str) -> Iterator[bytes]:
    """The bytes of a file in pieces that end where lines end. Raises ArtifactError for a line beyond all measure."""
    rest = b""
    while piece := stream.read(_PIECE):
        first, end = piece.find(b"\n"), piece.rfind(b"\n") + 1
        if len(rest) + (first if end else len(piece)) > _PIECE:
            raise ArtifactError(f"{where}: a line is longer than {_PIECE} bytes; {_REMEDY}")
        if end:
            yield rest + piece[:end]
            rest = b""
        rest += piece[end:]
    if rest:
        yield rest


def read_blocks(
    stream: BinaryIO, header: Sequence[str], where: str, earlier: Sequence[str] = ()
) -> Iterator[Block]:
    """The rows after the header, some at a time as they are read.

    Args:
        stream: the file.
        header: of the table.
        where: what to call it.
        earlier: another header that is read as well.

    Raises:
        ArtifactError: for another header, a row of another length, or bytes that are no such table.
    """
    line = 1
    for piece in whole_lines(stream, where):
        text = _decoded(piece, where, line)
        if line == 1:
            first, _, text = text.partition("\n")
            found = _quoted([first], where, 1)[0]
            if found not in (list(header), list(earlier)):
                raise ArtifactError(
                    f"{where}: header is {found!s:.200}, expected {list(header)}; {_REMEDY}"
                )
            width, line = len(found), 2
        if text:
            block = Block(where, line, _columns(text, width, where, line))
            yield block
            line += len(block)
    if line == 1:
        raise ArtifactError(f"{where}: is empty, expected the header {list(header)}; {_REMEDY}")


def _decoded(piece: bytes, where: str, first: int) -> str:
    """Text that ends with a line feed."""
    try:
        return piece.decode().removesuffix("\n") + "\n"
    except UnicodeDecodeError as error:
        line = first + piece.count(b"\n", 0, error.start)
        raise _unreadable(where, line, error) from error


def _columns(text: str, width: int, where: str, first: int) -> list[list[str]]:
    """The cells of lines that all have `width` of them, column by column."""
    if '"' not in text and is_printable(text.replace("\n", "")):
        # A cell of its own for each line feed: where every other one stands in its place, no row is longer or shorter.
        cells = text.replace("\n", ",\n,").split(",")
        feeds = cells[width :: width + 1]
        if len(feeds) == text.count("\n") and set(feeds) == {"\n"}:
            return [cells[column : -1 : width + 1] for column in range(width)]
    rows = _quoted(text.removesuffix("\n").split("\n"), where, first)
    for line, row in enumerate(rows, first):
        if len(row) != width:
            raise ArtifactError(f"{where}:{line}: {len(row)} cells, expected {width}; {_REMEDY}")
        if not is_printable("".join(row)):
            raise ArtifactError(f"{where}:{line}: a cell holds control characters; {_REMEDY}")
    return list(map(list, zip(*rows, strict=True)))


def _quoted(lines: Sequence[str], where: str, first: int) -> list[list[str]]:
    """The cells of lines in which some may be quoted, or which end as on another system."""
    rows = []
    for number, line in enumerate(lines, first):
        try:
            rows.append(next(csv.reader([line], strict=True), []))
        except csv.Error as error:
            raise _unreadable(where, number, error) from error
    return rows


def _unreadable(where: str, line: int, error: Exception) -> ArtifactError:
    return ArtifactError(f"{where}:{line}: cannot be read ({error}); {_REMEDY}")
