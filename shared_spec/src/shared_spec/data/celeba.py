"""CelebA (Liu et al., 2015) as its owners hand it out and as common copies have it: aligned images, 40 attributes.

Expected: `img_align_celeba/*.jpg` (or the images in the folder itself), `list_attr_celeba.txt` (a count, the names,
then per image -1 or 1) and `list_eval_partition.txt` (per image 0 train, 1 valid, 2 test). The folders `Anno`, `Eval`
and `Img` of the original download are looked into as well. Copies without the count, with commas (`.csv`) or without
the partition are read too; without it a hash of the image's name decides.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared_spec.data.files import foreign_content
from shared_spec.data.image_files import FileSource
from shared_spec.data.individuals import BINARY, Individuals
from shared_spec.data.label_files import (
    MAX_COLUMNS,
    Names,
    Report,
    check_folder,
    name_fault,
    read_lines,
    refuse,
)
from shared_spec.data.source import SPLITS
from shared_spec.data.splits import NAME_RULE, split_of_name

__all__ = ["CelebA", "read_celeba"]

_ATTRIBUTES = "list_attr_celeba"
_PARTITION = "list_eval_partition"
_IMAGES = "img_align_celeba"
_CODES = {"-1": 0, "1": 1}
_PARTS = {str(code): split for code, split in enumerate(SPLITS)}
_NAME_COLUMNS = ("", "image_id", "image", "file_name", "filename")

Rows = list[tuple[str, str]]
"""Per row the image's name and its `FILE:LINE`."""


def read_celeba(folder: Path, report: Report = refuse) -> Individuals:
    """Names, splits and labels of a CelebA folder; what is wrong goes to `report`, line by line.

    Raises:
        DataError: if the folder does not exist.
    """
    check_folder(folder, f"{_IMAGES}/, {_ATTRIBUTES}.txt and {_PARTITION}.txt")
    attributes = _find(folder, "Anno", _ATTRIBUTES) or folder / f"{_ATTRIBUTES}.txt"
    partition = _find(folder, "Eval", _PARTITION)
    columns, rows = _read_attributes(attributes, folder, report)
    if partition is None:
        splits = {name: split_of_name(name) for name, _ in rows}
        rule = f"{NAME_RULE} (there is no {_PARTITION}.txt)"
        files = [attributes]
    else:
        splits = dict(_read_partition(partition, folder, report))
        rule = partition.name
        files = [attributes, partition]
        _compare(attributes, rows, partition, splits, report)
    chosen = [row for row, (name, _) in enumerate(rows) if name in splits]
    return Individuals.from_rows(
        _image_folder(folder, report),
        [(rows[row][0], splits[rows[row][0]]) for row in chosen],
        {name: codes[chosen] for name, codes in columns.items()},
        dict.fromkeys(columns, BINARY),
        files,
        rule,
    )


def _find(folder: Path, subfolder: str, stem: str) -> Path | None:
    """The list of this name, as text or with commas, beside the images or where the original download has it."""
    places = [
        place / f"{stem}{suffix}"
        for place in (folder, folder / subfolder)
        for suffix in (".txt", ".csv")
    ]
    return next((path for path in places if os.path.lexists(path)), None)


def _compare(
    attributes: Path, rows: Rows, partition: Path, splits: dict[str, str], report: Report
) -> None:
    """Reports images that stand in one of the two lists alone."""
    if not splits:
        return
    for name, where in rows:
        if name not in splits:
            report(f"{where}: {name} is not in {partition}; expected its split there; add the line")
    if unlabelled := splits.keys() - {name for name, _ in rows}:
        report(
            f"{partition}: {min(unlabelled)} has no usable line in {attributes} ({len(unlabelled)} images have none); "
            "expected the attributes of every image; take both files from the same release"
        )


def _image_folder(folder: Path, report: Report) -> Path:
    """The folder with the images; reports an archive that was never unpacked, or that is a web page."""
    for place in (folder / _IMAGES / _IMAGES, folder / _IMAGES, folder / "Img" / _IMAGES):
        if os.path.isdir(place):  # unlike Path's, says no where nobody may look
            return place
    for archive in (folder / f"{_IMAGES}.zip", folder / "Img" / f"{_IMAGES}.zip"):
        if os.path.isfile(archive):
            try:
                content = foreign_content(archive)
            except OSError as error:
                content = f"cannot be read ({error.strerror})"
            state = (
                f"{content}, not an archive; download it again" if content else "unpack it there"
            )
            report(f"{archive}: {state}; expected the folder {_IMAGES}/ beside it")
            break
    return folder


