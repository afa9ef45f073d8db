"""Parquet rows changed at random, without a checksum that would tell: refused in one line and at once, or rows of the
right kinds.

    table_violations(seed) -> a line per violation

Violations are: an exception that is no LassiError, more than 5 s or 256 MiB of pyarrow's memory, accepted rows that are
not as many or not of their kinds.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import time
import traceback
from functools import cache
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet as arrow

from shared_spec.artifacts import parquet
from shared_spec.artifacts.cells import Kind
from shared_spec.artifacts.directory import FileEntry
from shared_spec.artifacts.tables import PARQUET, read_table
from shared_spec.errors import LassiError
from shared_spec.rng import numpy_generator
from shared_spec.text import is_printable

__all__ = ["FORM", "OPTIONS", "cells", "read", "table_of", "table_violations", "written"]

FORM = (("who", Kind.NAME), ("word", Kind.WORD), ("number", Kind.NUMBER), ("count", Kind.COUNT))
OPTIONS = {
    "compression": "none", "use_dictionary": ["word", "count"], "write_statistics": False, "store_schema": False,
    "version": "2.6", "data_page_version": "1.0",
}  # fmt: skip
"""How rows are written, but for checksums of pages."""

SECONDS, BYTES = 5, 2**28
TYPES = {Kind.NAME: str, Kind.WORD: str, Kind.COUNT: int, Kind.NUMBER: float}


def cells(rows, first=0):
    """Rows of the table, column by column."""
    places = range(first, first + rows)
    return [
        [f"person-{place}" for place in places],
        [("yes", "no", "Größe")[place % 3] for place in places],
        [None if place % 4 == 0 else place / 7 for place in places],
        [place % 5 for place in places],
    ]


def table_of(columns, **types):
    """The columns as pyarrow has them; of other types where they are named."""
    known = {Kind.NUMBER: pa.float64(), Kind.COUNT: pa.int64()}
    fields = [
        types.get(name) or pa.field(name, known.get(kind, pa.string()), kind == Kind.NUMBER)
        for name, kind in FORM
    ]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, fields, strict=True)],
        schema=pa.schema(fields),
    )


def written(table, **options):
    """The bytes of a file as pyarrow writes it."""
    stream = io.BytesIO()
    with arrow.ParquetWriter(stream, table.schema, **{**OPTIONS, **options}) as writer:
        writer.write_table(table, row_group_size=2**15)
    return stream.getvalue()


def read(content, rows, form=FORM):
    """The rows in a file's bytes, column by column, as they are read of a directory that lists them."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / PARQUET).write_bytes(content)
        entry = FileEntry(
            name=PARQUET, size=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
        blocks = list(read_table(Path(name), [entry], form, rows))
    columns = [[] for _ in form]
    for block in blocks:
        assert not block.spelled
        for column, found in zip(columns, block.columns, strict=True):
            column += found
    return columns


@cache
def _good():
    """A file without checksums and one with them, of so many rows."""
    stream = io.BytesIO()
    parquet.write_groups(stream, FORM, [cells(300)])
    return written(table_of(cells(300))), stream.getvalue()


def _changed(content, generator):
    """Some bytes are others, more often those that describe than those that are described."""
    found = bytearray(content)
    footer = len(found) - 8 - int.from_bytes(found[-8:-4], "little")
    starts = [0, footer, footer, len(found) - 12]
    kind = int(generator.integers(6))
    for _ in range(int(generator.integers(1, 4))):
        start = min(starts[int(generator.integers(len(starts)))], len(found) - 12)
        at = int(generator.integers(start, len(found)))
        if kind == 0:
            del found[at : at + int(generator.integers(1, 40))]
        elif kind == 1:
            found[at:at] = generator.bytes(int(generator.integers(1, 12)))
        elif kind == 2:
            found[at : at + 5] = b"\xff\xff\xff\xff\x07"
        elif kind == 3:
            found[at] = (found[at] + int(generator.integers(1, 9))) % 256
        else:
            found[at] = int(generator.integers(256))
        if len(found) < 100:
            break
    if generator.random() < 0.5 and len(found) >= 12:  # its length is right again
        size = len(found) - 8 - footer
        if size > 0:
            found[-8:] = size.to_bytes(4, "little") + b"PAR1"
    return bytes(found)


def table_violations(seed):
    """One change, drawn from the seed."""
    generator = numpy_generator(seed, "fuzz.tables")
    content = _changed(_good()[int(generator.integers(8) == 0)], generator)
    start, before = time.process_time(), pa.default_memory_pool().max_memory()
    try:
        found = list(_wrong(read(content, 300)))
    except LassiError as error:
        found = [] if "\n" not in str(error) and len(str(error)) < 1000 else ["no short line"]
    except Exception:
        found = [" | ".join(traceback.format_exc().splitlines()[-3:])]
    taken = time.process_time() - start
    if taken > SECONDS:
        found.append(f"took {taken:.1f} s")
    if pa.default_memory_pool().max_memory() - before > BYTES:
        found.append("took more memory than such a file can hold")
    return [f"seed {seed}: {line}" for line in found]


def _wrong(columns):
    for (name, kind), column in zip(FORM, columns, strict=True):
        if len(column) != 300:
            yield f"{name} has {len(column)} rows"
        for cell in column:
            if kind == Kind.NUMBER and cell is None:
                continue
            if type(cell) is not TYPES[kind] or cell != cell:
                yield f"{name} holds {cell!r}"
            if isinstance(cell, str) and not (is_printable(cell) and len(cell) <= 1000):
                yield f"{name} holds {cell[:40]!r}"
