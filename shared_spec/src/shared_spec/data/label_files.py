"""Label files as people hand them over: what is wrong in them is said with the file and the line.

The readers tell a `Report` what is wrong and go on with the next line. Opening a data set passes `refuse`, which
raises at the first problem; checking one collects them all, so the two can never disagree about what is right.
Files are read line by line up to limits that no sensible label file reaches, so a hostile one costs little.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NoReturn

from shared_spec.data.files import foreign_content, leads_outside, open_regular
from shared_spec.errors import DataError
from shared_spec.text import LONGEST_ID, is_printable, separator_words

__all__ = [
    "MAX_COLUMNS",
    "MAX_NAME",
    "Names",
    "Report",
    "check_folder",
    "name_fault",
    "read_csv",
    "read_lines",
    "refuse",
]

Report = Callable[[str], None]
"""Told one problem as one line: what, where, expected, remedy."""

MAX_BYTES = 256 * 2**20
MAX_LINES = 4_000_000
MAX_LINE = 65_536
"""Characters."""
MAX_COLUMNS = 1_024
MAX_FIELD = 4_096
"""Characters."""
MAX_NAME = 200
"""Characters of a column's or a class's name, as artefacts hold them."""

# What nearly all names look like. It needs no parsing, which would take seconds for a list of 200,000.
_PLAIN = re.compile(r"(?:[\w-][\w.-]*/)*[\w-][\w.-]*", re.ASCII)


def refuse(message: str) -> NoReturn:
    """The report that raises DataError at the first problem."""
    raise DataError(message)


def check_folder(folder: Path, layout: str) -> Path:
    """`folder` itself; raises DataError unless it is a folder, saying the `layout` that is expected in it."""
    try:
        if folder.is_dir():
            return folder
        state = "is a file, not a folder" if folder.exists() else "no such folder"
    except (OSError, ValueError) as error:
        state = f"cannot be read ({getattr(error, 'strerror', error)})"
    raise DataError(f"{folder}: {state}; expected the folder with {layout}")


_WRITE = (
    "write it: a line file_name and the labels' names, then one for each image (docs/own-data.md)"
)


def read_lines(path: Path, folder: Path, report: Report, *, released: bool = True) -> Iterator[str]:
    """The lines of a text file without their ends; after a report, those before the fault and no more.

    What is `released` can be had again; anything else somebody has to write.

    Reported: a file that is missing, no regular file, reached through a link that leaves `folder`, no UTF-8 text, a
    web page, or beyond one of the limits.
    """
    try:
        if leads_outside(path, folder):
            report(
                f"{path}: the link leads out of {folder}; expected the file itself; copy it there"
            )
            return
        content = foreign_content(path)
        if content is not None:
            again = "download the file again" if released else _WRITE
            report(f"{path}: {content}, not a label file; {again}")
            return
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                report(f"{path}: {size} bytes; expected a label file of at most {MAX_BYTES}")
                return
            # Not splitlines(): form feeds and Unicode separators inside a field are no ends of lines.
            text = io.TextIOWrapper(file, encoding="utf-8-sig")
            yield from _limited(text, path, report)
    except FileNotFoundError:
        there = "put the file of the original release there" if released else _WRITE
        report(f"{path}: label file missing; {there}")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        report(f"{path}: cannot be read ({reason}); expected a text file in UTF-8")


def _limited(text: io.TextIOWrapper, path: Path, report: Report) -> Iterator[str]:
    for number in range(1, MAX_LINES + 1):
        line = text.readline(MAX_LINE + 1)
        if not line:
            return
        if len(line) > MAX_LINE:
            report(
                f"{path}:{number}: a line of more than {MAX_LINE} characters; "
                "expected one line per image; repair the file"
            )
            return
        yield line.removesuffix("\n")
    if text.readline(1):
        report(f"{path}: more than {MAX_LINES} lines; expected fewer; divide the data set")


def read_csv(
    path: Path, folder: Path, required: Sequence[str], report: Report, *, released: bool = True
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and fields (stripped, by column name) of each row of a CSV file with a header.

    Yields nothing, after a report, if the file is missing or unreadable or lacks a required column; a row with too
    few or too many fields, or a huge one, is reported and left out.
    """
    # With their line feeds: without, the two lines of a cell would be one word.
    lines = (f"{line}\n" for line in read_lines(path, folder, report, released=released))
    reader = csv.reader(lines, strict=True)
    try:
        first = next(reader, None)
        if first is None:
            return
        header = [name.strip() for name in first]
        fault = _header_fault(header, required)
        if fault is not None:
            expected = f"expected a header with {','.join(required)}{separator_words(header)}"
            report(f"{path}:1: {fault}; {expected}")
            return
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(header):
                report(
                    f"{path}:{reader.line_num}: {len(fields)} fields; expected {len(header)} "
                    f"({','.join(header):.200}); repair the line"
                )
                continue
            if max(map(len, fields)) > MAX_FIELD:
                report(
                    f"{path}:{reader.line_num}: a field of more than {MAX_FIELD} characters; repair the line"
                )
                continue
            yield reader.line_num, dict(zip(header, map(str.strip, fields), strict=True))
    except csv.Error as error:
        report(f"{path}:{reader.line_num}: not CSV ({error}); repair the line")


