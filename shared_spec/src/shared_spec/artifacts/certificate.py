"""certificate/: what a consumer states about every individual, and the numbers that each statement rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from torch import Tensor

from shared_spec.artifacts.atomic import write_atomically, writing_atomically
from shared_spec.artifacts.audit_documents import AuditEntry
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.bundle_documents import SpecEntry, known_views
from shared_spec.artifacts.claim_documents import Claim, Population
from shared_spec.artifacts.directory import (
    FileEntry,
    check_directory,
    list_files,
    load_directory_document,
    open_listed,
    read_listed,
    save_directory_document,
)
from shared_spec.artifacts.document import Count, Digest, Document, Name, Tool
from shared_spec.artifacts.group_figures import GroupTable
from shared_spec.artifacts.head_documents import HeadEntry
from shared_spec.artifacts.head_file import HEAD, read_head, save_head
from shared_spec.artifacts.reality import RealityCheck
from shared_spec.artifacts.rows import HEADER, Row, Rows, read_rows
from shared_spec.artifacts.salt import SALT, RowTrees, Salt, draw_salt, parse_salt
from shared_spec.artifacts.strip import STRIP, Strip, StripEntry, parse_strip
from shared_spec.errors import ArtifactError
from shared_spec.imprint import Imprint
from shared_spec.rng import Seed
from shared_spec.terms import Status
from shared_spec.trust.fields import Hex256
from shared_spec.trust.seeds import CommittedSeed
from shared_spec.trust.verification import Origin

__all__ = [
    "DOCUMENT",
    "REPORT",
    "Certificate",
    "CertificateDocument",
    "Claim",
    "CommittedDraw",
    "Population",
    "certificate_parents",
    "load_certificate",
    "open_certificate",
    "save_certificate",
]

REPORT = "report.html"
"""The certificate for people, drawn by the consumer."""

DOCUMENT = "certificate.json"
_ROWS = "individuals.csv"


class CommittedDraw(CommittedSeed):
    """A committed seed, and what the consumer had chosen before: head, methods, sampling, whose labels."""

    settings: dict[Name, Any]


class CertificateDocument(Document):
    """certificate.json."""

    media_type: Literal["application/vnd.lassi.fairness-certificate.v2+json"] = (
        "application/vnd.lassi.fairness-certificate.v2+json"
    )
    imprint: Imprint = Imprint()
    """Issuer, system, contact and dates, as far as the issuer states them."""
    target: Name
    split: Name
    labels: Literal["producer", "consumer"]
    """Whose labels the accuracies are measured on: the bundle's, or the consumer's own."""
    spec: SpecEntry
    bundle_digest: Digest
    encoder_digest: Digest
    audit: AuditEntry | None = None
    """Of the bundle; null where the consumer was given none."""
    head: HeadEntry
    claims: dict[str, Claim] = Field(min_length=1)
    reality: tuple[RealityCheck, ...] = Field(default=(), max_length=1000)
    """Per attribute whose true counterparts the bundle holds, how their decisions compare. Nothing is proved by it."""
    groups: tuple[GroupTable, ...] = Field(default=(), max_length=100)
    """Per label that the issuer chose, how its groups fare. Nothing is proved by it."""
    roots: dict[Name, Hex256] | None = None
    """Per view the root of the Merkle tree over its rows, of which receipts are proofs; null before there were any. Set
    when the certificate is written."""
    skipped: Count
    """Individuals of the split that the bundle leaves out; nothing is claimed about them."""
    strip: StripEntry | None = None
    """What the film strip in the certificate shows; null where it has none."""
    files: tuple[FileEntry, ...] = ()
    """Set when the certificate is written."""
    tool: Tool
    seed: Seed
    commitment: CommittedDraw | None = None
    """What the seed follows from; null if it was the consumer's free choice."""
    bundle_seed: Literal["free", "committed"] = "free"
    """Whether the bundle's own seed follows from a commitment."""
    origin: Origin | None = None
    """Who signed the bundle, as the consumer found with its trust file; null if it had none."""

    @model_validator(mode="after")
    def _drawn_as_committed(self) -> Self:
        if self.commitment is not None:
            self.commitment.check(self.seed, self.commitment.settings, self.parents)
        return self

    @model_validator(mode="after")
    def _shows_its_spec(self) -> Self:
        if self.strip is not None:
            self.strip.check_of(self.spec)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The files of its directory."""
        salt = () if self.roots is None else (SALT,)
        return (HEAD, _ROWS, REPORT, *salt, *(() if self.strip is None else (STRIP,)))

    @property
    def parents(self) -> dict[str, str]:
        """Digests of what it was made from."""
        return _parents(self.spec.digest, self.bundle_digest, self.encoder_digest)

    @field_validator("claims")
    @classmethod
    def _known(cls, claims: dict[str, Claim]) -> dict[str, Claim]:
        known_views(claims)
        return claims

    @model_validator(mode="after")
    def _compares_what_it_claims(self) -> Self:
        for check in self.reality:
            if check.certified.keys() != self.claims.keys():
                raise ValueError(
                    f"reality: {check.attribute}: its views are not those of the claims"
                )
        for table in self.groups:
            table.check_beside(self.claims)
        return self

    @model_validator(mode="after")
    def _has_a_root_per_claim(self) -> Self:
        if self.roots is not None and self.roots.keys() != self.claims.keys():
            raise ValueError("roots: their views are not those of the claims")
        return self


def certificate_parents(bundle: Bundle) -> dict[str, str]:
    """Digests of what a certificate from this bundle is made from."""
    manifest = bundle.manifest
    return _parents(manifest.spec.digest, bundle.digest, manifest.encoder.digest)


def _parents(spec: str, bundle: str, encoder: str) -> dict[str, str]:
    return {"spec": spec, "bundle": bundle, "encoder": encoder}


@dataclass(frozen=True)
class Certificate:
    """A checked certificate directory."""

    path: Path
    document: CertificateDocument
    head: Mapping[str, Tensor]
    salt: Salt | None = None
    """Hides rows from whoever holds others; None where there are no roots."""
    strip: Strip | None = None
    """Pictures of who counts as similar; None where it has none."""

    def __repr__(self) -> str:
        claims = "; ".join(
            f"{view}: {claim.certified} of {claim.individuals} certified, statement {claim.statement}"
            for view, claim in self.document.claims.items()
        )
        return f"Certificate({self.path}: {self.document.target}; {claims}; {self.digest})"

    @property
    def digest(self) -> str:
        """Content digest."""
        return self.document.content_digest

    def read(self, name: str) -> bytes:
        """The bytes of one of its files. Raises ArtifactError if they were changed."""
        return read_listed(self.path, self.document.files, name)

    def parts(self, *views: str) -> Iterator[Rows]:
        """The rows of these views, of all unless given, some at a time as they are read, each time of one view.

        Those of a view stand in the order of the bundle's individuals.

        Raises:
            ArtifactError: for what is no row, or of a view about which nothing is claimed; at the end, if the file is
                no longer the one that was opened.
        """

        def wanted(view: str) -> bool:
            if view not in self.document.claims:
                raise ArtifactError(
                    f"{self.path}: has rows of a view about which it claims nothing"
                )
            return not views or view in views

        with open_listed(self.path, self.document.files, _ROWS) as stream:
            yield from read_rows(stream, str(self.path / _ROWS), wanted)

    @property
    def rows(self) -> Iterator[Row]:
        """The rows of all views one by one, read as `parts`."""
        return (row for rows in self.parts() for row in rows)

    def rows_of(self, view: str) -> tuple[Row, ...]:
        """The rows of one view, in memory."""
        return tuple(row for rows in self.parts(view) for row in rows)

    def check_rows(self) -> None:
        """Raises ArtifactError unless every row can be read and the document counts and hashes them as they are."""
        trees = None if self.salt is None else RowTrees(self.salt)
        found: Counter[tuple[str, str]] = Counter()
        for rows in self.parts():
            found.update(zip([rows.view] * len(rows), rows.status, strict=True))
            if trees is not None:
                trees.add(rows.view, rows.lines())
        for view, claim in self.document.claims.items():
            counts = {status: found[view, status.value] for status in Status}
            if counts != claim.counts or sum(counts.values()) != claim.individuals:
                raise ArtifactError(
                    f"{self.path}: {view}: the rows count {_words(counts)}, the document {_words(claim.counts)}"
                )
        self.check_roots(trees)

    def check_roots(self, trees: RowTrees | None) -> None:
        """Raises ArtifactError unless the roots in the document are those of these trees over the rows."""
        if trees is not None and trees.roots() != self.document.roots:
            raise ArtifactError(
                f"{self.path}: its Merkle roots are not those of its rows; ask for it again"
            )


def save_certificate(
    folder: Path,
    draft: CertificateDocument,
    rows: Iterable[tuple[str, Sequence[bytes]]],
    head: Mapping[str, Tensor],
    report: Callable[[CertificateDocument], bytes],
    salt: Salt | None = None,
    strip: Strip | None = None,
) -> Certificate:
    """Writes the certificate into `folder` (a partial directory).

    Args:
        folder: where.
        draft: the document; its head's digest, `roots`, `strip`, `files` and `content_digest` are set here.
        rows: a view and lines of its rows, of all views, written as they come.
        head: the classifier's weights.
        report: draws report.html from the document as it will be, but for its `files` and `content_digest`, which cover
            that page.
        salt: of the rows; a new one unless given.
        strip: of the spec, for the page.

    Raises:
        ArtifactError: the strip is of another spec.
    """
    salt = salt or draw_salt()
    if strip is not None:
        strip.require_of(draft.spec)
        write_atomically(folder / STRIP, strip.content)
    head_digest = save_head(folder, draft.head.kind, head)
    trees = RowTrees(salt)
    with writing_atomically(folder / _ROWS) as stream:
        stream.write(HEADER + b"\n")
        for view, lines in rows:
            stream.write(b"\n".join([*lines, b""]))
            trees.add(view, lines)
    write_atomically(folder / SALT, salt.to_bytes())
    entry = draft.head.model_copy(update={"digest": head_digest})
    draft = draft.model_copy(
        update={"head": entry, "roots": trees.roots(), "strip": strip and strip.entry}
    )
    write_atomically(folder / REPORT, report(draft))
    complete = draft.model_copy(update={"files": list_files(folder, draft.names)})
    document = save_directory_document(folder, DOCUMENT, complete)
    return Certificate(folder, document, dict(head), salt, strip)


def load_certificate(path: Path | str | Certificate) -> Certificate:
    """Opens certificate/ after checking the document, the rows and the head; an open one is returned.

    Raises:
        ArtifactError: if anything is missing, changed or inconsistent, or if the counts or roots in the document are
            not those of the rows.
    """
    if isinstance(path, Certificate):
        return path
    certificate = open_certificate(path)
    certificate.check_rows()
    return certificate


def open_certificate(path: Path | str) -> Certificate:
    """Opens certificate/ as `load_certificate` does, but leaves the rows to whoever reads them."""
    path = Path(path)
    document = load_directory_document(path, DOCUMENT, CertificateDocument)
    check_directory(path, DOCUMENT, document.files, document.names)
    read_listed(path, document.files, REPORT)
    salt = None
    if document.roots is not None:
        salt = parse_salt(read_listed(path, document.files, SALT), str(path / SALT))
    strip = None
    if document.strip is not None:
        strip = parse_strip(read_listed(path, document.files, STRIP), str(path / STRIP))
        if strip.entry != document.strip:
            raise ArtifactError(f"{path / STRIP}: shows other things than {DOCUMENT} says")
    head = read_head(path, document.files, document.head)
    return Certificate(path, document, head, salt, strip)


def _words(counts: Mapping[Status, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items())
