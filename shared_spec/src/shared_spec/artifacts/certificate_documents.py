"""certificate.json: what a consumer states about everybody, from what, and until when."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from shared_spec.artifacts.audit_documents import AuditEntry
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.bundle_documents import SpecEntry, known_views
from shared_spec.artifacts.claim_documents import Claim
from shared_spec.artifacts.directory import FileEntry
from shared_spec.artifacts.document import Count, Digest, Document, Name, Tool
from shared_spec.artifacts.group_figures import GroupTable
from shared_spec.artifacts.head_documents import HeadEntry
from shared_spec.artifacts.head_file import HEAD
from shared_spec.artifacts.reality import RealityCheck
from shared_spec.artifacts.salt import SALT
from shared_spec.artifacts.strip import STRIP, StripEntry
from shared_spec.artifacts.tables import table_name
from shared_spec.imprint import Imprint, utc_today
from shared_spec.seeds import Seed
from shared_spec.trust.fields import Hex256
from shared_spec.trust.seeds import CommittedSeed
from shared_spec.trust.verification import Origin
from shared_spec.views import contract_of

__all__ = ["REPORT", "CertificateDocument", "CommittedDraw", "certificate_parents"]

REPORT = "report.html"
"""The certificate for people, drawn by the consumer."""


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
        return (HEAD, self.table, REPORT, *salt, *(() if self.strip is None else (STRIP,)))

    @property
    def individuals(self) -> int:
        """Rows of its table: one per individual and view."""
        return sum(claim.individuals for claim in self.claims.values())

    @property
    def table(self) -> str:
        """The file of its rows."""
        return table_name(self.individuals, self.files)

    @property
    def parents(self) -> dict[str, str]:
        """Digests of what it was made from."""
        return _parents(self.spec.digest, self.bundle_digest, self.encoder_digest)

    def require_current(self, where: Path | str) -> None:
        """Raises ExpiredError after its last day: who relies on it, or makes something of it, asks this first.

        Args:
            where: what to call it.
        """
        self.imprint.check(utc_today(), str(where))

    @field_validator("claims")
    @classmethod
    def _known(cls, claims: dict[str, Claim]) -> dict[str, Claim]:
        known_views(claims)
        for view, claim in claims.items():
            model = contract_of(view).model(claim.radius_method.sampled)
            if claim.certified_model != model:
                raise ValueError(f"{view}: the certified model is {model}")
        return claims

    @model_validator(mode="after")
    def _compares_what_it_claims(self) -> Self:
        for check in self.reality:
            check.check_beside(self.claims)
        for table in self.groups:
            table.check_beside(self.claims, self.head.classes)
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
