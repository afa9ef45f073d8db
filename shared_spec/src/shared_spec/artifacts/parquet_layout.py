"""What a Parquet file of rows may look like: checked on its bytes, before a library decodes any of them.

A description is a stranger's word, and few bytes can stand for many: compression, encodings that repeat prefixes, pages
that overlap. So nothing is compressed, pages are plain or point into one dictionary, and every byte of the file belongs
to one page of one column. What is then decoded is as large as what was read, up to `GROUP_ROWS` indices per column.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from shared_spec.artifacts.cells import Form, Kind
from shared_spec.artifacts.reading import DOCUMENT_BYTES, open_regular
from shared_spec.artifacts.thrift import Fields, ThriftReader

__all__ = [
    "DICTIONARIES",
    "GROUP_BYTES",
    "GROUP_ROWS",
    "MAGIC",
    "Chunk",
    "Group",
    "check_pages",
    "ending",
    "find_footer",
    "read_footer",
]

MAGIC = b"PAR1"

GROUP_ROWS = 2**15
"""Rows of every row group but the last, which has the rest."""

GROUP_BYTES = 2**27
"""Most bytes of a row group."""

PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
_DATA, _DICTIONARY = 0, 2
_VALUES = 64
DICTIONARIES = (Kind.WORD, Kind.COUNT)
"""Columns that may have one."""

_TYPES = {Kind.NAME: 6, Kind.WORD: 6, Kind.NUMBER: 5, Kind.COUNT: 2}


class Chunk(NamedTuple):
    """One column in one row group: where its bytes are, and where those behind its dictionary."""

    start: int
    end: int
    data: int


@dataclass(frozen=True)
class Group:
    """A row group: how many rows, and its columns."""

    rows: int
    chunks: Sequence[Chunk]

    @property
    def start(self) -> int:
        """Where its bytes begin in the file."""
        return self.chunks[0].start

    @property
    def end(self) -> int:
        """Where they end."""
        return self.chunks[-1].end


def find_footer(path: Path) -> tuple[bytes, int]:
    """The description at the end of a file, and where it begins.

    Raises:
        ValueError: there is none.
        ArtifactError: there is no such regular file.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - len(ending(b""))))
        tail = file.read(len(ending(b"")))
        start = size - len(tail) - int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or not max(len(MAGIC), size - DOCUMENT_BYTES) <= start:
            raise ValueError("no Parquet file, or truncated")
        file.seek(start)
        return file.read(size - len(tail) - start), start


def ending(footer: bytes) -> bytes:
    """How a file with this description ends."""
    return footer + len(footer).to_bytes(4, "little") + MAGIC


def read_footer(footer: bytes, columns: Form, rows: int, end: int) -> list[Group]:
    """The row groups that a file's description speaks of, once they fill it.

    Args:
        footer: the description.
        columns: of the table, in order.
        rows: how many there must be.
        end: where the description begins in the file.

    Raises:
        ValueError: it is no such description.
    """
    groups: list[Group] = []

    def add(found: Fields) -> None:
        there = min(GROUP_ROWS, rows - GROUP_ROWS * len(groups))
        start = groups[-1].end if groups else len(MAGIC)
        if there <= 0:
            raise ValueError("more row groups than rows")
        groups.append(_group(found, columns, there, start))

    reader = ThriftReader(footer, 0, len(footer), _VALUES * (len(columns) + 1))
    found = reader.struct((4, add))
    _expect("fields", set(found) - {7}, {1, 2, 3, 4, 6})  # 7: the order of the columns' values
    _expect("rows", found[3], rows)
    _expect("columns", len(found[2]), len(columns) + 1)
    _expect("row groups", (found[4], len(groups)), 2 * (-(-rows // GROUP_ROWS),))
    _expect("the end of the last row group", groups[-1].end if groups else len(MAGIC), end)
    _expect("bytes of the description", reader.at, len(footer))
    return groups


def _group(found: Fields, columns: Form, rows: int, start: int) -> Group:
    _expect("rows of a row group", found.get(3), rows)
    _expect("columns of a row group", len(found.get(1, [])), len(columns))
    chunks = []
    for column, (name, kind) in zip(found[1], columns, strict=True):
        chunk = _chunk(column, name, kind, rows, start)
        chunks.append(chunk)
        start = chunk.end
    group = Group(rows, chunks)
    if group.end - group.start > GROUP_BYTES:
        raise ValueError(f"a row group has more than {GROUP_BYTES} bytes")
    return group


def _chunk(found: Fields, name: str, kind: Kind, rows: int, start: int) -> Chunk:
    _expect(f"{name}: fields of a column", set(found), {2, 3})  # 2: an offset that means nothing
    about = found[3]
    # 13, 16: how many pages of each encoding, and the sizes of what they hold, which only planners read.
    allowed = {1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 16}
    _expect(f"{name}: fields", set(about) - allowed, set())
    _expect(f"{name}: type", about.get(1), _TYPES[kind])
    _expect(f"{name}: path", about.get(3), [name.encode()])
    _expect(f"{name}: compression", about.get(4), 0)
    _expect(f"{name}: values", about.get(5), rows)
    _expect(f"{name}: bytes", about.get(6), about.get(7))
    first = about.get(11, about.get(9))
    if first != start or about[9] < first or ((11 in about) and kind not in DICTIONARIES):
        raise ValueError(f"{name}: its pages are not where they belong")
    if not 0 < about[7] <= GROUP_BYTES or not start <= about[9] < start + about[7]:
        raise ValueError(f"{name}: its pages do not fit")
    return Chunk(start, start + about[7], about[9])


def check_pages(content: bytes, group: Group) -> None:
    """Whether the bytes of a row group are pages that are as large as they say.

    Raises:
        ValueError: they are not.
    """
    for chunk in group.chunks:
        at, end, values = chunk.start - group.start, chunk.end - group.start, 0
        while at < end:
            reader = ThriftReader(content, at, end, _VALUES)
            page = reader.struct()
            size = page.get(3)
            _expect("bytes of a page", page.get(2), size)
            if size is None or not 0 <= size <= end - reader.at:
                raise ValueError("a page that does not fit")
            before = at < chunk.data - group.start
            values += _page(page, group.rows, before)
            if values > group.rows:  # at once: pages can be many and small
                raise ValueError("values of a column: more than rows")
            at = reader.at + size
            if before and at != chunk.data - group.start:
                raise ValueError("something beside a dictionary")
        _expect("values of a column", values, group.rows)


def _page(page: Fields, rows: int, dictionary: bool) -> int:
    """How many values a page adds to its column."""
    if dictionary:
        about = page.get(7, {})
        _expect("fields of a dictionary", set(page) - {4}, {1, 2, 3, 7})
        _expect("a dictionary", (page[1], about.get(2)), (_DICTIONARY, PLAIN))
        if not 0 <= about.get(1, -1) <= rows:
            raise ValueError("a dictionary of more words than rows")
        return 0
    about = page.get(5, {})
    _expect("fields of a page", set(page) - {4}, {1, 2, 3, 5})
    _expect("a page", (page[1], about.get(3), about.get(4)), (_DATA, RLE, RLE))
    _expect("fields of its values", set(about) - {5}, {1, 2, 3, 4})  # 5: statistics
    if about[2] not in (PLAIN, RLE_DICTIONARY) or not 0 < about[1] <= rows:
        raise ValueError("an encoding or a number of values that is not read here")
    return int(about[1])


def _expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{what}: {found!r:.100}, expected {expected!r:.100}")
