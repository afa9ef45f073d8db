"""Nothing half-written is ever found where a result should be: write aside, flush to disk, rename.

A file is complete or absent. A directory is built under a name that no reader accepts (`.NAME.partial`) and takes
its own name in one rename, so a killed command leaves either the old result or none.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared_spec.errors import LassiError, SettingsError

__all__ = ["partial_directory", "publish_directory", "refuse_existing", "write_atomically"]


def refuse_existing(path: Path, force: bool) -> None:
    """Raises SettingsError if `path` exists and `force` is off: nothing is overwritten unasked."""
    if path.exists() and not force:
        raise SettingsError(
            f"{path}: exists already; name another place or pass --force to replace it"
        )


def write_atomically(path: Path, content: bytes) -> None:
    """Writes `content` to `path`, which holds either its old content or all of the new, whatever happens.

    Raises:
        LassiError: if the disk is full or the folder cannot be written.
    """
    path = Path(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with _storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(aside, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
        _sync_folder(path.parent)


def partial_directory(path: Path) -> Path:
    """Where the directory `path` is built before `publish_directory` gives it its name."""
    path = Path(path)
    return path.with_name(f".{path.name}.partial")


def publish_directory(path: Path, force: bool) -> None:
    """Renames the finished partial directory of `path` to `path`; with `force`, replaces what stands there."""
    path, partial = Path(path), partial_directory(path)
    with _storage_errors(path):
        if path.exists():
            refuse_existing(path, force)
            old = path.with_name(f".{path.name}.replaced")
            shutil.rmtree(old, ignore_errors=True)
            os.replace(path, old)
            os.replace(partial, path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(partial, path)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a rename durable; folders cannot be opened on every system."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "free some space and run the same command again"
        else:
            remedy = "name a place that can be written"
        raise LassiError(f"{path}: cannot be written ({error.strerror}); {remedy}") from error
