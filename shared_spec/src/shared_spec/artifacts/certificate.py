"""certificate/: what a consumer states about every individual, and the numbers that each statement rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from torch import Tensor

from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.audit_documents import AuditEntry
from shared_spec.artifacts.bundle_documents import SpecEntry, known_views
from shared_spec.artifacts.directory import (
    FileEntry,
    check_directory,
    list_files,
    load_directory_document,
    read_listed,
    save_directory_document,
)
from shared_spec.artifacts.document import (
    Count,
    Digest,
    Document,
    Name,
    Strict,
    Tool,
    parse_document,
)
from shared_spec.artifacts.head_documents import HeadDocument, HeadEntry
from shared_spec.artifacts.reality import RealityCheck
from shared_spec.artifacts.rows import Row, format_rows, read_rows
from shared_spec.artifacts.tensors import parse_tensors, save_tensors
from shared_spec.errors import ArtifactError
from shared_spec.rng import Seed
from shared_spec.sampling import Sampling
from shared_spec.statements import words_of
from shared_spec.terms import RadiusMethod, Statement, Status

__all__ = [
    "REPORT",
    "Certificate",
    "CertificateDocument",
    "Claim",
    "Population",
    "Sampling",
    "load_certificate",
    "save_certificate",
]

REPORT = "report.html"
"""The certificate for people, drawn by the consumer."""

_DOCUMENT, _ROWS, _HEAD = "certificate.json", "individuals.csv", "head.safetensors"


class Population(Strict):
    """What the certified individuals say about the population that they were drawn from, if drawn at random."""

    confidence: float = Field(gt=0, lt=1)
    fair_at_least: float = Field(ge=0, le=1)
    """P_x(the model is fair at x) is at least this, with that confidence over the draw of the individuals."""


class Claim(Strict):
    """What is claimed for one view: of which model, with which failure probability, and how often."""

    certified_model: Name
    statement: Statement
    sentence: str
    alpha: dict[Name, Annotated[float, Field(gt=0, lt=1)]]
    """Failure probability per event and individual; empty for deterministic certificates."""
    alpha_per_individual: float = Field(ge=0, lt=1)
    radius_method: RadiusMethod
    methods_tried: tuple[RadiusMethod, ...] = Field(min_length=1)
    """On these individuals; the one that certified most was kept, which the population statement pays for."""
    sampling: Sampling | None = None
    """Null for deterministic methods."""
    individuals: Annotated[Count, Field(gt=0)]
    counts: dict[Status, Count]
    certified_fraction: float = Field(ge=0, le=1)
    accuracy: float | None = Field(ge=0, le=1)
    """Accuracy of the certified model on these individuals, abstentions counted as errors; null without labels, and
    for a model that nobody can evaluate (statement I)."""
    balanced_accuracy: float | None = Field(ge=0, le=1)
    majority_accuracy: float | None = Field(ge=0, le=1)
    """What always answering the most frequent class would score."""
    expected_false_certificates: float = Field(ge=0)
    """At most this many of the CERTIFIED are expected to be wrong."""
    false_certificates_bound: int = Field(ge=0)
    """More false certificates than this have probability at most 1 - population.confidence."""
    population: Population

    @model_validator(mode="after")
    def _says_what_it_states(self) -> Self:
        if self.sentence != words_of(self.statement).sentence:
            raise ValueError(f"the sentence is not that of statement {self.statement}")
        return self

    @property
    def certified(self) -> int:
        """How many individuals are certified."""
        return self.counts[Status.CERTIFIED]


class CertificateDocument(Document):
    """certificate.json."""

    media_type: Literal["application/vnd.lassi.fairness-certificate.v2+json"] = (
        "application/vnd.lassi.fairness-certificate.v2+json"
    )
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
    skipped: Count
    """Individuals of the split that the bundle leaves out; nothing is claimed about them."""
    files: tuple[FileEntry, ...] = ()
    """Set when the certificate is written."""
    tool: Tool
    seed: Seed

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
        return self


@dataclass(frozen=True)
class Certificate:
    """A checked certificate directory."""

    path: Path
    document: CertificateDocument
    rows: tuple[Row, ...]
    head: Mapping[str, Tensor]

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

    def rows_of(self, view: str) -> tuple[Row, ...]:
        """The rows of one view, in the order of the bundle's individuals."""
        return tuple(row for row in self.rows if row.view == view)


def save_certificate(
    folder: Path,
    draft: CertificateDocument,
    rows: Sequence[Row],
    head: Mapping[str, Tensor],
    report: Callable[[CertificateDocument], bytes],
) -> Certificate:
    """Writes the certificate into `folder` (a partial directory).

    Args:
        folder: where.
        draft: the document; its head's digest, `files` and `content_digest` are set here.
        rows: of all views.
        head: the classifier's weights.
        report: draws report.html from the document as it will be, but for its `files` and `content_digest`, which cover
            that page.
    """
    described = HeadDocument(kind=draft.head.kind)
    head_digest = save_tensors(
        folder / _HEAD, head, described.model_dump(mode="json", exclude={"content_digest"})
    )
    write_atomically(folder / _ROWS, format_rows(rows))
    entry = draft.head.model_copy(update={"digest": head_digest})
    draft = draft.model_copy(update={"head": entry})
    write_atomically(folder / REPORT, report(draft))
    complete = draft.model_copy(update={"files": list_files(folder, [_HEAD, _ROWS, REPORT])})
    document = save_directory_document(folder, _DOCUMENT, complete)
    return Certificate(folder, document, tuple(rows), dict(head))


def load_certificate(path: Path | str | Certificate) -> Certificate:
    """Opens certificate/ after checking the document, the rows and the head; an open one is returned.

    Raises:
        ArtifactError: if anything is missing, changed or inconsistent, or if the counts in the document are not those
            of the rows.
    """
    if isinstance(path, Certificate):
        return path
    path = Path(path)
    document = load_directory_document(path, _DOCUMENT, CertificateDocument)
    check_directory(path, _DOCUMENT, document.files, [_HEAD, _ROWS, REPORT])
    read_listed(path, document.files, REPORT)
    rows = read_rows(read_listed(path, document.files, _ROWS), str(path / _ROWS))
    for view, claim in document.claims.items():
        found = Counter(row.status for row in rows if row.view == view)
        counts = {status: found[status] for status in Status}
        if counts != claim.counts or found.total() != claim.individuals:
            raise ArtifactError(
                f"{path}: {view}: the rows count {_words(counts)}, the document {_words(claim.counts)}"
            )
    where = str(path / _HEAD)
    head, raw = parse_tensors(read_listed(path, document.files, _HEAD), where)
    described = parse_document(HeadDocument, raw, where)
    if (described.content_digest, described.kind) != (document.head.digest, document.head.kind):
        raise ArtifactError(f"{where}: not the head that the certificate speaks of")
    return Certificate(path, document, rows, head)


def _words(counts: Mapping[Status, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items())
