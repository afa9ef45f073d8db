"""audit/: what somebody with spec, model and data computed again of a bundle, and what came of it.

An audit does not change a bundle. It stands beside it, quotes its digest, and says how many individuals it looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from shared_spec.artifacts.directory import (
    check_directory,
    load_directory_document,
    save_directory_document,
)
from shared_spec.artifacts.document import (
    Count,
    DataEntry,
    Digest,
    Document,
    Name,
    Strict,
    Tool,
    printable,
)
from shared_spec.errors import ArtifactError
from shared_spec.rng import Seed
from shared_spec.stats import hypergeometric_upper

__all__ = [
    "CONFIDENCE",
    "LISTED",
    "Audit",
    "AuditCheck",
    "AuditDocument",
    "AuditEntry",
    "CheckEntry",
    "Finding",
    "NotChecked",
    "SplitScope",
    "is_audit",
    "load_audit",
    "save_audit",
]

CONFIDENCE = 0.95
"""Of the bound on bad individuals, over the auditor's draw of whom to look at."""

LISTED = 100
"""Findings of one check that are written down; all are counted."""

_DOCUMENT = "audit.json"

Text: TypeAlias = Annotated[str, Field(max_length=1000), AfterValidator(printable)]


class AuditCheck(StrEnum):
    """What is checked, one name per check; docs/guarantees.md, G.1."""

    SPEC = "spec"
    ENCODER = "encoder"
    DATA = "data"
    STATEMENTS = "statements"
    INDIVIDUALS = "individuals"
    LABELS = "labels"
    REPRESENTATION = "representation"
    BOUNDS = "bounds"
    ATTACK = "attack"


_OF_THE_BUNDLE = (AuditCheck.SPEC, AuditCheck.ENCODER, AuditCheck.DATA, AuditCheck.STATEMENTS)


def _expected_checks(splits: Sequence[str | None]) -> list[tuple[AuditCheck, str | None]]:
    """The checks of the whole bundle, which is the split None, and of splits."""
    return [
        (check, split)
        for split in splits
        for check in AuditCheck
        if (check in _OF_THE_BUNDLE) == (split is None)
    ]


class Finding(Strict):
    """Something that is not as the bundle states it."""

    check: AuditCheck
    split: Name | None
    """Null where it concerns the whole bundle."""
    sample_id: Annotated[str, Field(min_length=1, max_length=1000)] | None
    """Null where it concerns no individual."""
    what: Text
    stated: Text
    found: Text

    def __str__(self) -> str:
        whose = "".join(f"{part}: " for part in (self.split, self.sample_id) if part)
        return f"{self.check}: {whose}{self.what} is stated {self.stated}, found {self.found}"


class CheckEntry(Strict):
    """One check of the bundle, or of one split."""

    check: AuditCheck
    split: Name | None
    compared: Count
    """Numbers, names or individuals that were compared."""
    findings: Count
    """All of them; the first `LISTED` are listed."""


class NotChecked(Strict):
    """Something that the bundle states and nobody looked at."""

    what: Text
    why: Text


class SplitScope(Strict):
    """Whose numbers were computed again in one split, and what that says of the others."""

    split: Name
    individuals: Annotated[Count, Field(gt=0)]
    """N, all that the bundle has of the split."""
    checked: Annotated[Count, Field(gt=0)]
    """m of them, drawn by the auditor's seed without replacement."""
    failed: Count
    """Those of the m about whom there is a finding."""
    bad_at_most: Count
    """With 95 % confidence no more of the N are such that they would have failed (docs/guarantees.md, G.2)."""

    @model_validator(mode="after")
    def _bounds_what_it_counts(self) -> Self:
        if not self.failed <= self.checked <= self.individuals:
            raise ValueError(
                f"{self.failed} failed of {self.checked} checked of {self.individuals}"
            )
        bound = hypergeometric_upper(self.failed, self.checked, self.individuals, 1 - CONFIDENCE)
        if self.bad_at_most != bound:
            raise ValueError(f"bad_at_most is {self.bad_at_most}; its counts give {bound}")
        return self

    def __str__(self) -> str:
        if self.checked == self.individuals:
            return f"{self.split}: all {self.individuals} checked, {self.failed} failed"
        return (
            f"{self.split}: {self.checked} of {self.individuals} checked, {self.failed} failed; "
            f"with {100 * CONFIDENCE:g}% confidence at most {self.bad_at_most} of {self.individuals} are bad"
        )