def _fields(line: str, commas: bool) -> list[str]:
    return [field.strip() for field in line.split(",")] if commas else line.split()


def _read_attributes(
    path: Path, folder: Path, report: Report
) -> tuple[dict[str, npt.NDArray[np.int16]], Rows]:
    """Codes by attribute, shape [n], and the rows that they belong to."""
    lines = enumerate(read_lines(path, folder, report), start=1)
    number, first = next(lines, (0, ""))
    if not number:
        return {}, []
    count = None
    if _is_count(first.strip()):
        count = int(first)
        number, first = next(lines, (2, ""))
    commas = "," in first
    header = _fields(first, commas)
    if header and header[0].lower() in _NAME_COLUMNS:
        del header[0]
    fault = _header_fault(header)
    if fault is not None:
        report(f"{path}:{number}: {fault}; take the file from the original release")
        return {}, []
    table, rows, n = _read_rows(path, lines, header, commas, report)
    if count is not None and n != count:
        report(
            f"{path}:1: announces {count} images, but {n} lines follow; the file is truncated or edited; "
            "take it from the original release, or correct the count"
        )
    labels = np.frombuffer(bytes(table), dtype=np.uint8).reshape(len(rows), len(header))
    return {name: labels[:, column].astype(np.int16) for column, name in enumerate(header)}, rows


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _header_fault(header: list[str]) -> str | None:
    """What shows that a line does not name the attributes; None if it may."""
    if not header or any(name.lstrip("+-").isdigit() or "." in name for name in header):
        return (
            f"{' '.join(header)!r:.80} does not name the attributes; expected their names in the first line, "
            "or after a count of images"
        )
    if len(header) > MAX_COLUMNS:
        return f"{len(header)} attributes; expected at most {MAX_COLUMNS}"
    if len(set(header)) != len(header):
        return "an attribute name stands twice"
    return name_fault(header)


def _read_rows(
    path: Path, lines: Iterator[tuple[int, str]], header: list[str], commas: bool, report: Report
) -> tuple[bytearray, Rows, int]:
    """The codes of all good rows one after another, those rows, and how many rows there are, bad ones included."""
    names = Names(report)
    table, rows, n = bytearray(), [], 0
    for number, line in lines:
        if not line.strip():
            continue
        n += 1
        name, *values = _fields(line, commas)
        where = f"{path}:{number}"
        if len(values) != len(header):
            report(f"{where}: {len(values)} labels; expected {len(header)}; repair the line")
            continue
        try:
            codes = bytes(map(_CODES.__getitem__, values))
        except KeyError:
            wrong = next(column for column, value in enumerate(values) if value not in _CODES)
            report(
                f"{where}: {header[wrong]} {values[wrong]!r:.80} is no class; expected -1 or 1; correct the line"
            )
            continue
        spelled = names.accept(name, where)
        if spelled is not None:
            rows.append((spelled, where))
            table += codes
    return table, rows, n


def _read_partition(path: Path, folder: Path, report: Report) -> Iterator[tuple[str, str]]:
    """Per image its name and its split."""
    names = Names(report)
    for number, line in enumerate(read_lines(path, folder, report), start=1):
        fields = _fields(line, "," in line)
        if not fields or (number == 1 and fields[0].lower() in _NAME_COLUMNS):
            continue
        where = f"{path}:{number}"
        if len(fields) != 2 or fields[1] not in _PARTS:
            report(
                f"{where}: {line.strip()!r:.80}; expected an image's name and its part, 0 (train), 1 (valid) or "
                "2 (test); correct the line"
            )
        elif (name := names.accept(fields[0], where)) is not None:
            yield name, _PARTS[fields[1]]


class CelebA(FileSource):
    """CelebA: 40 binary columns under their official names; sample ids are the images' names (`000001.jpg`).

    The aligned images (178 × 218) are cut to the centred 178 × 178 square, then resized. Splits are the official ones
    or, without the partition, 80% train, 10% valid and 10% test by `split_of_name`.

    Args:
        folder: The folder with the images and the two lists.
        size: Side of the square images, in pixels.

    Raises:
        DataError: for a missing file or image, a line that is not as the lists have it, a label that is no class, a
            part that is none of 0, 1, 2, an image in one list only, a count that is not the number of lines.
    """

    def __init__(self, folder: Path | str, size: int) -> None:
        super().__init__("celeba", read_celeba(Path(folder)), size)
