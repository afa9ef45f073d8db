"""Seeds that nobody could choose: a commitment, then a beacon of another party, then the draw, then the reveal.

Whoever may pick the seed of a sampled certificate can try many and show the best. So the issuer first signs
H(nonce ‖ settings ‖ parents), which fixes what will be drawn and hides the nonce; another party then signs a number of
its own for this commitment, the beacon; the seed is H(nonce ‖ beacon). The issuer cannot choose the beacon, the other
party cannot know the seed, and neither can go back. What remains is an issuer who asks again and again: the beacon says
how often it did.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from shared_spec.artifacts.canonical import canonical_json
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.trust.keys import SigningKey
from shared_spec.trust.signing import Issuance, write_statement
from shared_spec.trust.statement import Reveal, Role, issue_statement

__all__ = [
    "FREE_SEED",
    "commit",
    "derive_committed_seed",
    "open_commitment",
    "sign_beacon",
    "sign_commitment",
]

FREE_SEED = "the seed was the issuer's free choice"
"""What is said of a sampled certificate without a commitment."""


def commit(nonce: str, settings: Mapping[str, Any], parents: Mapping[str, str]) -> str:
    """The commitment to a draw, 64 hexadecimal digits: SHA-256 over a domain and canonical JSON.

    It binds (another nonce, setting or parent with the same commitment is a collision of SHA-256) and hides `settings`
    as long as the nonce is secret.

    Args:
        nonce: 256 random bits as 64 hexadecimal digits, fresh for every commitment, from the operating system.
        settings: all that decides what is drawn, besides the seed: the encoder's or the head's settings, sample counts.
        parents: digests of what it will be made from, by kind.

    Raises:
        SettingsError: if the nonce has another form, or `settings` cannot be written as canonical JSON.
    """
    return _hash("commitment", {"nonce": nonce, "settings": settings, "parents": dict(parents)})


def derive_committed_seed(nonce: str, beacon: str) -> str:
    """The seed, 64 hexadecimal digits: SHA-256 over a domain, the nonce and the beacon.

    With SHA-256 as a random oracle it is uniform as soon as one of the two is, whatever the other party did.

    Raises:
        SettingsError: if one of them is not 256 bits as 64 hexadecimal digits.
    """
    return _hash("seed", {"nonce": nonce, "beacon": beacon})


def open_commitment(
    commitment: str, reveal: Reveal, settings: Mapping[str, Any], parents: Mapping[str, str]
) -> str:
    """The seed, 64 hexadecimal digits, that follows from a commitment and what was revealed of it.

    Raises:
        ArtifactError: if the commitment was made with another nonce, other settings or other parents.
    """
    actual = commit(reveal.nonce, settings, parents)
    if actual != commitment:
        raise ArtifactError(
            f"commitment {commitment}: the nonce, settings and parents give {actual}; "
            "what was drawn is not what was committed to"
        )
    return derive_committed_seed(reveal.nonce, reveal.beacon)


def _hash(purpose: Literal["commitment", "seed"], value: Mapping[str, Any]) -> str:
    for name in value.keys() & {"nonce", "beacon"}:
        if not re.fullmatch(r"[0-9a-f]{64}", value[name]):
            raise SettingsError(f"{name}: expected 64 hexadecimal digits, 256 random bits")
    try:
        text = canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise SettingsError(
            f"{purpose}: not a JSON value ({error}); expected finite numbers and text"
        ) from error
    return hashlib.sha256(f"lassi-{purpose}-v1\n".encode() + text).hexdigest()


def sign_commitment(
    path: Path,
    commitment: str,
    role: Literal["producer", "consumer"],
    key: SigningKey,
    issuance: Issuance,
    parents: Mapping[str, str],
    force: bool = False,
) -> None:
    """Writes the signed commitment, by convention `NAME.commitment.sig.json` beside the artefact to come.

    Args:
        path: of the envelope.
        commitment: of `commit` with the same parents.
        role: of the issuer.
        key: of the issuer.
        issuance: who, which, how long.
        parents: digests of what will be drawn from; they are readable, the settings are not.
        force: replaces another statement.

    Raises:
        SettingsError: if a field does not fit, or another statement stands there and `force` is off.
        LassiError: if the file cannot be written.
    """
    fields = {**issuance.fields(), "role": role, "parents": dict(parents)}
    statement = issue_statement("commitment", "commitment", commitment, fields, str(path))
    write_statement(path, statement, [key], force)


def sign_beacon(
    path: Path,
    commitment: str,
    beacon: str,
    answered: int,
    role: Role,
    key: SigningKey,
    issuance: Issuance,
    force: bool = False,
) -> None:
    """Answers a commitment, by convention in `NAME.beacon.sig.json`.

    Args:
        path: of the envelope.
        commitment: the digest of the commitment that was received and verified (`verify_statement`).
        beacon: 256 random bits as 64 hexadecimal digits, drawn after it was received.
        answered: how many commitments of that issuer have been answered, this one included.
        role: of the party that answers.
        key: of the party that answers.
        issuance: who, which, how long.
        force: replaces another statement.

    Raises:
        SettingsError: if a field does not fit, or another statement stands there and `force` is off.
        LassiError: if the file cannot be written.
    """
    fields = {
        **issuance.fields(),
        "role": role,
        "parents": {},
        "beacon": beacon,
        "answered": answered,
    }
    statement = issue_statement("beacon", "commitment", commitment, fields, str(path))
    write_statement(path, statement, [key], force)
