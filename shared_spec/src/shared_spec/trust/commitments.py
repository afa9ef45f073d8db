"""The three files of a committed seed: the commitment, the secret nonce beside it, and the answer of another party.

`reps.commitment.sig.json` goes to the other party, `reps.commitment.nonce` to nobody before the draw, and
`reps.commitment.answer.sig.json` comes back. The artefact then holds all three (`shared_spec.trust.seeds`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.kinds import NONCE, SIGNATURE
from shared_spec.artifacts.reading import read_regular
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.trust.keys import SigningKey, passphrase_from_environment
from shared_spec.trust.pins import Trust
from shared_spec.trust.seeds import CommittedSeed, commitment_digest
from shared_spec.trust.settings import Answer, Issuance
from shared_spec.trust.signing import (
    SUFFIX,
    Passphrase,
    Signed,
    load_envelope,
    open_key,
    write_statement,
)
from shared_spec.trust.statement import Role, issue_statement, parse_statement
from shared_spec.trust.trust_file import load_trust
from shared_spec.trust.verification import verify_statement

__all__ = ["answer", "answer_path", "load_committed", "nonce_path", "sign_commitment"]


def nonce_path(commitment: Path) -> Path:
    """Where the secret of a commitment stands."""
    return commitment.with_name(f"{_stem(commitment)}.nonce")


def answer_path(commitment: Path) -> Path:
    """Where the answer to a commitment stands."""
    return commitment.with_name(f"{_stem(commitment)}.answer{SUFFIX}")


def _stem(commitment: Path) -> str:
    stem = commitment.name.removesuffix(SUFFIX)
    if stem in ("", commitment.name):
        raise SettingsError(
            f"{commitment}: expected a name that ends with {SUFFIX}, as reps.commitment{SUFFIX}"
        )
    return stem


def sign_commitment(
    path: Path,
    settings: Mapping[str, Any],
    parents: Mapping[str, str],
    role: Literal["producer", "consumer"],
    key: Path | str | SigningKey,
    issuance: Issuance,
    *,
    force: bool = False,
    passphrase: Passphrase = passphrase_from_environment,
) -> Signed:
    """Draws a nonce from the operating system, and writes it and the signed commitment.

    Args:
        path: of the commitment.
        settings: of the draw, as in `commitment_digest`; they stay secret until the artefact reveals the nonce.
        parents: digests of what will be drawn from; the statement shows them.
        role: of the issuer.
        key: of the issuer, or its file.
        issuance: who, which, how long.
        force: replaces another commitment; its nonce is lost.
        passphrase: asked if the key has one.

    Raises:
        SettingsError: a field or the key does not fit, or there is a commitment already and `force` is off.
        LassiError: the files cannot be written.
    """
    signing, secret = open_key(key, passphrase), nonce_path(path)
    for place, kind in ((path, SIGNATURE), (secret, NONCE)):
        refuse_existing(place, force, kind=kind)
    nonce = secrets.token_hex(32)
    digest = commitment_digest(nonce, settings, parents)
    fields = {**issuance.fields(), "role": role, "parents": dict(parents)}
    statement = issue_statement("commitment", "commitment", digest, fields, str(path))
    # First: a commitment without its nonce is worth nothing, a nonce without commitment does no harm.
    write_atomically(secret, f"{nonce}\n".encode(), 0o600)
    return write_statement(path, statement, [signing], force)


def answer(
    commitment: Path | str,
    key: Path | str | SigningKey,
    reply: Answer,
    *,
    role: Role = "regulator",
    trust: Path | str | Trust | None = None,
    force: bool = False,
    passphrase: Passphrase = passphrase_from_environment,
) -> Signed:
    """Answers a commitment with a beacon: 256 bits from the operating system, drawn now and signed for it alone.

    Whoever answers one commitment twice, or shows the beacon to the issuer and then another, gives the choice back.

    Args:
        commitment: what was received.
        key: of the party that answers, or its file.
        reply: who answers, and how often it did.
        role: of the party that answers.
        trust: whose commitments are answered; anybody's unless given.
        force: replaces an answer.
        passphrase: asked if the key has one.

    Raises:
        SettingsError: a field or the key does not fit, or there is an answer already and `force` is off.
        ArtifactError, ExpiredError: it is no commitment, or the trust file does not accept it.
        LassiError: the file cannot be written.
    """
    path = Path(commitment)
    place, envelope = answer_path(path), load_envelope(path)
    asked = parse_statement(envelope.payload, str(path))
    if asked.kind != "commitment":
        raise ArtifactError(f"{path}: is about a {asked.kind}, expected a commitment")
    theirs = asked.predicate
    if theirs.role == role or theirs.issuer == reply.issuer:
        raise SettingsError(
            f"{path}: is of {theirs.role} {theirs.issuer}; a commitment is answered by another party"
        )
    if trust is not None:
        verify_statement(
            envelope, str(path), None, "commitment", asked.predicate.role, load_trust(trust),
            datetime.now(UTC), None,
        )  # fmt: skip
    if os.path.lexists(place) and not force:
        raise SettingsError(f"{place}: was answered already; a second beacon would be a choice")
    fields = {
        **reply.fields(),
        "role": role,
        "parents": {},
        "beacon": secrets.token_hex(32),
        "answered": reply.answered,
    }
    statement = issue_statement("beacon", "commitment", asked.digest, fields, str(place))
    return write_statement(place, statement, [open_key(key, passphrase)], force)


def load_committed(commitment: Path | str) -> CommittedSeed:
    """What the three files hold.

    Raises:
        SettingsError: the nonce is missing, or is none.
        ArtifactError: commitment or answer is missing, or is none.
    """
    path = Path(commitment)
    nonce = read_regular(nonce_path(path), 100, SettingsError).decode("ascii", "replace").strip()
    if len(nonce) != 64 or set(nonce) - set("0123456789abcdef"):
        raise SettingsError(f"{nonce_path(path)}: expected 64 hexadecimal digits")
    return CommittedSeed(
        nonce=nonce, commitment=load_envelope(path), answer=load_envelope(answer_path(path))
    )
