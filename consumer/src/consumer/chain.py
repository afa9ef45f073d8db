"""The chain behind a certificate, from spec to bundle to certificate to audit: who issued each, and what holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared_spec.artifacts.audit import Audit
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.bundle_documents import SpecEntry
from shared_spec.artifacts.certificate import Certificate
from shared_spec.errors import ArtifactError
from shared_spec.trust.fields import format_instant
from shared_spec.trust.pins import Trust
from shared_spec.trust.seed_verification import verify_committed_seed
from shared_spec.trust.seeds import CommittedSeed, seed_words
from shared_spec.trust.signing import Subject
from shared_spec.trust.statement import ARTIFACT_ROLES
from shared_spec.trust.subjects import audit_subject, bundle_subject, certificate_subject, open_spec
from shared_spec.trust.verification import Origin, origin_of, origin_words

__all__ = ["Chain", "ChainLink", "follow_chain"]

_NOT_SIGNED = "(its signatures are not verified)"


@dataclass(frozen=True)
class ChainLink:
    """One artefact of the chain."""

    kind: str
    path: Path
    digest: str
    origin: Origin | None
    """Who issued it; None where nobody looked."""
    found: str
    """What was recomputed or compared, and holds."""

    def __str__(self) -> str:
        return f"{self.kind} {self.path}: {origin_words(self.origin)}; {self.found}"

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        origin = None if self.origin is None else self.origin.model_dump(mode="json")
        return {
            "kind": self.kind,
            "path": str(self.path),
            "digest": self.digest,
            "origin": origin,
            "found": self.found,
        }


@dataclass(frozen=True)
class Chain:
    """The links that were walked, and what could not be checked."""

    links: tuple[ChainLink, ...]
    open: tuple[str, ...]


def follow_chain(
    certificate: Certificate,
    bundle: Bundle,
    spec: Path | str | None,
    audit: Audit | None,
    trust: Trust | None,
) -> Chain:
    """Walks the chain of a certificate.

    What the links say was computed again is what `consumer.verify` does after; it ends in an error otherwise.

    Args:
        certificate: what is verified.
        bundle: that it names.
        spec: that both name; None leaves it open.
        audit: of the bundle; None leaves open that its radii hold.
        trust: whose keys are accepted; None leaves every origin open.

    Raises:
        ExpiredError: a signature that is needed, or its key, has expired or was retired or revoked.
        ArtifactError: a signature is missing or wrong, or one artefact says of another what that one does not say.
        SettingsError: the trust file pins no regulator or producer where one is needed.
    """
    links, left = [], []
    if spec is None:
        left.append(
            "the spec: none was passed, so epsilon and vectors are as bundle and certificate say"
        )
    else:
        links.append(_spec_link(spec, bundle, trust))
    links.append(_bundle_link(bundle, trust))
    bundle_origin = links[-1].origin
    links.append(_certificate_link(certificate, trust))
    if trust is None:
        left.append("who issued all of it: no trust file was passed")
    elif links[-1].origin is None:
        left.append(f"who issued the certificate: {trust.where} pins no consumer")
    if not _same_origin(certificate, bundle_origin):
        left.append(
            "that the bundle once had the signature that the certificate quotes: it has a later one"
        )
    if certificate.document.origin is not None and trust is None:
        left.append("that the bundle was signed as the certificate says")
    if audit is None:
        left.append(
            "that the bundle's radii hold: that takes the producer's encoder and data, or an audit"
        )
    else:
        links.append(_audit_link(audit, certificate.document.split, trust))
        if links[-1].origin is None and trust is not None:
            left.append(f"who issued the audit: {trust.where} pins no auditor")
        left.append("what the auditor found: that takes the producer's encoder and data")
    left.append("how the head was trained: its weights are certified, whatever they come from")
    return Chain(tuple(links), tuple(left))


def _spec_link(spec: Path | str, bundle: Bundle, trust: Trust | None) -> ChainLink:
    subject, entry = open_spec(spec)
    stated = bundle.manifest.spec
    for name in SpecEntry.model_fields:
        said, actual = getattr(stated, name), getattr(entry, name)
        if said != actual:
            raise ArtifactError(
                f"{bundle.path}: says that the spec's {name} is {said}; {spec} has {actual}"
            )
    found = f"epsilon {entry.epsilon:g}, {', '.join(entry.attributes)} and digest are what bundle and certificate say"
    return ChainLink("spec", subject.path, subject.digest, origin_of(subject, trust), found)


def _bundle_link(bundle: Bundle, trust: Trust | None) -> ChainLink:
    manifest, subject = bundle.manifest, bundle_subject(bundle)
    origin = origin_of(subject, trust)
    seed = _seed(manifest.commitment, subject, manifest.parents, origin, trust)
    found = f"every shard read, and no number contradicts another; {seed}"
    return ChainLink("bundle", bundle.path, bundle.digest, origin, found)


def _certificate_link(certificate: Certificate, trust: Trust | None) -> ChainLink:
    document = certificate.document
    subject = certificate_subject(document, certificate.path)
    pinned = trust if trust is not None and "consumer" in trust.parties else None
    origin = origin_of(subject, pinned)
    seed = _seed(document.commitment, subject, document.parents, origin, pinned)
    found = f"every decision, figure and the page computed again; {seed}"
    return ChainLink("certificate", certificate.path, certificate.digest, origin, found)


def _audit_link(audit: Audit, split: str, trust: Trust | None) -> ChainLink:
    pinned = trust if trust is not None and "auditor" in trust.parties else None
    origin = origin_of(audit_subject(audit), pinned)
    entry = audit.entry_for(audit.document.bundle_digest, split)
    return ChainLink(
        "audit", audit.path, audit.digest, origin, f"of this bundle, no findings; {entry.scope}"
    )


def _seed(
    committed: CommittedSeed | None,
    subject: Subject,
    parents: Mapping[str, str],
    origin: Origin | None,
    trust: Trust | None,
) -> str:
    words = seed_words(committed)
    if committed is None:
        return words
    if trust is None:
        return f"{words} {_NOT_SIGNED}"
    issued, role = None if origin is None else origin.issued, ARTIFACT_ROLES[subject.kind]
    verify_committed_seed(committed, role, issued, parents, trust, str(subject.path))
    return words


def _same_origin(certificate: Certificate, actual: Origin | None) -> bool:
    """Whether a certificate quotes the bundle's signature, as far as both are known, and not an earlier one.

    Raises:
        ArtifactError: it quotes somebody else's, or one that cannot be earlier.
    """
    stated = certificate.document.origin
    if stated is None or actual is None or stated == actual:
        return True
    if (stated.role, stated.issuer) != (actual.role, actual.issuer):
        raise ArtifactError(
            f"{certificate.path}: says that {stated.role} {stated.issuer} signed the bundle; {actual.role} "
            f"{actual.issuer} did"
        )
    if stated.serial > actual.serial or stated.issued >= actual.issued:
        raise ArtifactError(
            f"{certificate.path}: quotes a signature of the bundle, serial {stated.serial} of "
            f"{format_instant(stated.issued)}, that is no earlier one than the bundle's, serial {actual.serial} of "
            f"{format_instant(actual.issued)}"
        )
    return False
