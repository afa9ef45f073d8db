"""What a folder's `metadata.csv` would look like: a few of its own lines, mended as far as that needs no knowledge."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from shared_spec.data.label_files import read_lines
from shared_spec.data.thresholds import parse_number
from shared_spec.text import is_printable, visible

__all__ = ["mended_example"]

_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_READ, _SHOWN = 200, 3
_PARTS = {"train", "training", "valid", "validation", "val", "dev", "test", "testing"}


def mended_example(folder: Path) -> str:
    """A header and up to three lines that a reader takes, of the folder's own names and columns where it has some."""
    lines = read_lines(folder / "metadata.csv", folder, lambda problem: None)
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(islice(lines, _READ)) if row]
    except csv.Error:
        rows = []
    header, rows = (rows[0], rows[1:]) if rows else ([], [])
    header, rows = _named(header, [row for row in rows if len(row) == len(header)])
    if not rows or len(header) < 2:
        header, rows = _invented(folder)
    columns = [
        _filled(name, cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(islice(zip(*columns, strict=True), _SHOWN))
    return visible(text.getvalue(), keep="\n").rstrip()


def _named(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The table with one name for each image, in a column `file_name`; no rows where no column names images."""
    if "file_name" not in header:
        shares = [
            sum(cell.lower().endswith(_IMAGES) for cell in cells)
            for cells in zip(*rows, strict=True)
        ]
        if not any(shares):
            return header, []
        header = [
            "file_name" if index == shares.index(max(shares)) else name
            for index, name in enumerate(header)
        ]
    at = header.index("file_name")
    named = {
        row[at]: row for row in rows if row[at].lower().endswith(_IMAGES) and not _leaves(row[at])
    }
    return list(dict.fromkeys(header)), [
        row for row in named.values() if len(set(header)) == len(row)
    ]


def _leaves(name: str) -> bool:
    return name.startswith("/") or "\\" in name or ".." in name.split("/")


def _filled(name: str, cells: Sequence[str]) -> list[str]:
    """The cells; what is no split becomes train, what is no class what most others are, and 0,5 becomes 0.5."""
    if name == "file_name":
        return list(cells)
    if name == "split":
        return [cell if cell.lower() in _PARTS else "train" for cell in cells]
    dots = [cell.replace(",", ".") for cell in cells]
    cells = [
        dot if parse_number(cell) is None and parse_number(dot) is not None else cell
        for cell, dot in zip(cells, dots, strict=True)
    ]
    known = Counter(cell for cell in cells if cell and is_printable(cell))
    usual = known.most_common(1)[0][0] if known else "no"
    return [cell if cell in known else usual for cell in cells]


def _invented(folder: Path) -> tuple[list[str], list[list[str]]]:
    """The folder's first images, or some, with a column that there could be."""
    found = islice(folder.rglob("*"), 10_000) if folder.is_dir() else iter(())
    names = sorted(
        path.relative_to(folder).as_posix() for path in found if path.suffix.lower() in _IMAGES
    )
    some = names[:_SHOWN] or ["0001.jpg", "0002.jpg", "0003.jpg"]
    return ["file_name", "smiling"], [
        [name, ("no", "yes")[row % 2]] for row, name in enumerate(some)
    ]
