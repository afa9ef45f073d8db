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
    read_footer,
)
from shared_spec.artifacts.reading import DOCUMENT_BYTES, open_regular
from shared_spec.errors import ArtifactError, SettingsError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_groups", "require_pyarrow", "write_groups"]

_TAIL = len(MAGIC) + 4


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
    from pyarrow.parquet import ParquetWriter

    schema = _schema(columns)
    few = [name for name, kind in columns if kind in DICTIONARIES]
    writer = ParquetWriter(
        stream, schema, compression="none", use_dictionary=few, write_statistics=False, store_schema=False,
        version="2.6", data_page_version="1.0", write_page_checksum=True, write_batch_size=1024,
    )  # fmt: skip
    with writer:
        for group in _grouped(blocks, len(columns)):
            arrays = [
                pa.array(cells, field.type) for cells, field in zip(group, schema, strict=True)
            ]
            table = pa.Table.from_arrays(arrays, schema=schema)
            if table.nbytes > GROUP_BYTES:
                raise SettingsError(
                    f"{table.num_rows} rows take {table.nbytes} bytes, expected at most {GROUP_BYTES}; shorten the ids"
                )
            writer.write_table(table, row_group_size=GROUP_ROWS)


def _grouped(blocks: Iterable[Sequence[Sequence[Any]]], width: int) -> Iterator[list[list[Any]]]:
    """The same rows, `GROUP_ROWS` at a time."""
    held: list[list[Any]] = [[] for _ in range(width)]
    for block in blocks:
        for column, cells in zip(held, block, strict=True):
            column += cells
        while len(held[0]) >= GROUP_ROWS:
            yield [column[:GROUP_ROWS] for column in held]
            held = [column[GROUP_ROWS:] for column in held]
    if held[0]:
        yield held


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
    footer, end = _footer(path)
    try:
        groups = read_footer(footer, columns, rows, end)
        window = _Window(end + len(footer) + _TAIL)
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
    if stream.read() != _tail(footer):
        raise _unreadable(where, ValueError("it was changed while it was read"))


def _footer(path: Path) -> tuple[bytes, int]:
    """The description at the end of a file, and where it begins."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or not length <= min(DOCUMENT_BYTES, size - _TAIL - len(MAGIC)):
            raise _unreadable(str(path), ValueError("no Parquet file, or truncated"))
        file.seek(size - _TAIL - length)
        return file.read(length), size - _TAIL - length


def _tail(footer: bytes) -> bytes:
    return footer + len(footer).to_bytes(4, "little") + MAGIC


def _open(window: _Window, footer: bytes, columns: Form) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Opens what the window will show. Raises ValueError for other columns."""
    from pyarrow import BufferReader
    from pyarrow.parquet import ParquetFile, read_metadata

    about = read_metadata(BufferReader(MAGIC + _tail(footer)))
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
