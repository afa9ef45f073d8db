"""Nothing half-written is ever found where a result should be: write aside, flush to disk, rename.

A file is complete or absent. A directory is built under a name that no reader accepts (`.NAME.partial`) and takes
its own name in one rename, so a killed command leaves either the old result or none. What stands at either name is
never written through: links are removed, not followed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shared_spec.errors import LassiError, SettingsError

__all__ = [
    "Kind",
    "begun_file",
    "building",
    "empty_directory",
    "partial_directory",
    "publish_directory",
    "refuse_existing",
    "require_writable",
    "storage_errors",
    "write_atomically",
    "writing_atomically",
]


@dataclass(frozen=True)
class Kind:
    """What a command writes, and so may replace; `shared_spec.artifacts.kinds` has those that there are.

    Attributes:
        name: in words.
        recognises: whether something that exists is of this kind; raises nothing.
        suffix: what its name must end with, for programs that go by names; anything if empty.
    """

    name: str
    recognises: Callable[[Path], bool]
    suffix: str = ""


def refuse_existing(
    path: Path, force: bool, *, kind: Kind | None = None, inputs: Iterable[object] = ()
) -> None:
    """Nothing is overwritten unasked, nothing of another kind is ever replaced, and nothing that is read.

    Called before any work, so it also makes sure that something can be written there.

    Args:
        path: where a result will be.
        force: whether what stands there may be replaced.
        kind: what is written, and so what it must be to be replaced; anything unless given.
        inputs: what the command was given to read; what was loaded already is no path and no matter.

    Raises:
        SettingsError: `path` exists and may not be replaced, it is an input, inside one or around one, or its name is
            not one of the kind.
        LassiError: nothing can be written there.
    """
    require_writable(path)
    place = path.resolve()
    for found in inputs:
        if not isinstance(found, Path | str):
            continue
        there = Path(found).resolve()
        if place == there or place in there.parents or there in place.parents:
            raise SettingsError(
                f"{path}: would be written over {found}, which is read; name another place"
            )
    if not os.path.lexists(path):
        if kind is not None and not path.name.lower().endswith(kind.suffix):
            raise SettingsError(
                f"{path}: a {kind.name} is written; expected a name that ends with {kind.suffix}"
            )
        return
    if not force:
        raise SettingsError(
            f"{path}: exists already; name another place or pass --force to replace it"
        )
    if kind is not None and not _replaceable(path, kind):
        raise SettingsError(
            f"{path}: is no {kind.name} alone, so it is not replaced; name another place"
        )


def require_writable(path: Path) -> None:
    """Raises LassiError unless a file can be made where `path` will be, by making one that has no name."""
    folder = path.absolute().parent
    while not os.path.lexists(folder):
        folder = folder.parent
    with storage_errors(path), tempfile.TemporaryFile(dir=folder):
        pass


def _replaceable(path: Path, kind: Kind) -> bool:
    if path.is_symlink():
        return False
    if path.is_dir() and not any(path.iterdir()):
        return True
    return kind.recognises(path)


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Writes `content` to `path`, which holds either its old content or all of the new, whatever happens.

    Args:
        path: of the file.
        content: all of it.
        mode: of a new file, before the umask.

    Raises:
        LassiError: if the disk is full or the folder cannot be written.
    """
    with writing_atomically(path, mode) as file:
        file.write(content)


@contextmanager
def writing_atomically(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file to write what `path` will hold once all of it is there; as `write_atomically`, piece by piece."""
    path = Path(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.unlink(missing_ok=True)
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                yield file
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


def begun_file(path: Path) -> Path:
    """Where an unfinished directory `path` says what it will be; beside it, since it is published as it stands."""
    return partial_directory(path).with_suffix(".json")


@contextmanager
def building(path: Path, *, keep: bool = False) -> Iterator[Path]:
    """The partial directory of `path`, for this process alone; new, and removed unless it is published.

    Args:
        path: of what is built.
        keep: leave what is there, before and after, for a command that goes on where it was.

    Raises:
        SettingsError: another process is building the same.
        LassiError: the place cannot be written.
    """
    partial = partial_directory(path)
    with storage_errors(path):
        partial.parent.mkdir(parents=True, exist_ok=True)
        if partial.is_symlink() or partial.is_file():
            partial.unlink()
        partial.mkdir(exist_ok=True)
        lock = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _claim(path, partial, lock)
        if not keep:
            with storage_errors(path):
                begun_file(path).unlink(missing_ok=True)
                empty_directory(partial)
        try:
            yield partial
        finally:
            if not keep and _same(partial, lock):
                shutil.rmtree(partial, ignore_errors=True)
    finally:
        os.close(lock)


def _claim(path: Path, partial: Path, lock: int) -> None:
    """Locks the partial directory. Raises SettingsError if another process has."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SettingsError(
            f"{path}: another command is writing it; wait for it, or name another place"
        ) from None
    if not _same(partial, lock):
        raise SettingsError(f"{path}: another command has just written it; name another place")


def empty_directory(folder: Path) -> None:
    """Removes all that is in it."""
    for litter in folder.iterdir():
        if litter.is_dir() and not litter.is_symlink():
            shutil.rmtree(litter)
        else:
            litter.unlink()


def _same(path: Path, descriptor: int) -> bool:
    """Whether `path` is still what was opened."""
    return path.exists() and os.path.samestat(path.lstat(), os.fstat(descriptor))


def publish_directory(path: Path, force: bool, kind: Kind | None = None) -> None:
    """Renames the finished partial directory of `path` to `path`; with `force`, replaces what stands there."""
    path, partial = Path(path), partial_directory(path)
    with storage_errors(path):
        if os.path.lexists(path):
            refuse_existing(path, force, kind=kind)
            old = path.with_name(f".{path.name}.replaced")
            if old.is_symlink() or old.is_file():
                old.unlink()
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
def storage_errors(path: Path) -> Iterator[None]:
    """Raises LassiError with a remedy where writing what will be `path` fails."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "free some space and run the same command again"
        else:
            remedy = "name a place that can be written"
        raise LassiError(f"{path}: cannot be written ({error.strerror}); {remedy}") from error