def _header_fault(header: Sequence[str], required: Sequence[str]) -> str | None:
    if len(header) > MAX_COLUMNS:
        return f"{len(header)} columns, more than {MAX_COLUMNS}"
    if (fault := name_fault(header)) is not None:
        return fault
    missing = [name for name in required if name not in header]
    if missing:
        return f"no column {', '.join(missing)} in {','.join(header)!r:.200}"
    if len(set(header)) != len(header):
        return f"a column name stands twice in {','.join(header)!r:.200}"
    return None


def name_fault(names: Sequence[str]) -> str | None:
    """What keeps one of these from being a column's name: control characters, or its length; None if nothing does."""
    for name in names:
        if not is_printable(name):
            return f"the column name {name!r:.80} holds control characters"
        if len(name) > MAX_NAME:
            return f"the column name {name!r:.80} has more than {MAX_NAME} characters"
    return None


class Names:
    """The image names of one data set: relative, inside its folder, and each once.

    Args:
        report: Told of every name that is refused.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._seen: dict[str, str] = {}

    def accept(self, name: str, where: str) -> str | None:
        """The name in its one spelling (`./a//b.jpg` is `a/b.jpg`), or None and a report.

        Refused: an absolute name, one with `..`, a backslash or a control character, an empty one, one of more than
        1,000 characters, one seen before.

        Args:
            name: As the label file has it, with forward slashes.
            where: `FILE:LINE`, for the message.
        """
        spelled = self.spell(name, where)
        if spelled is None:
            return None
        if spelled in self._seen:
            self._report(
                f"{where}: {spelled!r:.200} stands twice, first at {self._seen[spelled]}; remove one of the lines"
            )
            return None
        self._seen[spelled] = where
        return spelled

    def where(self, name: str) -> str:
        """Where an accepted name, in its one spelling, stands."""
        return self._seen[name]

    def spell(self, name: str, where: str) -> str | None:
        """As `accept`, of a name that may have been seen before."""
        if len(name) > LONGEST_ID:
            self._report(
                f"{where}: file name {name!r:.80} has {len(name)} characters; expected at most {LONGEST_ID}; "
                "shorten its path"
            )
            return None
        if _PLAIN.fullmatch(name):
            return name
        path = PurePosixPath(name)
        parts = path.parts
        if not parts or not is_printable(name):
            fault = "no file name" if not parts else "a control character in the file name"
            self._report(f"{where}: {fault} ({name!r:.80}); expected an image's name")
            return None
        # Both conventions: a label file made to escape on Windows must not be accepted here and harm there.
        windows = PureWindowsPath(name)
        if path.is_absolute() or windows.drive or "\\" in name or ".." in parts:
            self._report(
                f"{where}: file name {name!r:.200} leaves the data folder or is not portable; "
                "expected a relative name with forward slashes and without '..'"
            )
            return None
        return path.as_posix()
