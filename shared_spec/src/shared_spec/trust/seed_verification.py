"""Verification of a committed seed: commitment, beacon and artefact belong together, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shared_spec.errors import ArtifactError
from shared_spec.trust.fields import format_instant
from shared_spec.trust.pins import Trust
from shared_spec.trust.seeds import FREE_SEED, open_commitment
from shared_spec.trust.statement import BeaconPredicate, BundlePredicate, Role
from shared_spec.trust.verification import Link, verify_statement

__all__ = ["CommittedSeed", "verify_seed"]


@dataclass(frozen=True)
class CommittedSeed:
    """A seed that its issuer could not choose."""

    seed: str
    """64 hexadecimal digits."""
    commitment: Link
    beacon: Link
    answered: int
    """How many commitments of the issuer the other party had answered with this one."""

    @property
    def text(self) -> str:
        """Who committed, who answered, and how often, in one line."""
        committed, answered = (link.statement.predicate for link in (self.commitment, self.beacon))
        return (
            f"seed: {committed.role} {committed.issuer} committed at {format_instant(committed.issued)}, "
            f"before {answered.role} {answered.issuer} gave the beacon at {format_instant(answered.issued)}; "
            f"commitment {self.answered} of {committed.issuer} that was answered"
        )


def verify_seed(
    artifact: Link,
    commitment: Path,
    beacon: Path,
    giver: Role,
    settings: Mapping[str, Any],
    parents: Mapping[str, str],
    trust: Trust,
    now: datetime,
) -> CommittedSeed:
    """The seed that the issuer of a verified artefact must have drawn with; compare it with the one that it states.

    What it establishes: the issuer signed the commitment to these settings and parents, another party answered it
    with the beacon, which it says it drew afterwards, and the artefact reveals the two numbers that give the seed.

    Args:
        artifact: the verified bundle or certificate.
        commitment: the envelope of its commitment.
        beacon: the envelope of the answer.
        giver: the role of the party that answered.
        settings: what the artefact says was drawn, as in `commit`.
        parents: what it says it was drawn from, as in `commit`.
        trust: whose keys are accepted.
        now: the moment to judge at; with time zone.

    Raises:
        ExpiredError: if a statement or a key it needs has expired, or was retired or revoked.
        ArtifactError: if a statement is missing or does not establish the above.
        SettingsError: if the trust file pins nobody in one of the roles.
    """
    revealed = artifact.statement.predicate
    if not isinstance(revealed, BundlePredicate) or revealed.reveal is None:
        raise ArtifactError(
            f"{commitment}: the {artifact.statement.kind} reveals no nonce and beacon; {FREE_SEED}"
        )
    reveal = revealed.reveal
    committed = verify_statement(commitment, None, "commitment", revealed.role, trust, now, parents)
    digest = committed.statement.digest
    seed = open_commitment(digest, reveal, settings, parents)
    given = verify_statement(beacon, digest, "beacon", giver, trust, now, {})
    answer = given.statement.predicate
    if not isinstance(answer, BeaconPredicate) or answer.beacon != reveal.beacon:
        raise ArtifactError(
            f"{beacon}: gives another beacon than the artefact reveals; {FREE_SEED}"
        )
    if answer.issuer == revealed.issuer:
        raise ArtifactError(f"{beacon}: {answer.issuer} answered itself; expected another party")
    if not committed.statement.predicate.issued <= answer.issued <= revealed.issued:
        raise ArtifactError(
            f"{beacon}: expected commitment, beacon and artefact to be issued in this order"
        )
    return CommittedSeed(seed, committed, given, answer.answered)
