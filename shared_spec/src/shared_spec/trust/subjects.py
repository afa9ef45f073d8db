"""What can be signed, and what a signature says of it: one entry per kind of artefact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from shared_spec.artifacts.audit import Audit, load_audit
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.bundle_documents import SpecEntry
from shared_spec.artifacts.certificate import CertificateDocument, load_current_certificate
from shared_spec.artifacts.spec_documents import StatedSpec, read_spec
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.trust.keys import SigningKey, passphrase_from_environment
from shared_spec.trust.settings import Issuance
from shared_spec.trust.signing import (
    Passphrase,
    Signed,
    Subject,
    open_key,
    sign_subject,
)
from shared_spec.trust.statement import ArtifactKind

__all__ = [
    "audit_subject",
    "bundle_subject",
    "certificate_subject",
    "load_subject",
    "open_spec",
    "sign",
    "spec_subject",
]


def spec_subject(stated: StatedSpec, path: Path) -> Subject:
    """What a spec states, which does not know where it stands."""
    document = stated.document
    parents = {"flow": document.flow_digest, "data": document.data.digest}
    details = {"epsilon": document.epsilon, "vectors": stated.hashes}
    return Subject("spec", path, document.content_digest, parents, details)


def bundle_subject(bundle: Bundle) -> Subject:
    """A bundle; its shards are checked by whoever loads it."""
    manifest = bundle.manifest
    return Subject("bundle", bundle.path, bundle.digest, manifest.parents)


def certificate_subject(document: CertificateDocument, path: Path) -> Subject:
    """A certificate, of which its document says all that is signed."""
    parents = {**document.parents, "head": document.head.digest}
    if document.audit is not None:
        parents["audit"] = document.audit.digest
    return Subject("certificate", path, document.content_digest, parents)


def audit_subject(audit: Audit) -> Subject:
    """An audit, made from the spec, model and data that the auditor had."""
    document = audit.document
    parents = {
        "spec": document.spec_digest,
        "bundle": document.bundle_digest,
        "encoder": document.encoder_digest,
        "data": document.data.digest,
    }
    return Subject("audit", audit.path, audit.digest, parents)


def _spec(path: Path) -> Subject:
    stated, _ = read_spec(path)
    return spec_subject(stated, path)


def _bundle(path: Path) -> Subject:
    bundle = load_bundle(path)
    bundle.check_form()
    return bundle_subject(bundle)


def _certificate(path: Path) -> Subject:
    return certificate_subject(load_current_certificate(path).document, path)


def _audit(path: Path) -> Subject:
    return audit_subject(load_audit(path))


_Loader: TypeAlias = Callable[[Path], Subject]
_FILES: Mapping[ArtifactKind, _Loader] = {"spec": _spec}
_DIRECTORIES: Mapping[ArtifactKind, _Loader] = {
    "bundle": _bundle,
    "certificate": _certificate,
    "audit": _audit,
}
"""A party issues at most one kind of file and one of directory, so that what stands there says which it is."""


def load_subject(path: Path | str, kinds: Sequence[ArtifactKind]) -> Subject:
    """Reads an artefact of one of these kinds, all of it, without torch.

    Checked are documents, digests and the forms of tensors. Whether bounds contradict each other, and whether weights
    are all of the flow's, is for whoever loads it: a signature says whose bytes these are, not that they are true.

    Raises:
        ArtifactError: if there is none, or it is not what it should be.
        SettingsError: if it is of none of these kinds.
    """
    path = Path(path)
    loaders = _DIRECTORIES if path.is_dir() else _FILES
    offered = [kind for kind in kinds if kind in loaders]
    if not path.exists():
        raise ArtifactError(f"{path}: no such artefact; expected {' or '.join(kinds)}")
    if not offered:
        raise SettingsError(f"{path}: expected {' or '.join(kinds)}, which the command can sign")
    return loaders[offered[0]](path)


def sign(
    path: Path | str,
    key: Path | str | SigningKey,
    issuance: Issuance,
    *,
    kinds: Sequence[ArtifactKind],
    force: bool = False,
    passphrase: Passphrase = passphrase_from_environment,
) -> Signed:
    """Reads an artefact as `load_subject` does and signs it, in `NAME.sig.json` beside it.

    A second key, with the same values, adds its signature to the same bytes.

    Args:
        path: the artefact.
        key: of the issuer: a private key file of OpenSSH, Ed25519, or one that is open.
        issuance: who, which, how long.
        kinds: what the issuer issues.
        force: replaces a signature of another statement.
        passphrase: asked if the key has one.

    Raises:
        SettingsError: a field or the key does not fit, or another statement is signed already and `force` is off.
        ArtifactError: the artefact, or what stands at the place of the signature, is not what it should be.
        ExpiredError: it is a certificate whose last day is over.
    """
    subject = load_subject(path, kinds)
    return sign_subject(subject, [open_key(key, passphrase)], issuance, force)


def open_spec(path: Path | str) -> tuple[Subject, SpecEntry]:
    """A spec as a signature speaks of it, and what bundles and certificates quote of it; all of it is checked.

    Raises:
        ArtifactError: as `load_spec`.
    """
    from shared_spec.artifacts.spec import load_spec  # builds the flow, and needs torch for that

    spec = load_spec(path)
    return spec_subject(spec.stated, Path(path)), spec.entry
