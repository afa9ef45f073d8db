"""audit/: what somebody with model, spec and data computed again of a bundle, and what came of it.

An audit does not change a bundle. It stands beside it, quotes its digest, and says how many individuals it looked at.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal

from pydantic import Field

from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.directory import (
    FileEntry,
    check_directory,
    list_files,
    load_directory_document,
    read_listed,
    save_directory_document,
)
from shared_spec.artifacts.document import DataEntry, Digest, Document, Strict, Tool
from shared_spec.errors import ArtifactError
from shared_spec.rng import Seed

__all__ = ["Audit", "AuditDocument", "AuditRow", "Finding", "Scope", "load_audit", "save_audit"]

_DOCUMENT, _ROWS = "audit.json", "individuals.csv"


class Finding(Strict):
    """One thing that was checked."""

    subject: str
    passed: bool
    finding: str


class Scope(Strict):
    """How many individuals of one split were looked at in one view, and what that says of the others."""

    view: str
    split: str
    individuals: int = Field(gt=0)
    audited: int = Field(gt=0)
    failed: int = Field(ge=0)
    bad_fraction_below: float = Field(gt=0, le=1)
    """With 95 % confidence over the auditor's draw of whom to look at; 1 where one of them failed."""


class AuditDocument(Document):
    """audit.json."""

    media_type: Literal["application/vnd.lassi.audit.v1+json"] = (
        "application/vnd.lassi.audit.v1+json"
    )
    bundle_digest: Digest
    spec_digest: Digest
    encoder_digest: Digest
    data: DataEntry
    findings: tuple[Finding, ...] = Field(min_length=1)
    scopes: tuple[Scope, ...]
    passed: bool
    """Whether every finding and every individual passed."""
    seed: Seed
    """Of the auditor, who chose with it whom to look at."""
    files: tuple[FileEntry, ...] = ()
    tool: Tool


@dataclass(frozen=True)
class AuditRow:
    """One individual in one view.

    Attributes:
        sample_id: who, in a `split` and a `view`.
        radius: as the bundle states it.
        recomputed: the radius that the same settings give again.
        attained: the largest distance from the centre that the attack found on S(x).
        passed: whether the radius is no smaller than either allows.
    """

    sample_id: str
    split: str
    view: str
    radius: float
    recomputed: float
    attained: float
    passed: bool


@dataclass(frozen=True)
class Audit:
    """A checked audit."""

    path: Path
    document: AuditDocument

    def __repr__(self) -> str:
        found = self.document
        outcome = "passed" if found.passed else "FAILED"
        scopes = ", ".join(f"{s.audited} of {s.individuals} {s.split} ({s.view})" for s in found.scopes)  # fmt: skip
        return f"Audit({self.path}: {outcome}; {scopes}; {found.content_digest})"


def save_audit(folder: Path, draft: AuditDocument, rows: Sequence[AuditRow]) -> AuditDocument:
    """Writes the audit into `folder` (a partial directory); returns the document with its files and digest."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(AuditRow))
    writer.writerows(astuple(row) for row in rows)
    write_atomically(folder / _ROWS, text.getvalue().encode())
    complete = draft.model_copy(update={"files": list_files(folder, [_ROWS])})
    return save_directory_document(folder, _DOCUMENT, complete)


def load_audit(path: Path | str) -> Audit:
    """Opens audit/ after checking its digests.

    Raises:
        ArtifactError: if anything is missing, changed or inconsistent.
    """
    path = Path(path)
    document = load_directory_document(path, _DOCUMENT, AuditDocument)
    check_directory(path, _DOCUMENT, document.files, [_ROWS])
    read_listed(path, document.files, _ROWS)
    whole = all(found.passed for found in document.findings) and not any(
        scope.failed for scope in document.scopes
    )
    if document.passed != whole:
        raise ArtifactError(f"{path}: says passed = {document.passed}, its findings {whole}")
    return Audit(path, document)
