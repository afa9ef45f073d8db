"""Label files as people hand them over: what is wrong in them is said with the file and the line.

The readers tell a `Report` what is wrong and go on with the next line. Opening a data set passes `refuse`, which
raises at the first problem; checking one collects them all, so the two can never disagree about what is right.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NoReturn

from shared_spec.data.images import foreign_content
from shared_spec.errors import DataError

__all__ = ["Names", "Report", "check_folder", "read_csv", "read_lines", "refuse"]

Report = Callable[[str], None]
"""Told one problem as one line: what, where, expected, remedy."""

# What nearly all names look like. It needs no parsing, which would take seconds for a list of 200,000.
_PLAIN = re.compile(r"(?:[\w-][\w.-]*/)*[\w-][\w.-]*", re.ASCII)


def refuse(message: str) -> NoReturn:
    """The report that raises DataError at the first problem."""
    raise DataError(message)


def check_folder(folder: Path, layout: str) -> Path:
    """`folder` itself; raises DataError unless it is a folder, saying the `layout` that is expected in it."""
    if not folder.is_dir():
        state = "is a file, not a folder" if folder.exists() else "no such folder"
        raise DataError(f"{folder}: {state}; expected the folder with {layout}")
    return folder


def read_lines(path: Path, report: Report) -> list[str] | None:
    """The lines of a text file without their ends; None, and a report, if it is missing or no UTF-8 text."""
    try:
        content = foreign_content(path)
        text = path.read_text(encoding="utf-8-sig") if content is None else ""
    except FileNotFoundError:
        report(f"{path}: label file missing; put the file of the original release there")
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        report(f"{path}: cannot be read ({reason}); expected a text file in UTF-8")
        return None
    if content is not None:
        report(f"{path}: {content}, not a label file; download the file again")
        return None
    # Not splitlines(): form feeds and Unicode separators inside a field are no ends of lines.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_csv(
    path: Path, required: Sequence[str], report: Report
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and fields (stripped, by column name) of each row of a CSV file with a header.

    Yields nothing, after a report, if the file is missing or unreadable or lacks a required column; a row with too
    few or too many fields is reported and left out.
    """
    lines = read_lines(path, report)
    if lines is None:
        return
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in required if name not in header]
        if missing or len(set(header)) != len(header):
            fault = f"no column {', '.join(missing)}" if missing else "a column name stands twice"
            report(
                f"{path}:1: {fault} in {','.join(header)!r:.200}; expected a header with {','.join(required)}"
            )
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
            yield reader.line_num, dict(zip(header, map(str.strip, fields), strict=True))
    except csv.Error as error:
        report(f"{path}:{reader.line_num}: not CSV ({error}); repair the line")


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

        Refused: an absolute name, one with `..`, a backslash or a control character, an empty one, one seen before.

        Args:
            name: As the label file has it, with forward slashes.
            where: `FILE:LINE`, for the message.
        """
        spelled = name if _PLAIN.fullmatch(name) else self._spell(name, where)
        if spelled is None:
            return None
        if spelled in self._seen:
            self._report(
                f"{where}: {spelled!r:.200} stands twice, first at {self._seen[spelled]}; remove one of the lines"
            )
            return None
        self._seen[spelled] = where
        return spelled

    def _spell(self, name: str, where: str) -> str | None:
        """The one spelling of a name with unusual characters, or None and a report."""
        path = PurePosixPath(name)
        parts = path.parts
        if not parts or any(ord(character) < 32 for character in name):
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
