"""Any images with labels: a folder and its `metadata.csv`, the `imagefolder` convention of Hugging Face.

The columns are `file_name`, optionally `split`, and one per label. Without a `split` column the top folder of the name
(`train/…`, `valid/…`, `validation/…`, `test/…`) decides. Where the folder has no `metadata.csv` of its own, those of
its split folders are read, with names relative to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from shared_spec.data.image_files import BINARY, FileSource, Individuals
from shared_spec.data.label_files import Names, Report, check_folder, read_csv, refuse
from shared_spec.data.source import SPLITS

__all__ = ["MAX_CLASSES", "Folder", "read_folder"]

MAX_CLASSES = 256
"""A column with more different values (a caption, a date, a measurement) is no label column and is not served."""

_METADATA = "metadata.csv"
_SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
}
# Negative first, as in BINARY.
_BINARY = (("0", "1"), ("-1", "1"), ("no", "yes"), ("false", "true"))
# With 0/1 any other number makes numbered classes; these four words or signs mean nothing but a binary column.
_BINARY_ONLY = _BINARY[1:]

Row = tuple[str, dict[str, str]]
"""Where it stands, as `FILE:LINE`, and its fields."""


def read_folder(folder: Path, report: Report = refuse) -> Individuals:
    """Names, splits and labels of an image folder; what is wrong goes to `report`, line by line.

    A column is binary if all its values are of one of the pairs 0/1, -1/1, no/yes, false/true (in any case); otherwise
    its values are class names, in the order of numbers if all are whole numbers and alphabetical if not.

    Raises:
        DataError: if the folder does not exist.
    """
    check_folder(folder, f"images and {_METADATA}")
    names = Names(report)
    rows: list[Row] = []
    who: list[tuple[str, str]] = []
    columns: list[str] | None = None
    files = _metadata_files(folder)
    for path, prefix in files:
        for line, fields in read_csv(path, ["file_name"], report):
            where = f"{path}:{line}"
            if columns is None:
                columns = list(fields)
            elif columns != list(fields):
                report(f"{path}:1: other columns than {files[0][0]}; give both the same header")
                break
            name = names.accept(prefix + fields["file_name"], where)
            split = None if name is None else _split(name, fields, where, report)
            if name is not None and split is not None:
                who.append((name, split))
                rows.append((where, fields))
    classes: dict[str, tuple[str, ...]] = {}
    codes: dict[str, npt.NDArray[np.int16]] = {}
    unserved: dict[str, str] = {}
    for name in columns or ():
        if name in ("", "file_name", "split"):
            continue
        values = {fields[name] for _, fields in rows}
        if len(values) > MAX_CLASSES:
            unserved[name] = f"{len(values)} different values; a label has at most {MAX_CLASSES}"
        elif values and (known := _classes(name, values, rows, report)) is not None:
            classes[name], table = known
            codes[name] = np.array([table[fields[name]] for _, fields in rows], dtype=np.int16)
    files_read = [path for path, _ in files]
    return Individuals.from_rows(folder, who, codes, classes, files_read, unserved=unserved)


def _metadata_files(folder: Path) -> list[tuple[Path, str]]:
    """The metadata files and what their names are prefixed with; the folder's own even where it is missing."""
    if not (folder / _METADATA).exists():
        nested = [(folder / name / _METADATA, f"{name}/") for name in _SPLITS]
        found = [(path, prefix) for path, prefix in nested if path.exists()]
        if found:
            return found
    return [(folder / _METADATA, "")]


def _split(name: str, fields: dict[str, str], where: str, report: Report) -> str | None:
    """The split of a row; None, and a report, if it is none."""
    if "split" in fields:
        word, source = fields["split"], "split"
    else:
        parts = PurePosixPath(name).parts
        word, source = (parts[0] if len(parts) > 1 else ""), "no column split, and top folder"
    if word.lower() not in _SPLITS:
        report(
            f"{where}: {source} {word!r:.80} is no split; expected one of {', '.join(SPLITS)}; correct the line"
        )
        return None
    return _SPLITS[word.lower()]


def _classes(
    name: str, values: set[str], rows: Sequence[Row], report: Report
) -> tuple[tuple[str, ...], dict[str, int]] | None:
    """Class names and the code of each value of one column; None, and a report, if a value is no class."""
    lowered = {value.lower() for value in values}
    for pair in _BINARY:
        if lowered <= set(pair):
            return BINARY, {value: pair.index(value.lower()) for value in values}
    binary = next((pair for pair in _BINARY_ONLY if lowered & (set(pair) - {"1"})), None)
    wrong = lowered - set(binary) if binary else lowered & {""}
    if wrong:
        where, value = next(
            (where, fields[name]) for where, fields in rows if fields[name].lower() in wrong
        )
        expected = " or ".join(binary) if binary else "a class name"
        report(
            f"{where}: {name} {value!r:.80} is no class; expected {expected}; "
            "correct the line or remove the column"
        )
        return None
    ordered = sorted(values)
    if _whole_numbers(values):
        ordered.sort(key=int)
    return tuple(ordered), {value: code for code, value in enumerate(ordered)}


def _whole_numbers(values: set[str]) -> bool:
    digits = [value.removeprefix("-") for value in values]
    return all(text.isascii() and text.isdigit() and len(text) < 19 for text in digits)


class Folder(FileSource):
    """Images with a `metadata.csv`; sample ids are the file names relative to the folder.

    Args:
        folder: The folder with the images and `metadata.csv`.
        size: Side of the square images, in pixels.

    Raises:
        DataError: for a missing file or image, a name that leaves the folder or stands twice, a split that is none, an
            empty label, a binary column with a value of another kind.
    """

    def __init__(self, folder: Path | str, size: int) -> None:
        super().__init__("folder", read_folder(Path(folder)), size)
