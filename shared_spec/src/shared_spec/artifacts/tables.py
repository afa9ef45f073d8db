"""The rows of a bundle and of a certificate: CSV, or Parquet where there are many; read alike whichever it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from shared_spec.artifacts.atomic import writing_atomically
from shared_spec.artifacts.cells import Block, Form, csv_lines, read_blocks
from shared_spec.artifacts.directory import FileEntry, open_listed
from shared_spec.artifacts.parquet import (
    read_groups,
    require_pyarrow,
    write_csv_groups,
    write_groups,
)
from shared_spec.errors import SettingsError

__all__ = [
    "CSV",
    "CSV_ROWS",
    "PARQUET",
    "check_writable",
    "read_table",
    "table_name",
    "write_lines",
    "write_table",
]

CSV, PARQUET = "individuals.csv", "individuals.parquet"
"""Names of the file."""

CSV_ROWS = 1_000_000
"""Most rows that are written as CSV; of more the table is Parquet. Either is read."""


def table_name(rows: int, files: Sequence[FileEntry] = ()) -> str:
    """The table among the files that a document lists; what it will be where none are listed yet."""
    if files:
        return PARQUET if any(entry.name == PARQUET for entry in files) else CSV
    return PARQUET if rows > CSV_ROWS else CSV


def check_writable(rows: int, form: Form) -> None:
    """Whether a table of so many rows can be written here, before any work is done for it.

    Raises:
        SettingsError: it would be Parquet, and pyarrow is not installed, or a column stands twice.
    """
    if table_name(rows) == PARQUET:
        require_pyarrow(f"{PARQUET} ({rows} rows, more than {CSV_ROWS})")
        names = [name for name, _ in form]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SettingsError(
                f"{PARQUET}: has a column {twice} of its own; give the label another name"
            )


def write_table(path: Path, form: Form, blocks: Iterable[Sequence[Sequence[Any]]]) -> None:
    """Writes the table of a directory.

    Args:
        path: where; the name says in which format.
        form: its columns.
        blocks: the rows in their order, some at a time, column by column.
    """
    with writing_atomically(path) as stream:
        if path.name == PARQUET:
            write_groups(stream, form, blocks)
        else:
            stream.write(csv_lines([[name for name, _ in form]]))
            stream.writelines(csv_lines(zip(*block, strict=True)) for block in blocks)


def write_lines(path: Path, form: Form, pieces: Iterable[Sequence[bytes]]) -> None:
    """Writes a table whose rows are lines of CSV, without their line feeds, some at a time; as `write_table`."""
    header = csv_lines([[name for name, _ in form]])
    with writing_atomically(path) as stream:
        if path.name == PARQUET:
            write_csv_groups(stream, form, header, pieces)
        else:
            stream.write(header)
            stream.writelines(b"\n".join([*lines, b""]) for lines in pieces)


def read_table(
    folder: Path, files: Sequence[FileEntry], form: Form, rows: int, earlier: Sequence[str] = ()
) -> Iterator[Block]:
    """The rows of a directory's table, some at a time as they are read.

    Args:
        folder: where it is.
        files: that its document lists.
        form: the columns.
        rows: how many there must be, which is checked here where the file is Parquet.
        earlier: the names of other columns that are read as well, in CSV.

    Raises:
        ArtifactError: for other columns, or bytes that are no such table; at the end, if the file is not the one that
            is listed.
        SettingsError: it is Parquet, and pyarrow is not installed.
    """
    path = folder / table_name(rows, files)
    with open_listed(folder, files, path.name) as stream:
        if path.name == PARQUET:
            yield from read_groups(stream, path, form, rows)
        else:
            yield from read_blocks(stream, [name for name, _ in form], str(path), earlier)
