"""The door through which whatever others wrote comes in: regular files only, each read once.

What is hashed and what is parsed are the same bytes in memory, so nobody can change a file between the two, or under a
memory map. A symbolic link, a pipe or a device is refused before it is read, and so is a file beyond its limit.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from shared_spec.errors import ArtifactError, LassiError

__all__ = ["DOCUMENT_BYTES", "TABLE_BYTES", "TENSOR_BYTES", "open_regular", "read_regular"]

DOCUMENT_BYTES = 16 * 2**20
"""Most bytes of a JSON document."""

TABLE_BYTES = 2**30
"""Most bytes of a CSV file."""

TENSOR_BYTES = 4 * 2**30
"""Most bytes of a safetensors file."""

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # or opening a pipe would wait for its writer
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@contextmanager
def open_regular(path: Path, error: type[LassiError] = ArtifactError) -> Iterator[BinaryIO]:
    """Opens a regular file for reading.

    Raises:
        LassiError: of the type `error`, if there is none, it is something else, or it cannot be read.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise error(f"{path}: no such file; expected one to read") from None
    except OSError as failure:
        if failure.errno in (errno.ELOOP, errno.EMLINK) or path.is_symlink():
            raise error(f"{path}: is a symbolic link; name the file itself") from None
        raise error(f"{path}: cannot be read ({failure.strerror})") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise error(
            f"{path}: is {'a directory' if stat.S_ISDIR(mode) else 'not a regular file'}; name a file"
        )
    with os.fdopen(descriptor, "rb") as file:
        try:
            yield file
        except OSError as failure:
            raise error(f"{path}: cannot be read ({failure.strerror})") from failure


def read_regular(path: Path, limit: int, error: type[LassiError] = ArtifactError) -> bytes:
    """All bytes of a regular file of at most `limit` bytes. Raises `error` as `open_regular` does."""
    with open_regular(path, error) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise error(f"{path}: has {size} bytes; expected at most {limit}")
        content = file.read(size + 1)
    if len(content) != size:
        raise error(f"{path}: was changed while it was read; try again")
    return content
