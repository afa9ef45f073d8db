"""Directories that are artefacts: one document that lists every other file with the SHA-256 of its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.canonical import canonical_json, digest_document, digest_file, parse_json
from shared_spec.artifacts.document import AnyDocument, Strict, parse_document
from shared_spec.errors import ArtifactError

__all__ = ["FileEntry", "list_files", "load_directory_document", "save_directory_document"]


class FileEntry(Strict):
    """One file of the directory and the SHA-256 of its bytes."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    size: int = Field(ge=0)
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
    """The checked document of an artefact directory, all of whose files are then known to be unchanged.

    `model` has a field `files: tuple[FileEntry, ...]`.

    Raises:
        ArtifactError: if the folder or a file is missing, changed, a symbolic link, or not listed.
    """
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: no such directory; expected one that holds {name}")
    path = folder / name
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error.strerror}); the directory is incomplete"
        ) from error
    raw = parse_json(text, str(path))
    document = parse_document(model, raw, str(path))
    actual = digest_document(raw, [])
    if actual != document.content_digest:
        raise ArtifactError(
            f"{path}: content digest is {actual}, expected {document.content_digest}; "
            "it was changed after it was written"
        )
    entries: tuple[FileEntry, ...] = document.files  # type: ignore[attr-defined]
    listed = {entry.name for entry in entries} | {name}
    for extra in sorted(entry.name for entry in folder.iterdir()):
        if extra not in listed:
            raise ArtifactError(
                f"{folder / extra}: not listed in {name}; remove it or ask for the artefact again"
            )
    for entry in entries:
        _check_file(folder / entry.name, entry)
    return document


def _check_file(path: Path, entry: FileEntry) -> None:
    if path.is_symlink() or not path.is_file():
        raise ArtifactError(f"{path}: missing or not a regular file; ask for the artefact again")
    size = path.stat().st_size
    if size != entry.size:
        raise ArtifactError(
            f"{path}: has {size} bytes, expected {entry.size}; truncated or changed"
        )
    actual = digest_file(path)
    if actual != entry.sha256:
        raise ArtifactError(
            f"{path}: SHA-256 is {actual}, expected {entry.sha256}; it was changed after it was written"
        )
