"""Rows in Parquet: what is written is read, with the same bytes however it comes, and by the stated rule."""

import io
import tracemalloc

import pyarrow as pa
import pytest
from tables import FORM, cells, read

from shared_spec.artifacts import parquet, parquet_layout
from shared_spec.artifacts.cells import Kind, csv_lines
from shared_spec.artifacts.directory import FileEntry, list_files
from shared_spec.artifacts.tables import (
    CSV,
    PARQUET,
    check_writable,
    read_table,
    table_name,
    write_lines,
    write_table,
)
from shared_spec.errors import ArtifactError, SettingsError


@pytest.fixture
def sevens(monkeypatch):
    """Row groups of seven rows."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", 7)
    monkeypatch.setattr(parquet_layout, "GROUP_ROWS", 7)


def written(blocks):
    stream = io.BytesIO()
    parquet.write_groups(stream, FORM, blocks)
    return stream.getvalue()


@pytest.mark.parametrize("rows", [0, 1, 6, 7, 8, 14, 30])
def test_the_bytes_depend_on_the_rows_alone_and_are_read_back(sevens, rows):
    whole = written([cells(rows)])
    for size in (1, 3, 7, 20):
        parts = [cells(min(size, rows - first), first) for first in range(0, rows, size)]
        assert written(parts) == whole
    assert read(whole, rows) == cells(rows)


def test_lines_and_cells_are_the_same_table_in_either_format(sevens, tmp_path):
    columns = cells(20)
    columns[0][3:6] = ['a "quoted", name', "NA", "null"]
    columns[2][7] = float("inf")
    lines = csv_lines(zip(*columns, strict=True)).split(b"\n")[:-1]
    for name in (CSV, PARQUET):
        for folder in ("lines", "cells"):
            (tmp_path / folder).mkdir(exist_ok=True)
        write_lines(tmp_path / "lines" / name, FORM, [lines[:9], lines[9:]])
        write_table(tmp_path / "cells" / name, FORM, [columns])
        content = (tmp_path / "lines" / name).read_bytes()
        assert content == (tmp_path / "cells" / name).read_bytes()
        found = [[] for _ in FORM]
        for block in read_table(
            tmp_path / "cells", list_files(tmp_path / "cells", [name]), FORM, 20
        ):
            for column, part, (_, kind) in zip(found, block.columns, FORM, strict=True):
                column += block.values(part, kind)
        assert found == columns


def test_which_it_is_follows_from_the_number_of_rows_and_on_reading_from_what_is_listed():
    assert table_name(1_000_000) == CSV
    assert table_name(1_000_001) == PARQUET
    entry = {"size": 0, "sha256": "0" * 64}
    assert table_name(2, [FileEntry(name=PARQUET, **entry)]) == PARQUET
    assert table_name(2_000_000, [FileEntry(name=CSV, **entry)]) == CSV


def test_a_label_named_as_a_column_of_the_table_is_refused_first():
    form = (*FORM, ("word", Kind.WORD))
    check_writable(1_000_000, form)
    with pytest.raises(SettingsError, match="column word of its own"):
        check_writable(1_000_001, form)


def test_a_file_that_is_not_the_listed_one_is_refused(sevens, tmp_path):
    """Also where it is exchanged between the reading of its description and that of its rows."""
    path = tmp_path / PARQUET
    path.write_bytes(written([cells(20)]))
    listed = list_files(tmp_path, [PARQUET])
    path.write_bytes(written([cells(20, first=1)]))
    with pytest.raises(ArtifactError, match=r"has .* bytes|SHA-256"):
        list(read_table(tmp_path, listed, FORM, 20))
    other = io.BytesIO(path.read_bytes().replace(b"version", b"VERSION"))
    with pytest.raises(ArtifactError, match="while it was read"):
        list(parquet.read_groups(other, path, FORM, 20))


def test_four_times_as_many_rows_take_no_more_memory_to_write_and_to_read(monkeypatch, tmp_path):
    monkeypatch.setattr(parquet, "GROUP_ROWS", 2000)
    monkeypatch.setattr(parquet_layout, "GROUP_ROWS", 2000)
    path, peaks = tmp_path / PARQUET, {}

    def write(rows):
        parts = (cells(500, first) for first in range(0, rows, 500))
        write_table(path, FORM, parts)

    def look(rows):
        for _ in read_table(tmp_path, list_files(tmp_path, [PARQUET]), FORM, rows):
            assert pa.total_allocated_bytes() < 2**20

    write(4000)
    look(4000)
    for rows in (8000, 32_000):
        for step in (write, look):
            tracemalloc.start()
            step(rows)
            peaks[step, rows] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    for step in (write, look):
        assert peaks[step, 32_000] < 1.1 * peaks[step, 8000], peaks
