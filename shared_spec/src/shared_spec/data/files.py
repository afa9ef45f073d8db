"""How the files of a data set are opened: regular files alone, and no link that leads out of its folder.

A data set may come from anybody. A pipe in the place of a file would be waited for, a device read without an end, and a
link would show what lies elsewhere on the disk.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

__all__ = ["foreign_content", "leads_outside", "open_regular", "sha256_of"]

# What does not exist on every platform is left out there.
_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0)
    for name in (
        "O_NONBLOCK",  # or opening a pipe would wait for its writer
        "O_CLOEXEC",
        "O_BINARY",
    )
)
_HEAD_BYTES = 1024


def open_regular(path: Path) -> BufferedReader:
    """The regular file at `path`, open for reading.

    Raises:
        OSError: if there is none, it may not be read, links go in a circle, or it is a pipe, a device or a folder.
    """
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def leads_outside(path: Path, folder: Path) -> bool:
    """Whether links lead from `path`, which is inside `folder` by its name, to a place outside."""
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def foreign_content(path: Path) -> str | None:
    """What stands in the file in place of data, or None: "is empty", "is a web page", "is a Git LFS pointer".

    Download sites answer with a page (a quota, a virus warning, a login) that clients save under the name of the
    image or archive that was asked for. Raises OSError as `open_regular`.
    """
    with open_regular(path) as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        return "is empty"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<") and any(
        tag in text for tag in (b"<html", b"<!doctype html", b"<head")
    ):
        return "is a web page"
    if text.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer"
    return None


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a regular file, read block by block. Raises OSError as `open_regular`."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
