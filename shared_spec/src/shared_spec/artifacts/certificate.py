"""certificate/: what a consumer states about every individual, and the numbers that each statement rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shared_spec.artifacts.arrays import Array
from shared_spec.artifacts.certificate_documents import (
    REPORT,
    CertificateDocument,
    CommittedDraw,
    certificate_parents,
)
from shared_spec.artifacts.claim_documents import Claim, Population
from shared_spec.artifacts.directory import (
    check_directory,
    load_directory_document,
    read_listed,
)
from shared_spec.artifacts.head_file import read_head
from shared_spec.artifacts.rows import EARLIER, FORM, Row, Rows, rows_in
from shared_spec.artifacts.salt import SALT, RowTrees, Salt, parse_salt
from shared_spec.artifacts.strip import STRIP, Strip, parse_strip
from shared_spec.artifacts.tables import read_table
from shared_spec.errors import ArtifactError
from shared_spec.terms import Status

if TYPE_CHECKING:
    from torch import Tensor

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
    "load_current_certificate",
    "open_certificate",
]

DOCUMENT = "certificate.json"


@dataclass(frozen=True)
class Certificate:
    """A checked certificate directory."""

    path: Path
    document: CertificateDocument
    weights: Mapping[str, Array]
    """Of its classifier; `head` has them as tensors."""
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

    @cached_property
    def head(self) -> dict[str, Tensor]:
        """The weights of its classifier."""
        from shared_spec.artifacts.tensors import as_tensors  # only who computes needs torch

        return as_tensors(self.weights)

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

        document = self.document
        blocks = read_table(self.path, document.files, FORM, document.individuals, EARLIER)
        yield from rows_in(blocks, wanted)

    @property
    def rows(self) -> Iterator[Row]:
        """The rows of all views one by one, read as `parts`."""
        return (row for rows in self.parts() for row in rows)

    def find(self, individual: str, view: str) -> tuple[int, Rows] | None:
        """Where a person's row stands among those of a view, from 0, and that row; None if there is none.

        Raises:
            ArtifactError: as `parts`.
        """
        before = 0
        for rows in self.parts(view):
            if individual in rows.sample_id:
                place = rows.sample_id.index(individual)
                return before + place, rows.cut(slice(place, place + 1))
            before += len(rows)
        return None

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


def load_current_certificate(path: Path | str | Certificate) -> Certificate:
    """Opens certificate/ as `load_certificate` does, for who relies on it or makes something of it.

    Raises:
        ArtifactError: likewise.
        ExpiredError: its last day is over.
    """
    certificate = load_certificate(path)
    certificate.document.require_current(certificate.path)
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
    weights = read_head(path, document.files, document.head)
    return Certificate(path, document, weights, salt, strip)


def _words(counts: Mapping[Status, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items())
