"""audit/: what somebody with spec, model and data computed again of a bundle, and what came of it.

An audit does not change a bundle. It stands beside it, quotes its digest, and says how many individuals it looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared_spec.artifacts.audit_documents import AuditDocument, AuditEntry
from shared_spec.artifacts.directory import (
    check_directory,
    load_directory_document,
    save_directory_document,
)
from shared_spec.errors import ArtifactError

__all__ = ["Audit", "load_audit", "save_audit"]

_DOCUMENT = "audit.json"


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
