"""Parquet rows of a stranger: nothing is decoded that is not of the one layout, and few bytes never become many."""

import re
import time

import pyarrow as pa
import pytest
from tables import FORM, cells, read, table_of, written

from shared_spec.artifacts.cells import Kind
from shared_spec.artifacts.parquet_layout import Chunk, Group, check_pages
from shared_spec.errors import ArtifactError

ROWS = 300
GOOD = written(table_of(cells(ROWS)))


def with_column(place, values):
    """The table with other cells in one column."""
    columns = cells(ROWS)
    columns[place] = values
    return written(table_of(columns))


def broken_text():
    """A column of text that is no UTF-8."""
    table = table_of(cells(ROWS))
    offsets = pa.py_buffer(b"".join((2 * n).to_bytes(4, "little") for n in range(ROWS + 1)))
    bad = pa.StringArray.from_buffers(ROWS, offsets, pa.py_buffer(b"\xff\xfe" * ROWS))
    return written(table.set_column(0, table.schema.field(0), bad))


def footer_of(change):
    """The file with another description."""
    size = int.from_bytes(GOOD[-8:-4], "little")
    changed = change(GOOD[-8 - size : -8])
    return GOOD[: -8 - size] + changed + len(changed).to_bytes(4, "little") + b"PAR1"


def test_what_is_changed_below_is_read_unchanged():
    assert read(GOOD, ROWS) == cells(ROWS)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("compression", {"compression": "zstd"}),
        ("compression", {"compression": "gzip"}),
        ("fields", {"store_schema": True}),
        ("where they belong", {"use_dictionary": True}),
        ("page", {"data_page_version": "2.0"}),
        ("encoding", {"use_dictionary": False, "column_encoding": {"who": "DELTA_BYTE_ARRAY"}}),
        ("encoding", {"use_dictionary": False, "column_encoding": {"word": "DELTA_LENGTH_BYTE_ARRAY"}}),
        ("encoding", {"use_dictionary": False, "column_encoding": {"count": "DELTA_BINARY_PACKED"}}),
        ("encoding", {"use_byte_stream_split": ["number"]}),
        ("fields", {"write_statistics": True}),
        ("fields", {"write_page_index": True, "write_statistics": True}),
    ],
)  # fmt: skip
def test_another_way_to_write_them_is_refused(name, options):
    with pytest.raises(ArtifactError, match=name):
        read(written(table_of(cells(ROWS)), **options), ROWS)


@pytest.mark.parametrize(
    "content",
    [
        written(table_of(cells(ROWS), count=pa.field("count", pa.int32(), False))),
        written(table_of(cells(ROWS), number=pa.field("number", pa.float32(), True))),
        written(table_of(cells(ROWS), who=pa.field("who", pa.string(), True))),
        written(table_of(cells(ROWS), who=pa.field("who", pa.binary(), False))),
        written(table_of(cells(ROWS), who=pa.field("WHO", pa.string(), False))),
        written(table_of([*cells(ROWS)[:3], [[1]] * ROWS], count=pa.field("count", pa.list_(pa.int64()), False))),
        written(table_of(cells(ROWS)).select(["who", "number", "word", "count"])),
        written(table_of(cells(ROWS)).select(["who", "word", "number"])),
        written(table_of(cells(ROWS)).append_column("more", pa.array(range(ROWS)))),
        written(table_of(cells(ROWS - 1))),
        written(table_of(cells(ROWS + 1))),
        written(table_of(cells(2**15 + ROWS))),
    ],
)  # fmt: skip
def test_another_table_is_refused(content):
    with pytest.raises(ArtifactError, match="cannot be read"):
        read(content, ROWS)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (with_column(2, [float("nan")] * ROWS), "NaN"),
        (with_column(2, [float("-inf")] * ROWS), "-inf"),
        (with_column(3, [-1] * ROWS), "no count"),
        (with_column(3, [10**15] * ROWS), "no count"),
        (with_column(0, ["\x1b[31m"] * ROWS), "control characters"),
        (with_column(1, ["a\nb"] * ROWS), "control characters"),
        (with_column(0, ["x" * 1001] * ROWS), "more than 1000 characters"),
        (with_column(1, ["x" * 201] * ROWS), "more than 200 characters"),
        (with_column(1, ["x" * 2**20] * ROWS), "more than 200 characters"),
        (broken_text(), "UTF8"),
    ],
)  # fmt: skip
def test_a_cell_that_is_not_of_its_kind_is_refused(content, says):
    with pytest.raises(ArtifactError, match=says):
        read(content, ROWS)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PAR1", b"PAR1PAR1", GOOD[:-1], GOOD[1:], GOOD[:200] + GOOD[201:], GOOD[:4] + b"\x00" * 50 + GOOD[4:],
        GOOD[:-8] + b"\xff\xff\xff\x7fPAR1", GOOD + GOOD, b"PARE" + GOOD[4:],
        footer_of(lambda footer: footer + b"\x00" * 9), footer_of(lambda footer: footer[:-1]),
        footer_of(lambda footer: b""), footer_of(lambda footer: b"\x19\xfc\xff\xff\xff\xff\x07" * 1000),
        footer_of(lambda footer: b"\x1c" * 100_000), footer_of(lambda footer: b"\x19" * 100_000),
        footer_of(lambda footer: b"\x15\x04\x19\xfc\xff\xff\x7f" + b"\x00" * 8_000_000),
    ],
)  # fmt: skip
def test_bytes_that_are_no_such_file_are_refused_at_once(content):
    start = time.process_time()
    with pytest.raises(ArtifactError, match="cannot be read"):
        read(content, ROWS)
    assert time.process_time() - start < 2


