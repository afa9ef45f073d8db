"""Verification of a committed seed: who committed and who answered, judged by a trust file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from shared_spec.errors import ArtifactError
from shared_spec.trust.pins import Trust
from shared_spec.trust.seeds import CommittedSeed
from shared_spec.trust.statement import Role
from shared_spec.trust.verification import verify_statement

__all__ = ["verify_committed_seed"]


def verify_committed_seed(
    committed: CommittedSeed,
    role: Role,
    issued: datetime | None,
    parents: Mapping[str, str],
    trust: Trust,
    where: str,
    now: datetime | None = None,
) -> None:
    """Whether the parties that a commitment names have signed it.

    What it establishes, with the check that an artefact makes of its own seed when it is loaded: the issuer signed the
    commitment to these settings and parents, another party answered it with the beacon, which it says it drew
    afterwards, and the seed is the one that follows from both.

    Args:
        committed: what the artefact reveals.
        role: of its issuer.
        issued: when the artefact was signed, if its signature was verified.
        parents: what it was drawn from.
        trust: whose keys are accepted.
        where: what messages name.
        now: the moment to judge at; with time zone.

    Raises:
        ExpiredError: if a statement or a key it needs has expired, or was retired or revoked.
        ArtifactError: if a statement is not signed by a pinned key of its role, or bears a date out of order.
        SettingsError: if the trust file pins nobody in one of the roles.
    """
    now = now or datetime.now(UTC)
    verify_statement(
        committed.commitment, f"{where}: commitment", None, "commitment", role, trust, now, parents
    )  # fmt: skip
    digest, giver = committed.committed.digest, committed.beacon.role
    verify_statement(committed.answer, f"{where}: beacon", digest, "beacon", giver, trust, now, {})
    if issued is not None and not committed.beacon.issued <= issued:
        raise ArtifactError(
            f"{where}: was issued before the beacon of its seed; expected commitment, beacon and artefact in this order"
        )
