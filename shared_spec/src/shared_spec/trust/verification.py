"""Verification of signatures: who issued an artefact, judged by a trust file at a given moment.

The order matters. The payload is bytes until a pinned key has signed it; then it is parsed, and compared with what the
caller holds: kind, digest, role and issuer, serial, dates, enough keys, parents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from shared_spec.artifacts.canonical import DIGEST_PREFIX
from shared_spec.artifacts.document import Name, Strict
from shared_spec.errors import ArtifactError, ExpiredError, LassiError
from shared_spec.trust.envelope import MAX_SIGNATURES, Envelope, Fingerprint
from shared_spec.trust.fields import Count, Instant, format_instant
from shared_spec.trust.pins import Party, Pin, Trust
from shared_spec.trust.signing import Subject, load_envelope, signature_path
from shared_spec.trust.statement import (
    ARTIFACT_ROLES,
    Kind,
    Predicate,
    Role,
    Statement,
    parse_statement,
)
from shared_spec.trust.trust_file import load_trust

__all__ = [
    "ORIGIN_NOT_VERIFIED",
    "Link",
    "Origin",
    "origin_of",
    "origin_words",
    "verify_artifact",
    "verify_statement",
]

ORIGIN_NOT_VERIFIED = "origin not verified"
"""What is said of an artefact where no trust file was given."""


@dataclass(frozen=True)
class Link:
    """One verified statement."""

    statement: Statement
    fingerprints: tuple[str, ...]
    """Of the keys that count, in the order of the trust file."""
    valid_until: datetime
    """When the statement or one of these keys ends."""

    @property
    def origin(self) -> Origin:
        """What is said of it where it is relied upon."""
        predicate = self.statement.predicate
        return Origin(
            role=predicate.role, issuer=predicate.issuer, keys=self.fingerprints, serial=predicate.serial,
            issued=predicate.issued, valid_until=self.valid_until,
        )  # fmt: skip


class Origin(Strict):
    """Who issued an artefact, by which keys, which release, since when and until when."""

    role: Role
    issuer: Name
    keys: tuple[Fingerprint, ...] = Field(min_length=1, max_length=MAX_SIGNATURES)
    serial: Count
    issued: Instant
    valid_until: Instant

    def __str__(self) -> str:
        return (
            f"signed by {self.role} {self.issuer} ({', '.join(self.keys)}), serial {self.serial}, "
            f"issued {format_instant(self.issued)}, valid until {format_instant(self.valid_until)}"
        )


def origin_words(origin: Origin | None) -> str:
    """Who signed, or that nobody looked."""
    return ORIGIN_NOT_VERIFIED if origin is None else str(origin)


def origin_of(subject: Subject, trust: Path | str | Trust | None) -> Origin | None:
    """Who issued an artefact, as of now; None without a trust file. Raises as `load_trust` and `verify_artifact` do."""
    if trust is None:
        return None
    return verify_artifact(subject, load_trust(trust), datetime.now(UTC)).origin


def verify_artifact(subject: Subject, trust: Trust, now: datetime) -> Link:
    """Verifies `NAME.sig.json` beside an artefact.

    What it establishes: at least `threshold` of the keys that the trust file pins for the role that issues such
    artefacts have signed that the artefact with this digest, made from these parents, is theirs, with a serial that
    is recent enough, and all of it is valid at `now`. It says nothing about whether what they signed is true.

    Args:
        subject: the artefact as it was loaded; the statement must name its parents and no others.
        trust: whose keys are accepted.
        now: the moment to judge at; with time zone.

    Raises:
        ExpiredError: if the statement or a key it needs has expired, or was retired or revoked.
        ArtifactError: if there is no signature, or it does not establish the above.
        SettingsError: if the trust file pins nobody in that role.
    """
    where = signature_path(subject.path)
    envelope = load_envelope(where)
    link = verify_statement(
        envelope, str(where), subject.digest.removeprefix(DIGEST_PREFIX), subject.kind,
        ARTIFACT_ROLES[subject.kind], trust, now, subject.parents,
    )  # fmt: skip
    said = link.statement.predicate.model_dump(mode="json")
    for name, actual in subject.details.items():
        if said[name] != actual:
            raise ArtifactError(
                f"{where}: signs that {name} is {said[name]}; {subject.path} has {actual}"
            )
    return link


def verify_statement(
    envelope: Envelope,
    where: str,
    digest: str | None,
    kind: Kind,
    role: Role,
    trust: Trust,
    now: datetime,
    parents: Mapping[str, str] | None,
) -> Link:
    """Verifies an envelope; as `verify_artifact`, for any kind of subject and any role that may issue it.

    Args:
        envelope: with the statement.
        where: what messages name.
        digest: 64 hexadecimal digits, as in `Statement`; None accepts any, for one who learns it from the statement, as
            the party does that answers a commitment.
        kind: what the subject is.
        role: of the issuer.
        trust: whose keys are accepted.
        now: the moment to judge at; with time zone.
        parents: what the statement must name as its parents; None accepts any.

    Raises:
        LassiError: as `verify_artifact`.
    """
    party = trust.party(role)
    signers = _signers(envelope, party, role, trust, where)
    statement = parse_statement(envelope.payload, where)
    if statement.kind != kind:
        raise ArtifactError(f"{where}: is about a {statement.kind}, expected a {kind}")
    if digest is not None and statement.digest != digest:
        raise ArtifactError(
            f"{where}: signs the {kind} with digest {statement.digest}, and this one has {digest}: "
            "it was changed after it was signed, or the signature is another's"
        )
    predicate = statement.predicate
    if (predicate.role, predicate.issuer) != (role, party.identity):
        raise ArtifactError(
            f"{where}: issued by {predicate.role} {predicate.issuer}, expected {role} {party.identity}"
        )
    if kind in ARTIFACT_ROLES and not predicate.serial >= party.minimum_serial:
        raise ArtifactError(
            f"{where}: serial {predicate.serial} is older than {party.minimum_serial}, the lowest that {trust.where} "
            "accepts; ask for the current release"
        )
    if not now < predicate.expires:
        raise ExpiredError(
            f"{where}: expired at {format_instant(predicate.expires)}; ask {party.identity} for a newer signature"
        )
    valid = _enough(signers, party, predicate, now, where)
    if parents is not None:
        _check_parents(predicate, parents, where)
    return Link(
        statement,
        tuple(pin.public_key.fingerprint for pin in valid),
        min(predicate.expires, *(pin.ends for pin in valid)),
    )


def _signers(
    envelope: Envelope, party: Party, role: Role, trust: Trust, where: str
) -> tuple[Pin, ...]:
    """The pins whose keys signed, each once; whether they still count is asked later."""
    signers = tuple(pin for pin in party.keys if envelope.signed_by(pin.public_key, where))
    if not signers:
        found = ", ".join(signature.keyid for signature in envelope.signatures[:3])
        raise ArtifactError(
            f"{where}: signed by {found}, which {trust.where} does not pin for {role} {party.identity}; "
            "compare fingerprints with them"
        )
    return signers


def _enough(
    signers: tuple[Pin, ...], party: Party, predicate: Predicate, now: datetime, where: str
) -> tuple[Pin, ...]:
    """Those of the signers that count at `now`, at least `threshold` of them."""
    valid: list[Pin] = []
    refusals: list[LassiError] = []
    for pin in signers:
        try:
            pin.check(predicate.issued, now, where)
            valid.append(pin)
        except LassiError as refusal:
            refusals.append(refusal)
    if len(valid) >= party.threshold:
        return tuple(valid)
    if refusals:
        raise refusals[0]
    raise ArtifactError(
        f"{where}: signed by {len(valid)} of the keys of {party.identity}, expected {party.threshold}; "
        "ask for the missing signatures"
    )


def _check_parents(predicate: Predicate, parents: Mapping[str, str], where: str) -> None:
    signed = {str(name): digest for name, digest in predicate.parents.items()}
    for name in sorted(signed.keys() | parents.keys()):
        if signed.get(name) != parents.get(name):
            raise ArtifactError(
                f"{where}: names {signed.get(name, 'no')} as its {name}, expected {parents.get(name, 'none')}; "
                "it signs something that was made from something else"
            )