class AuditDocument(Document):
    """audit.json."""

    media_type: Literal["application/vnd.lassi.audit.v1+json"] = (
        "application/vnd.lassi.audit.v1+json"
    )
    bundle_digest: Digest
    spec_digest: Digest
    """Of the spec that the auditor had, as are the next two."""
    encoder_digest: Digest
    data: DataEntry
    auditor_seed: Seed
    """Draws whom to look at; nobody else may know it before the bundle is sealed."""
    tolerance: float = Field(gt=0, lt=1)
    """Relative difference up to which numbers count as the same, for another machine rounds differently."""
    scopes: tuple[SplitScope, ...] = Field(min_length=1, max_length=100)
    checks: tuple[CheckEntry, ...] = Field(min_length=1, max_length=1000)
    not_checked: tuple[NotChecked, ...] = Field(max_length=1000)
    findings: tuple[Finding, ...] = Field(max_length=100_000)
    tool: Tool

    @model_validator(mode="after")
    def _lists_what_it_counts(self) -> Self:
        places = [(entry.check, entry.split) for entry in self.checks]
        splits = [None, *(scope.split for scope in self.scopes)]
        if sorted(places, key=str) != sorted(_expected_checks(splits), key=str):
            raise ValueError("a check is missing, stands twice, or is of nobody")
        listed = Counter((finding.check, finding.split) for finding in self.findings)
        counted = {(entry.check, entry.split): entry.findings for entry in self.checks}
        if listed != Counter({place: min(count, LISTED) for place, count in counted.items()}):
            raise ValueError("the findings are not those that the checks count")
        return self

    @property
    def count(self) -> int:
        """How many findings there are, listed or not."""
        return sum(entry.findings for entry in self.checks)

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return self.count == 0


class AuditEntry(Strict):
    """What a certificate says of an audit of its bundle: one without findings."""

    digest: Digest
    scope: SplitScope
    """Of the split that is certified."""
    not_checked: tuple[NotChecked, ...] = Field(max_length=1000)
    findings: Literal[0] = 0


@dataclass(frozen=True)
class Audit:
    """A checked audit."""

    path: Path
    document: AuditDocument

    def __repr__(self) -> str:
        found = self.document
        outcome = "passed" if found.passed else f"{found.count} findings"
        scopes = ", ".join(f"{s.checked} of {s.individuals} {s.split}" for s in found.scopes)
        return f"Audit({self.path}: {outcome}; {scopes}; {self.digest})"

    @property
    def digest(self) -> str:
        """Content digest that certificates quote."""
        return self.document.content_digest

    def entry_for(self, bundle: str, split: str) -> AuditEntry:
        """What a certificate about this split of the bundle with this digest says of it.

        Raises:
            ArtifactError: it is of another bundle, something was found, or nobody of the split was looked at.
        """
        found = self.document
        if found.bundle_digest != bundle:
            raise ArtifactError(
                f"{self.path}: is an audit of bundle {found.bundle_digest}, not of {bundle}; "
                "pass the audit of this bundle"
            )
        if not found.passed:
            raise ArtifactError(
                f"{self.path}: the audit has {found.count} findings, the first: {found.findings[0]}; "
                "ask the producer for another bundle"
            )
        scope = next((scope for scope in found.scopes if scope.split == split), None)
        if scope is None:
            raise ArtifactError(
                f"{self.path}: the audit looked at nobody of split {split}; ask for one that did"
            )
        return AuditEntry(
            digest=self.digest,
            scope=scope,
            not_checked=found.not_checked,
        )


def is_audit(path: Path) -> bool:
    """Whether there is an audit's document, so that the directory was meant to be one."""
    return (path / _DOCUMENT).exists()


def save_audit(folder: Path, draft: AuditDocument) -> AuditDocument:
    """Writes the audit into `folder` (a partial directory); returns the document with its digest."""
    return save_directory_document(folder, _DOCUMENT, draft)


def load_audit(path: Path | str | Audit) -> Audit:
    """Opens audit/ after checking its digest; one that is open is returned.

    Raises:
        ArtifactError: if it is missing, changed or inconsistent.
    """
    if isinstance(path, Audit):
        return path
    path = Path(path)
    document = load_directory_document(path, _DOCUMENT, AuditDocument)
    check_directory(path, _DOCUMENT, (), ())
    return Audit(path, document)
