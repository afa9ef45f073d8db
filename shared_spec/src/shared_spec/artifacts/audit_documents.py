"""audit.json: what was checked of a bundle, of how many individuals, and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

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
from shared_spec.seeds import Seed
from shared_spec.stats import hypergeometric_upper
from shared_spec.text import LONGEST_ID

__all__ = [
    "CONFIDENCE",
    "LISTED",
    "AuditCheck",
    "AuditDocument",
    "AuditEntry",
    "CheckEntry",
    "Finding",
    "NotChecked",
    "SplitScope",
]

CONFIDENCE = 0.95
"""Of the bound on bad individuals, over the auditor's draw of whom to look at."""

LISTED = 100
"""Findings of one check that are written down; all are counted."""

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
    sample_id: Annotated[str, Field(min_length=1, max_length=LONGEST_ID)] | None
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
            f"with {100 * CONFIDENCE:g}% confidence at most {self.bad_at_most} of {self.individuals} are bad, if the "
            "producer could not know who would be drawn"
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
