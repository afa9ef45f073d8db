"""Signing: a statement about an artefact, in an envelope beside it, which several keys can sign in turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.canonical import DIGEST_PREFIX
from shared_spec.artifacts.kinds import SIGNATURE
from shared_spec.artifacts.reading import read_regular
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.trust.envelope import (
    MAX_ENVELOPE,
    MAX_SIGNATURES,
    PAYLOAD_TYPE,
    Envelope,
    Signature,
    decode_envelope,
    encode_envelope,
    sign_payload,
)
from shared_spec.trust.keys import SigningKey, load_signing_key, passphrase_from_environment
from shared_spec.trust.settings import Issuance
from shared_spec.trust.statement import (
    ARTIFACT_ROLES,
    ArtifactKind,
    Statement,
    issue_statement,
    parse_statement,
)

__all__ = [
    "SUFFIX",
    "Passphrase",
    "Signed",
    "Subject",
    "load_envelope",
    "open_key",
    "sign_subject",
    "signature_path",
    "write_statement",
]

SUFFIX = ".sig.json"
"""Of the file that holds an envelope."""

Passphrase = Callable[[], str]
"""Asked for the passphrase of a key that has one."""


@dataclass(frozen=True)
class Subject:
    """A loaded artefact, as far as a signature speaks of it (`shared_spec.trust.subjects`).

    Attributes:
        kind: what it is; it decides in which role it is issued.
        path: where it stands; not read again.
        digest: its content digest, `sha256-content-v1:…`.
        parents: digests of what it was made from, as it quotes them itself.
        details: the further fields of the kind's predicate.
    """

    kind: ArtifactKind
    path: Path
    digest: str
    parents: Mapping[str, str]
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Signed:
    """A statement that was signed, and where its envelope stands."""

    path: Path
    statement: Statement
    fingerprints: tuple[str, ...]
    """Of all keys that have signed it by now."""

    def __repr__(self) -> str:
        said = self.statement
        return f"Signed({self.path}: {said.kind} by {said.predicate.issuer}; {', '.join(self.fingerprints)})"


def signature_path(artifact: Path) -> Path:
    """Where the signature of an artefact stands: `reps/` has `reps.sig.json` beside it."""
    artifact = Path(artifact)
    if artifact.name in ("", ".."):
        artifact = Path(os.path.abspath(artifact))
    return artifact.with_name(f"{artifact.name}{SUFFIX}")


def open_key(
    key: Path | str | SigningKey, passphrase: Passphrase = passphrase_from_environment
) -> SigningKey:
    """The key in a file, or the one that is open already. Raises SettingsError as `load_signing_key`."""
    return key if isinstance(key, SigningKey) else load_signing_key(Path(key), passphrase)


def load_envelope(path: Path) -> Envelope:
    """The envelope in a file, of which nothing is verified by that. Raises ArtifactError."""
    if not os.path.lexists(path):
        raise ArtifactError(
            f"{path}: no such file; ask whoever signed or answers for it, and put it there"
        )
    return decode_envelope(read_regular(path, MAX_ENVELOPE, ArtifactError), str(path))


def sign_subject(
    subject: Subject, keys: Sequence[SigningKey], issuance: Issuance, force: bool = False
) -> Signed:
    """Signs a loaded artefact, in the file beside it.

    Args:
        subject: what is signed.
        keys: of the issuer.
        issuance: who, which, how long.
        force: replaces a signature of another statement.

    Raises:
        SettingsError: if a field does not fit, or another statement is signed already and `force` is off.
        ArtifactError: if what stands at the place of the signature is none.
        LassiError: if the file cannot be written.
    """
    fields = {
        **issuance.fields(),
        **subject.details,
        "role": ARTIFACT_ROLES[subject.kind],
        "parents": dict(subject.parents),
    }
    place = signature_path(subject.path)
    name, digest = place.name.removesuffix(SUFFIX), subject.digest.removeprefix(DIGEST_PREFIX)
    statement = issue_statement(subject.kind, name, digest, fields, str(subject.path))
    return write_statement(place, statement, keys, force)


def write_statement(
    path: Path, statement: Statement, keys: Sequence[SigningKey], force: bool = False
) -> Signed:
    """Writes an envelope with one signature per key.

    If `path` already holds the same statement, but for the moment of issue, then that one is signed in addition: so
    the second of two keys that a threshold asks for signs the very bytes of the first.

    Raises:
        SettingsError: if it holds another statement and `force` is off, or anything else and `force` is on.
        ArtifactError: if it holds anything else and `force` is off.
        LassiError: if the file cannot be written.
    """
    payload = statement.payload()
    others: tuple[Signature, ...] = ()
    if force:
        refuse_existing(path, force, kind=SIGNATURE)
    elif os.path.lexists(path):
        envelope = load_envelope(path)
        found = parse_statement(envelope.payload, str(path))
        if not _says_the_same(found, statement):
            raise SettingsError(
                f"{path}: signs another statement; pass --force to replace it, or the values that it was signed with"
            )
        payload, others, statement = envelope.payload, envelope.signatures, found
    signatures = [sign_payload(payload, key) for key in keys]
    mine = {signature.keyid for signature in signatures}
    signatures = [*(other for other in others if other.keyid not in mine), *signatures]
    if len(signatures) > MAX_SIGNATURES:
        raise SettingsError(f"{path}: holds {MAX_SIGNATURES} signatures already; expected no more")
    envelope = Envelope(payload=payload, payloadType=PAYLOAD_TYPE, signatures=tuple(signatures))
    write_atomically(path, encode_envelope(envelope))
    return Signed(path, statement, tuple(signature.keyid for signature in signatures))


def _says_the_same(old: Statement, new: Statement) -> bool:
    """Whether two statements differ in the moment of issue at most."""
    predicate = new.predicate.model_copy(update={"issued": old.predicate.issued})
    return replace(new, predicate=predicate) == old