def test_a_few_bytes_that_say_they_are_many_take_no_memory():
    """2^15 rows of one long word are a dictionary of one: they stay one, and are refused for its length."""
    rows = 2**15
    columns = [[str(n) for n in range(rows)], ["x"] * rows, [1.0] * rows, [0] * rows]
    words = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * 10**6])
    field = pa.field("word", words.type, False)
    content = written(table_of(columns).set_column(1, field, words))
    assert len(content) < 3 * 10**6
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(ArtifactError, match="more than 200 characters"):
        read(content, rows)
    assert pa.default_memory_pool().max_memory() - before < 2**24


def test_a_column_that_stands_twice_is_refused():
    with pytest.raises(ArtifactError, match="cannot be read"):
        read(GOOD, ROWS, (*FORM[:3], ("who", Kind.COUNT)))


def varint(number):
    """A whole number, seven bits a byte, in the signs that Thrift gives it."""
    number, found = 2 * number if number >= 0 else -2 * number - 1, b""
    while number >= 128:
        found, number = found + bytes([number % 128 + 128]), number // 128
    return found + bytes([number])


def page(kind, about, body=b"", unpacked=None):
    """A page: what it says of itself, a list of whole numbers, in the field that its kind has for it."""
    sizes = [len(body) if unpacked is None else unpacked, len(body)]
    head = b"".join(b"\x15" + varint(number) for number in (kind, *sizes))
    place = {0: b"\x2c", 2: b"\x4c"}[kind]
    return head + place + b"".join(b"\x15" + varint(n) for n in about) + b"\x00\x00" + body


def data(values, body=b"", **more):
    return page(0, (values, 0, 3, 3), body, **more)


def words(count, body=b""):
    return page(2, (count, 0), body)


@pytest.mark.parametrize(
    ("pages", "dictionary", "says"),
    [
        ([data(6), data(4)], 0, None),
        ([words(10), data(10)], 1, None),
        ([words(3), words(3), data(10)], 2, "something beside a dictionary"),
        ([data(6), data(3)], 0, "values of a column: 9, expected 10"),
        ([data(6), data(5)], 0, "values of a column: more than rows"),
        ([data(2**31)], 0, "number of values"),
        ([data(0)], 0, "number of values"),
        ([words(11), data(10)], 1, "more words than rows"),
        ([data(10, b"abc", unpacked=2**30)], 0, "bytes of a page: 1073741824, expected 3"),
    ],
)  # fmt: skip
def test_pages_that_are_not_what_they_say_are_refused(pages, dictionary, says):
    content, before = b"".join(pages), len(b"".join(pages[:dictionary]))
    group = Group(10, [Chunk(4, 4 + len(content), 4 + before)])
    if says is None:
        return check_pages(content, group)
    with pytest.raises(ValueError, match=says):
        check_pages(content, group)


def test_a_column_of_a_hundred_thousand_pages_is_refused_at_once():
    content = 100_000 * data(1)
    start = time.process_time()
    with pytest.raises(ValueError, match="more than rows"):
        check_pages(content, Group(300, [Chunk(4, 4 + len(content), 4)]))
    assert time.process_time() - start < 0.5


def test_bytes_between_rows_and_description_are_refused():
    size = int.from_bytes(GOOD[-8:-4], "little") + 8
    with pytest.raises(ArtifactError, match="the end of the last row group"):
        read(GOOD[:-size] + bytes(20) + GOOD[-size:], ROWS)


def test_a_column_that_would_be_larger_unpacked_is_refused():
    def larger(footer):
        sizes = re.compile(rb"\x16([\x80-\xff]+[\x00-\x7f])\x16\1", re.DOTALL)
        found = sizes.search(footer)
        grown = bytes([found[1][0] ^ 4, *found[1][1:]])
        return (
            footer[: found.start()] + b"\x16" + grown + b"\x16" + found[1] + footer[found.end() :]
        )

    with pytest.raises(ArtifactError, match="who: bytes: "):
        read(footer_of(larger), ROWS)
