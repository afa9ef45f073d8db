"""The kinds of results, by what shows them: `--force` replaces a result by one of its own kind and nothing else.

A command that is given another kind than it reads says which command reads that.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shared_spec.artifacts.arrays import read_header
from shared_spec.artifacts.atomic import Kind
from shared_spec.artifacts.canonical import parse_json
from shared_spec.artifacts.parts import PART
from shared_spec.artifacts.reading import DOCUMENT_BYTES, open_regular, read_regular
from shared_spec.errors import ArtifactError

__all__ = [
    "AUDIT",
    "BUNDLE",
    "BUNDLE_PART",
    "CERTIFICATE",
    "CERTIFICATE_PART",
    "ENCODER",
    "FLOW",
    "MODEL",
    "NONCE",
    "PICTURE",
    "RECEIPT",
    "SEARCH",
    "SIGNATURE",
    "SPEC",
    "directory_kind",
    "json_kind",
    "kind_words",
    "refuse_others",
    "table_kind",
    "tensor_kind",
    "text_kind",
]


def directory_kind(name: str, document: str, media: str, files: str) -> Kind:
    """A directory with a document of the media type `media` (of any version), and else only names of a pattern."""

    def recognises(path: Path) -> bool:
        try:
            found = parse_json(read_regular(path / document, DOCUMENT_BYTES), document)
            names = {entry.name for entry in path.iterdir()} - {document}
        except (ArtifactError, OSError):
            return False
        return _is_of(found, media) and all(re.fullmatch(files, each) for each in names)

    return Kind(name, recognises)


def tensor_kind(name: str, media: str) -> Kind:
    """A safetensors file whose document has the media type `media`, of any version."""

    def recognises(path: Path) -> bool:
        try:
            with open_regular(path) as file:
                size = int.from_bytes(file.read(8), "little")
                head = size.to_bytes(8, "little") + file.read(min(size, DOCUMENT_BYTES))
            _, document = read_header(head, str(path))
        except (ArtifactError, OverflowError):
            return False
        return _is_of(document, media)

    return Kind(name, recognises)


def json_kind(name: str, says: Callable[[Mapping[str, object]], bool]) -> Kind:
    """A JSON file that `says` knows by its members."""

    def recognises(path: Path) -> bool:
        try:
            return says(parse_json(read_regular(path, DOCUMENT_BYTES), str(path)))
        except ArtifactError:
            return False

    return Kind(name, recognises)


def table_kind(name: str, header: Sequence[str]) -> Kind:
    """A CSV file with this header."""

    def recognises(path: Path) -> bool:
        try:
            with open_regular(path) as file:
                return file.readline(65_536).rstrip(b"\r\n") == ",".join(header).encode()
        except ArtifactError:
            return False

    return Kind(name, recognises)


def text_kind(name: str, beginning: bytes) -> Kind:
    """A file that begins so."""

    def recognises(path: Path) -> bool:
        try:
            with open_regular(path) as file:
                return file.read(len(beginning)) == beginning
        except ArtifactError:
            return False

    return Kind(name, recognises)


def _is_picture(path: Path) -> bool:
    """Whether it is a PNG that says, before its pixels, that it was drawn here."""
    try:
        with open_regular(path) as file:
            head = file.read(256)
    except ArtifactError:
        return False
    return head.startswith(b"\x89PNG\r\n\x1a\n") and b"tEXtSoftware\0LASSI" in head


def _is_model(path: Path) -> bool:
    """Whether it is a folder with an encoder and nothing else."""
    try:
        return {entry.name for entry in path.iterdir()} == {"encoder.safetensors"} and (
            ENCODER.recognises(path / "encoder.safetensors")
        )
    except OSError:
        return False


def _is_nonce(path: Path) -> bool:
    """Whether it is the secret of a commitment."""
    try:
        return re.fullmatch(rb"[0-9a-f]{64}\n?", read_regular(path, 100)) is not None
    except ArtifactError:
        return False


def refuse_others(path: Path, *kinds: Kind) -> None:
    """Raises ArtifactError if `path` is a result of none of these kinds, naming the command that reads it."""
    found = kind_words(path, *kinds)
    if found:
        raise ArtifactError(f"{path}: {found}")


def kind_words(path: Path, *others: Kind) -> str:
    """That `path` is a result, if it is one but of no kind of `others`, and which command reads it; else nothing."""
    for kind, reader in _READERS.items():
        if kind not in others and kind.recognises(path):
            article = "an" if kind.name[0] in "aeiou" else "a"
            return (
                f"is {article} {kind.name}, which {shlex.join([*reader.split(), str(path)])} reads"
            )
    return ""


def _is_of(document: Mapping[str, object], media: str) -> bool:
    return str(document.get("media_type")).startswith(f"application/vnd.lassi.{media}.v")


_BUNDLE_FILES = r"individuals\.(?:csv|parquet)|[A-Za-z0-9][A-Za-z0-9._-]*-[0-9]{5,}\.safetensors"

AUDIT = directory_kind("audit", "audit.json", "audit", r"(?!)")
BUNDLE = directory_kind(
    "bundle",
    "manifest.json",
    "representations",
    _BUNDLE_FILES,
)
BUNDLE_PART = directory_kind("bundle part", PART, "representations-part", _BUNDLE_FILES)
CERTIFICATE = directory_kind(
    "certificate",
    "certificate.json",
    "fairness-certificate",
    r"individuals\.(?:csv|parquet)|head\.safetensors|report\.html|salt\.json|strip\.png",
)
CERTIFICATE_PART = directory_kind(
    "certificate part",
    PART,
    "certificate-part",
    r"head\.safetensors|[a-z]+\.[a-z-]+\.csv",
)
ENCODER = tensor_kind("encoder", "encoder")
FLOW = tensor_kind("flow", "flow")
MODEL = Kind("model", _is_model)
NONCE = Kind("nonce of a commitment", _is_nonce)
PICTURE = Kind("picture drawn by LASSI", _is_picture, ".png")
RECEIPT = json_kind("receipt", lambda found: _is_of(found, "receipt"))
SEARCH = json_kind(
    "search", lambda found: {"spec_digest", "target", "scores", "chosen"} <= found.keys()
)
SIGNATURE = json_kind(
    "signature", lambda found: {"payload", "payloadType", "signatures"} == found.keys()
)
SPEC = tensor_kind("spec", "similarity-spec")

_READERS = {
    SPEC: "regulator inspect",
    FLOW: "regulator preview --data DATA --out flow.png --flow",
    MODEL: "producer inspect",
    BUNDLE: "producer inspect",
    BUNDLE_PART: "producer merge --out reps/",
    AUDIT: "consumer inspect",
    CERTIFICATE: "consumer inspect",
    CERTIFICATE_PART: "consumer merge --reps reps/ --out certificate/",
    RECEIPT: "consumer verify-receipt --certificate CERTIFICATE",
}
