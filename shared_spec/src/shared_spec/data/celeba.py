"""CelebA (Liu et al., 2015) as its owners hand it out: aligned images, 40 binary attributes, official partition.

Expected: `img_align_celeba/*.jpg` (or the images in the folder itself), `list_attr_celeba.txt` (a count, the names,
then per image -1 or 1) and `list_eval_partition.txt` (per image 0 train, 1 valid, 2 test). The folders `Anno`, `Eval`
and `Img` of the original download are looked into as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared_spec.data.image_files import BINARY, FileSource, Individuals
from shared_spec.data.images import foreign_content
from shared_spec.data.label_files import Names, Report, check_folder, read_lines, refuse
from shared_spec.data.source import SPLITS

__all__ = ["CelebA", "read_celeba"]

_ATTRIBUTES = "list_attr_celeba.txt"
_PARTITION = "list_eval_partition.txt"
_IMAGES = "img_align_celeba"
_CODES = {"-1": 0, "1": 1}
_PARTS = {str(code): split for code, split in enumerate(SPLITS)}


def read_celeba(folder: Path, report: Report = refuse) -> Individuals:
    """Names, splits and labels of a CelebA folder; what is wrong goes to `report`, line by line.

    Raises:
        DataError: if the folder does not exist.
    """
    check_folder(folder, f"{_IMAGES}/, {_ATTRIBUTES} and {_PARTITION}")
    attributes = _find(folder, "Anno", _ATTRIBUTES)
    partition = _find(folder, "Eval", _PARTITION)
    columns, rows = _read_attributes(attributes, report)
    splits = dict(_read_partition(partition, report))
    chosen = []
    for row, (name, where) in enumerate(rows):
        if name in splits:
            chosen.append(row)
        elif splits:
            report(f"{where}: {name} is not in {partition}; expected its split there; add the line")
    if splits and (unlabelled := splits.keys() - {name for name, _ in rows}):
        report(
            f"{partition}: {min(unlabelled)} has no usable line in {attributes} ({len(unlabelled)} images have none); "
            "expected the attributes of every image; take both files from the same release"
        )
    return Individuals.from_rows(
        _image_folder(folder, report),
        [(rows[row][0], splits[rows[row][0]]) for row in chosen],
        {name: codes[chosen] for name, codes in columns.items()},
        {name: BINARY for name in columns},
        [attributes, partition],
    )


def _find(folder: Path, subfolder: str, name: str) -> Path:
    nested = folder / subfolder / name
    return nested if nested.exists() and not (folder / name).exists() else folder / name


def _image_folder(folder: Path, report: Report) -> Path:
    """The folder with the images; reports an archive that was never unpacked, or that is a web page."""
    for place in (folder / _IMAGES, folder / "Img" / _IMAGES):
        if place.is_dir():
            return place
    for archive in (folder / f"{_IMAGES}.zip", folder / "Img" / f"{_IMAGES}.zip"):
        if archive.is_file():
            content = foreign_content(archive)
            state = (
                f"{content}, not an archive; download it again" if content else "unpack it there"
            )
            report(f"{archive}: {state}; expected the folder {_IMAGES}/ beside it")
            break
    return folder


def _read_attributes(
    path: Path, report: Report
) -> tuple[dict[str, npt.NDArray[np.int16]], list[tuple[str, str]]]:
    """Codes by attribute, shape [n], and per row the image's name and its `FILE:LINE`."""
    lines = read_lines(path, report)
    if lines is None:
        return {}, []
    count, header = lines[0].strip(), lines[1].split() if len(lines) > 1 else []
    if not (count.isascii() and count.isdigit()) or not header:
        report(
            f"{path}:1: {count!r:.80} is no count of images, or no names follow; expected CelebA's text file "
            "(a count, the attribute names, one line per image), not a CSV copy"
        )
        return {}, []
    if len(set(header)) != len(header):
        report(f"{path}:2: an attribute name stands twice; take the file from the original release")
        return {}, []
    names = Names(report)
    rows: list[tuple[str, str]] = []
    table: list[bytes] = []
    n_lines = 0
    for number, line in enumerate(lines[2:], start=3):
        if not line.strip():
            continue
        n_lines += 1
        name, *values = line.split()
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
            table.append(codes)
    if n_lines != int(count):
        report(
            f"{path}:1: announces {int(count)} images, but {n_lines} lines follow; the file is truncated or edited; "
            "take it from the original release, or correct the count"
        )
    labels = np.frombuffer(b"".join(table), dtype=np.uint8).reshape(len(rows), len(header))
    return {name: labels[:, column].astype(np.int16) for column, name in enumerate(header)}, rows


def _read_partition(path: Path, report: Report) -> Iterator[tuple[str, str]]:
    """Per image its name and its split."""
    names = Names(report)
    for number, line in enumerate(read_lines(path, report) or [], start=1):
        fields = line.split()
        if not fields:
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

    The aligned images (178 × 218) are cut to the centred 178 × 178 square, then resized.

    Args:
        folder: The folder with the images and the two lists.
        size: Side of the square images, in pixels.

    Raises:
        DataError: for a missing file or image, a line that is not as the lists have it, a label that is no class, a
            part that is none of 0, 1, 2, an image in one list only, a count that is not the number of lines.
    """

    def __init__(self, folder: Path | str, size: int) -> None:
        super().__init__("celeba", read_celeba(Path(folder)), size)
