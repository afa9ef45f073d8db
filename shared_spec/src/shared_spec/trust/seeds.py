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
from typing import Any, Literal

from shared_spec.artifacts.canonical import canonical_json
from shared_spec.artifacts.document import Strict
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.seeds import Seed
from shared_spec.trust.envelope import Envelope
from shared_spec.trust.fields import Hex256
from shared_spec.trust.statement import BeaconPredicate, Statement, parse_statement

__all__ = [
    "FREE_SEED",
    "CommittedSeed",
    "commitment_digest",
    "derive_committed_seed",
    "seed_words",
]

FREE_SEED = "the seed was the issuer's free choice"
"""What is said of a sampled certificate without a commitment."""


def commitment_digest(
    nonce: str, settings: Mapping[str, Any], parents: Mapping[str, str]
) -> str:  # fmt: skip
    """The commitment to a draw, 64 hexadecimal digits: SHA-256 over a domain and canonical JSON.

    It binds (another nonce, setting or parent with the same commitment is a collision of SHA-256) and hides `settings`
    as long as the nonce is secret.

    Args:
        nonce: 256 random bits as 64 hexadecimal digits, fresh for every commitment, from the operating system.
        settings: all that decides what is drawn, besides the seed.
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


class CommittedSeed(Strict):
    """What an artefact reveals of the seed that it was drawn with: enough to compute it, and to check who fixed it."""

    nonce: Hex256
    commitment: Envelope
    """By the issuer of the artefact, before `answer`."""
    answer: Envelope
    """By another party: the beacon."""

    @property
    def committed(self) -> Statement:
        """What the issuer says; its signature is checked by `verify_committed_seed`. Raises ArtifactError."""
        return _statement(self.commitment, "commitment")

    @property
    def answered(self) -> Statement:
        """What the other party says, likewise."""
        return _statement(self.answer, "beacon")

    @property
    def beacon(self) -> BeaconPredicate:
        """The number that the other party gave. Raises ArtifactError."""
        predicate = self.answered.predicate
        if not isinstance(predicate, BeaconPredicate):
            raise ArtifactError("beacon: holds none")
        return predicate

    @property
    def seed(self) -> str:
        """The seed, 64 hexadecimal digits. Raises ArtifactError."""
        return derive_committed_seed(self.nonce, self.beacon.beacon)

    def open(self, settings: Mapping[str, Any], parents: Mapping[str, str]) -> str:
        """The seed, if it was fixed for this draw and no other.

        Args:
            settings: what is drawn, as in `commitment_digest`.
            parents: what it is drawn from.

        Raises:
            ArtifactError: if commitment, answer, nonce and draw do not belong together.
        """
        committed, answered = self.committed, self.answered
        digest = commitment_digest(self.nonce, settings, parents)
        if committed.digest != digest:
            raise ArtifactError(
                f"commitment {committed.digest}: the nonce, settings and parents give {digest}; "
                "what is drawn is not what was committed to; pass the settings that were"
            )
        if dict(committed.predicate.parents) != dict(parents):
            raise ArtifactError(
                f"commitment {digest}: is to something made from something else; commit anew"
            )
        if answered.digest != digest:
            raise ArtifactError(
                f"commitment {digest}: the beacon answers commitment {answered.digest}; take the answer to this one"
            )
        asked, given = committed.predicate, answered.predicate
        if given.issuer == asked.issuer or given.role == asked.role:
            raise ArtifactError(
                f"commitment {digest}: {given.issuer} answered itself; have another party answer"
            )
        if not asked.issued <= given.issued:
            raise ArtifactError(
                f"commitment {digest}: was made after the beacon that answers it; commit anew"
            )
        return self.seed

    def check(self, seed: Seed, settings: Mapping[str, Any], parents: Mapping[str, str]) -> None:
        """Raises ArtifactError unless `seed` is the one that follows from it for this draw."""
        found = self.open(settings, parents)
        if found != seed:
            raise ArtifactError(
                f"the seed is {seed}, but nonce and beacon give {found}; it was not drawn as committed"
            )


def seed_words(committed: CommittedSeed | None) -> str:
    """Who could choose a seed, in one line."""
    if committed is None:
        return FREE_SEED
    asked, given = committed.committed.predicate, committed.beacon
    return (
        f"the seed follows from a commitment of {asked.role} {asked.issuer} and the beacon of {given.role} "
        f"{given.issuer}, who had answered {given.answered} of them with it"
    )


def _statement(envelope: Envelope, kind: Literal["commitment", "beacon"]) -> Statement:
    statement = parse_statement(envelope.payload, kind)
    if statement.kind != kind:
        raise ArtifactError(f"{kind}: holds a statement about a {statement.kind}")
    return statement
