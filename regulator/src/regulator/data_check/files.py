"""The files of a data set as they lie on the disk: missing, unreadable, or a web page under another name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from shared_spec.data.image_files import Individuals, survey
from shared_spec.data.images import foreign_content, load_square
from shared_spec.data.source import SPLITS
from shared_spec.errors import DataError
from shared_spec.progress import Report, silent, stage

__all__ = ["ImageFaults", "archive_problems", "image_problems"]

_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".h5", ".hdf5")
_CHUNK = 1024
_SIZE = 64


@dataclass(frozen=True)
class ImageFaults:
    """What is wrong with the images of a data set.

    Attributes:
        absent: One line per image that is missing, or a link out of the folder.
        unreadable: One line per image that cannot be decoded.
        unlisted: How many images lie beside those that the data set names.
    """

    absent: list[str]
    unreadable: list[str]
    unlisted: int


def archive_problems(root: Path) -> list[str]:
    """One line per archive beside or directly above the images that holds a web page or nothing in its place."""
    lines = []
    for folder in (root, root.parent) if root.name == "img_align_celeba" else (root,):
        try:
            there = sorted(folder.iterdir())
        except OSError:  # which whoever reads the labels has said already
            continue
        for path in there:
            if path.suffix.lower() not in _ARCHIVES or not path.is_file():
                continue
            content = _content(path)
            if content is not None:
                lines.append(f"{path}: {content}, not an archive; download the file again")
    return lines


def _content(path: Path) -> str | None:
    try:
        return foreign_content(path)
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def image_problems(
    individuals: Individuals, every: int, report: Report = silent
) -> tuple[ImageFaults, int]:
    """Looks for all image files and decodes every n-th of each split and of the counterparts.

    Args:
        individuals: Names of the images.
        every: 1 decodes all, 0 none.
        report: Told the number of images done.

    Returns:
        The faults, in the order of the label files, and the number of images decoded.
    """
    found = survey(individuals)
    root = individuals.root
    absent = []
    for name in found.missing:
        remedy = "restore the file, or remove its line"
        if name in found.near:
            remedy = f"there is {found.near[name]!r}; write the name as the file has it"
        absent.append(f"{root / name}: image missing; {remedy}")
    absent += [
        f"{root / name}: the link leads out of {root}; copy the image into the data folder"
        for name in found.outside
    ]
    skipped = {*found.missing, *found.outside}
    parts = [individuals.names[split] for split in SPLITS]
    parts.append([name for split, name in individuals.images() if split not in SPLITS])
    names = [
        name for part in parts for name in part[:: every or 1] if every and name not in skipped
    ]
    advance = stage(report, "decoding images", len(names))
    unreadable = []
    for done, fault in enumerate(_faults([root / name for name in names]), start=1):
        if fault is not None:
            unreadable.append(fault)
        if done % _CHUNK == 0 or done == len(names):
            advance(done, "")
    return ImageFaults(absent, unreadable, found.unlisted), len(names)


def _faults(paths: list[Path]) -> Iterator[str | None]:
    """What is wrong with each image, in order; Pillow decodes outside the interpreter's lock, hence threads."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for start in range(0, len(paths), _CHUNK):
            yield from pool.map(_fault, paths[start : start + _CHUNK])


def _fault(path: Path) -> str | None:
    try:
        load_square(path, _SIZE)
    except DataError as error:
        return str(error)
    return None
