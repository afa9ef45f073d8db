"""Directories that are artefacts: one document that lists every other file with the SHA-256 of its bytes."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import Field

from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.canonical import canonical_json, digest_document, digest_file, parse_json
from shared_spec.artifacts.document import AnyDocument, Strict, parse_document
from shared_spec.artifacts.reading import DOCUMENT_BYTES, TENSOR_BYTES, open_regular, read_regular
from shared_spec.errors import ArtifactError

__all__ = [
    "FileEntry",
    "check_directory",
    "list_files",
    "load_directory_document",
    "open_listed",
    "read_listed",
    "save_directory_document",
]


_BLOCK = 2**20
"""Bytes that are read of a stream at once."""


class FileEntry(Strict):
    """One file of the directory and the SHA-256 of its bytes."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255)
    size: int = Field(ge=0, le=TENSOR_BYTES)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


def list_files(folder: Path, names: Sequence[str]) -> tuple[FileEntry, ...]:
    """The entries of these files, sorted by name."""
    return tuple(
        FileEntry(name=name, size=(folder / name).stat().st_size, sha256=digest_file(folder / name))
        for name in sorted(names)
    )


def save_directory_document(folder: Path, name: str, document: AnyDocument) -> AnyDocument:
    """Writes the document `name` of a directory; returns it with its content digest.

    The document lists its files, so its digest covers every byte of the directory; it is written last.
    """
    bare = document.model_dump(mode="json", exclude={"content_digest"})
    digest = digest_document(bare, [])
    write_atomically(folder / name, canonical_json({**bare, "content_digest": digest}) + b"\n")
    return document.model_copy(update={"content_digest": digest})


def load_directory_document(folder: Path, name: str, model: type[AnyDocument]) -> AnyDocument:
    """The checked document of an artefact directory; `check_directory` and `read_listed` check the rest.

    `model` has a field `files: tuple[FileEntry, ...]`, unless the document is all that there is.

    Raises:
        ArtifactError: if there is none, or it is changed, of another kind, or malformed.
    """
    path = folder / name
    if not os.path.lexists(path):
        # What knows all kinds of results knows this one.
        from shared_spec.artifacts.kinds import kind_words

        found = "no such directory" if not folder.exists() else kind_words(folder)
        found = found or ("holds no such artefact" if folder.is_dir() else "is no directory")
        raise ArtifactError(f"{folder}: {found}; expected a directory that holds {name}")
    raw = parse_json(read_regular(path, DOCUMENT_BYTES), str(path))
    document = parse_document(model, raw, str(path))
    actual = digest_document(raw, [])
    if actual != document.content_digest:
        raise ArtifactError(
            f"{path}: content digest is {actual}, expected {document.content_digest}; "
            "it was changed after it was written"
        )
    return document


def check_directory(
    folder: Path, document: str, files: Sequence[FileEntry], expected: Collection[str]
) -> None:
    """Whether the document lists exactly the `expected` files, and the folder holds these and nothing else.

    Only names, kinds and sizes are looked at: what is in a file is checked when it is read.

    Raises:
        ArtifactError: naming the first file that is missing, unlisted, no regular file, or of another size.
    """
    listed, known = [entry.name for entry in files], frozenset(expected)
    if sorted(listed) != sorted(expected):
        odd = sorted(set(listed) ^ set(expected)) or ["a file twice"]
        raise ArtifactError(
            f"{folder / document}: its files are not those of such an artefact: {odd[0]} is "
            f"{'listed' if odd[0] in listed else 'not listed'}; ask for the artefact again"
        )
    try:
        for extra in sorted(path.name for path in folder.iterdir()):
            if extra != document and extra not in known:
                raise ArtifactError(
                    f"{folder / extra}: not listed in {document}; remove it or ask for the artefact again"
                )
        for entry in files:
            found = (folder / entry.name).lstat()
            if not stat.S_ISREG(found.st_mode):
                raise ArtifactError(f"{folder / entry.name}: is not a regular file; ask for it again")  # fmt: skip
            _check_size(folder / entry.name, found.st_size, entry)
    except OSError as error:
        raise ArtifactError(
            f"{error.filename}: cannot be read ({error.strerror}); the directory is incomplete"
        ) from error


def read_listed(folder: Path, files: Sequence[FileEntry], name: str) -> bytes:
    """The bytes of a file of a directory, once they are known to be those that its document lists.

    Raises:
        ArtifactError: if the file is missing, no regular file, or changed.
    """
    entry = next(entry for entry in files if entry.name == name)
    path = folder / name
    content = read_regular(path, entry.size)
    _check_size(path, len(content), entry)
    _check_digest(path, hashlib.sha256(content).hexdigest(), entry)
    return content


@contextmanager
def open_listed(folder: Path, files: Sequence[FileEntry], name: str) -> Iterator[BinaryIO]:
    """A file of a directory as a stream, for files of any size: what is hashed are the bytes that are handed out.

    Whoever reads it knows only at its end that they are those that its document lists: until then nothing may be
    concluded from them.

    Raises:
        ArtifactError: if the file is missing or no regular file; on reading, at its end, if it was changed.
    """
    entry = next(entry for entry in files if entry.name == name)
    path = folder / name
    with (
        open_regular(path) as file,
        io.BufferedReader(_Checked(file, path, entry), _BLOCK) as found,
    ):
        yield found


class _Checked(io.RawIOBase):
    """A file that is hashed as it is read, and compared with its entry at its end."""

    def __init__(self, file: BinaryIO, path: Path, entry: FileEntry) -> None:
        self._file, self._path, self._entry = file, path, entry
        self._digest, self._size = hashlib.sha256(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer; Python 3.11 has no name for it
        content = self._file.read(len(memoryview(buffer)))
        memoryview(buffer)[: len(content)] = content
        self._digest.update(content)
        self._size += len(content)
        if not content or self._size > self._entry.size:
            _check_size(self._path, self._size, self._entry)
            _check_digest(self._path, self._digest.hexdigest(), self._entry)
        return len(content)


def _check_digest(path: Path, actual: str, entry: FileEntry) -> None:
    if actual != entry.sha256:
        raise ArtifactError(
            f"{path}: SHA-256 is {actual}, expected {entry.sha256}; it was changed after it was written"
        )


def _check_size(path: Path, size: int, entry: FileEntry) -> None:
    if size != entry.size:
        raise ArtifactError(
            f"{path}: has {size} bytes, expected {entry.size}; truncated or changed"
        )
