"""Rows in Parquet: written in row groups of a fixed size, read group by group as they are hashed.

pyarrow is loaded when the first of such files is; it is an extra, which small tables do without.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from shared_spec.artifacts.cells import Block, Form, Kind
from shared_spec.artifacts.parquet_cells import cells_of
from shared_spec.artifacts.parquet_layout import (
    DICTIONARIES,
    GROUP_BYTES,
    GROUP_ROWS,
    MAGIC,
    check_pages,
    ending,
    find_footer,
    read_footer,
)
from shared_spec.errors import ArtifactError, SettingsError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_groups", "require_pyarrow", "write_csv_groups", "write_groups"]


def require_pyarrow(what: str) -> None:
    """Raises SettingsError, which says how to get it, unless pyarrow is installed."""
    try:
        import pyarrow.parquet  # noqa: F401 - what matters is whether it can be
    except ImportError:
        raise SettingsError(
            f"{what}: Parquet needs pyarrow; install it with pip install 'lassi-shared-spec[parquet]'"
        ) from None


def _schema(columns: Form) -> pa.Schema:
    import pyarrow as pa

    types = {Kind.NUMBER: pa.float64(), Kind.COUNT: pa.int64()}
    if len({name for name, _ in columns}) < len(columns):
        raise ValueError("a column stands twice")
    return pa.schema(
        pa.field(name, types.get(kind, pa.string()), nullable=kind == Kind.NUMBER)
        for name, kind in columns
    )


def write_groups(
    stream: BinaryIO, columns: Form, blocks: Iterable[Sequence[Sequence[Any]]]
) -> None:
    """Writes a table, whose bytes depend on its rows and the version of pyarrow alone.

    Args:
        stream: an empty file.
        columns: of the table.
        blocks: the rows in their order, some at a time, column by column.
    """
    import pyarrow as pa

    schema = _schema(columns)

    def arrays(block: Sequence[Sequence[Any]]) -> list[pa.Array]:
        return [pa.array(cells, field.type) for cells, field in zip(block, schema, strict=True)]

    tables = (pa.Table.from_arrays(arrays(block), schema=schema) for block in blocks)
    _write(stream, columns, schema, tables)


def write_csv_groups(
    stream: BinaryIO, columns: Form, header: bytes, pieces: Iterable[Sequence[bytes]]
) -> None:
    """As `write_groups`, from lines of CSV that were written here.

    Args:
        stream: an empty file.
        columns: of the table.
        header: its first line as CSV, with the line feed.
        pieces: the other lines, without theirs, some at a time.
    """
    from pyarrow import csv

    schema = _schema(columns)
    reading = csv.ReadOptions(use_threads=False, block_size=2**27)
    types = csv.ConvertOptions(column_types=schema, null_values=[""])

    def table(lines: Sequence[bytes]) -> pa.Table:
        text = io.BytesIO(b"\n".join([header[:-1], *lines, b""]))
        return csv.read_csv(text, reading, convert_options=types).cast(schema)

    _write(stream, columns, schema, (table(lines) for lines in pieces if lines))


def _write(stream: BinaryIO, columns: Form, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    from pyarrow.parquet import ParquetWriter

    few = [name for name, kind in columns if kind in DICTIONARIES]
    writer = ParquetWriter(
        stream, schema, compression="none", use_dictionary=few, write_statistics=False, store_schema=False,
        version="2.6", data_page_version="1.0", write_page_checksum=True, write_batch_size=1024,
    )  # fmt: skip
    with writer:
        for group in _grouped(tables):
            if group.nbytes > GROUP_BYTES:
                raise SettingsError(
                    f"{group.num_rows} rows take {group.nbytes} bytes, expected at most {GROUP_BYTES}; shorten the ids"
                )
            writer.write_table(group, row_group_size=GROUP_ROWS)


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, `GROUP_ROWS` at a time, in one piece each: where pages end follows from where arrays end."""
    import pyarrow as pa

    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= GROUP_ROWS:
            rest = pa.concat_tables(held)
            while len(rest) >= GROUP_ROWS:
                yield rest.slice(0, GROUP_ROWS).combine_chunks()
                rest = rest.slice(GROUP_ROWS)
            held = [rest]
    if sum(map(len, held)):
        yield pa.concat_tables(held).combine_chunks()


def read_groups(stream: BinaryIO, path: Path, columns: Form, rows: int) -> Iterator[Block]:
    """The rows of a file, one row group at a time; nothing of it is decoded before `parquet_layout` has checked it.

    Args:
        stream: the file, from its beginning; all of it is read, once.
        path: of it, where its description is read first; its bytes are compared with those of the stream.
        columns: of the table.
        rows: how many there must be.

    Raises:
        ArtifactError: for another table, or bytes that are none.
        SettingsError: pyarrow is not installed.
    """
    where = str(path)
    require_pyarrow(where)
    try:
        footer, end = find_footer(path)
        groups = read_footer(footer, columns, rows, end)
        window = _Window(end + len(ending(footer)))
        opened = _open(window, footer, columns)
    except _faults() as error:
        raise _unreadable(where, error) from error
    if stream.read(len(MAGIC)) != MAGIC:
        raise _unreadable(where, ValueError("no Parquet file"))
    done = 0
    for number, group in enumerate(groups):
        content = stream.read(group.end - group.start)
        try:
            check_pages(content, group)
            window.hold(group.start, content)
            table = opened.read_row_group(number, use_threads=False)
            found = [
                cells_of(name, kind, table.column(at).chunks)
                for at, (name, kind) in enumerate(columns)
            ]
            if any(len(cells) != group.rows for cells in found):
                raise ValueError("columns of different lengths")
        except _faults() as error:
            raise _unreadable(where, error) from error
        yield Block(where, done + 2, found, spelled=False)
        done += group.rows
    if stream.read() != ending(footer):
        raise _unreadable(where, ValueError("it was changed while it was read"))


def _open(window: _Window, footer: bytes, columns: Form) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Opens what the window will show. Raises ValueError for other columns."""
    from pyarrow import BufferReader
    from pyarrow.parquet import ParquetFile, read_metadata

    about = read_metadata(BufferReader(MAGIC + ending(footer)))
    if about.schema.to_arrow_schema() != _schema(columns):
        names = ", ".join(name for name, _ in columns)
        raise ValueError(f"its columns are not {names} of their types")
    words = [name for name, kind in columns if kind == Kind.WORD]
    return ParquetFile(
        window, metadata=about, read_dictionary=words, pre_buffer=False, page_checksum_verification=True
    )  # fmt: skip


class _Window(io.RawIOBase):
    """A file of which only the bytes are there that were read and checked last."""

    def __init__(self, size: int) -> None:
        self._size, self._at, self._start, self._content = size, 0, 0, memoryview(b"")

    def hold(self, start: int, content: bytes) -> None:
        """These bytes are there from now on, from `start` on in the file."""
        self._start, self._content = start, memoryview(content)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer; Python 3.11 has no name for it
        first = self._at - self._start
        if not 0 <= first <= len(self._content):
            raise OSError("a page that is elsewhere")
        found = self._content[first : first + len(memoryview(buffer))]
        memoryview(buffer)[: len(found)] = found
        self._at += len(found)
        return len(found)


def _faults() -> tuple[type[Exception], ...]:
    """What is raised for bytes that are no such file, by pyarrow or here."""
    from pyarrow import ArrowException

    return (ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError)


def _unreadable(where: str, error: Exception) -> ArtifactError:
    reason = " ".join(str(error).split())
    return ArtifactError(f"{where}: cannot be read ({reason:.300}); ask for the artefact again")
