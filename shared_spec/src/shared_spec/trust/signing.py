"""Signing: the detached `NAME.sig.json` beside an artefact, by one key or, for a threshold, by several in turn."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.canonical import DIGEST_PREFIX
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
from shared_spec.trust.keys import SigningKey
from shared_spec.trust.statement import (
    ARTIFACT_ROLES,
    ArtifactKind,
    Statement,
    issue_statement,
    parse_statement,
)

__all__ = ["Issuance", "sign_artifact", "signature_path", "write_statement"]


@dataclass(frozen=True)
class Issuance:
    """Who issues a statement, which of theirs it is, and for how long it may be relied upon.

    Args:
        issuer: the identity that the other parties wrote into their trust files.
        serial: grows with each release.
        issued: now; with time zone.
        expires: when it ends; with time zone.
    """

    issuer: str
    serial: int
    issued: datetime
    expires: datetime

    def fields(self) -> dict[str, Any]:
        """These as fields of a predicate."""
        return {
            "issuer": self.issuer,
            "serial": self.serial,
            "issued": self.issued,
            "expires": self.expires,
        }


def signature_path(artifact: Path) -> Path:
    """Where the signature of an artefact stands: `reps/` has `reps.sig.json` beside it."""
    artifact = Path(artifact)
    if artifact.name in ("", ".."):
        artifact = Path(os.path.abspath(artifact))
    return artifact.with_name(f"{artifact.name}.sig.json")


def sign_artifact(
    path: Path,
    digest: str,
    kind: ArtifactKind,
    key: SigningKey,
    issuance: Issuance,
    parents: Mapping[str, str],
    details: Mapping[str, Any] | None = None,
    force: bool = False,
) -> Path:
    """Signs an artefact, in the file beside it whose path is returned.

    Args:
        path: the artefact; not read, so load it first.
        digest: the content digest of the loaded artefact, `sha256-content-v1:…`.
        kind: what it is; it decides the role in which the key signs.
        key: of the issuer.
        issuance: who, which, how long.
        parents: digests of what it was made from, as the artefact quotes them.
        details: the further fields of the kind's predicate (`shared_spec.trust.statement`).
        force: replaces a signature of another statement.

    Raises:
        SettingsError: if a field does not fit, or another statement is signed already and `force` is off.
        ArtifactError: if what stands at the place of the signature is none.
        LassiError: if the file cannot be written.
    """
    fields = {
        **issuance.fields(),
        **(details or {}),
        "role": ARTIFACT_ROLES[kind],
        "parents": dict(parents),
    }
    place = signature_path(path)
    name = place.name.removesuffix(".sig.json")
    statement = issue_statement(kind, name, digest.removeprefix(DIGEST_PREFIX), fields, str(path))
    write_statement(place, statement, [key], force)
    return place


def write_statement(
    path: Path, statement: Statement, keys: Sequence[SigningKey], force: bool = False
) -> None:
    """Writes an envelope with one signature per key.

    If `path` already holds the same statement, but for the moment of issue, then that one is signed in addition: so
    the second of two keys that a threshold asks for signs the very bytes of the first.

    Raises:
        SettingsError: if it holds another statement and `force` is off.
        ArtifactError: if it holds anything else and `force` is off.
        LassiError: if the file cannot be written.
    """
    payload = statement.payload()
    others: tuple[Signature, ...] = ()
    if os.path.lexists(path) and not force:
        envelope = decode_envelope(read_regular(path, MAX_ENVELOPE, ArtifactError), str(path))
        if not _says_the_same(parse_statement(envelope.payload, str(path)), statement):
            raise SettingsError(
                f"{path}: signs another statement; pass --force to replace it, or the values that it was signed with"
            )
        payload, others = envelope.payload, envelope.signatures
    signatures = [sign_payload(payload, key) for key in keys]
    mine = {signature.keyid for signature in signatures}
    signatures = [*(other for other in others if other.keyid not in mine), *signatures]
    if len(signatures) > MAX_SIGNATURES:
        raise SettingsError(f"{path}: holds {MAX_SIGNATURES} signatures already; expected no more")
    envelope = Envelope(payload=payload, payloadType=PAYLOAD_TYPE, signatures=tuple(signatures))
    write_atomically(path, encode_envelope(envelope))


def _says_the_same(old: Statement, new: Statement) -> bool:
    """Whether two statements differ in the moment of issue at most."""
    predicate = new.predicate.model_copy(update={"issued": old.predicate.issued})
    return replace(new, predicate=predicate) == old
