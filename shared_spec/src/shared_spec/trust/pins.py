"""Whose keys a party accepts, for which role and how long: the content of its trust file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from shared_spec.artifacts.document import Name, Strict
from shared_spec.errors import ArtifactError, ExpiredError, SettingsError
from shared_spec.trust.fields import Count, Instant, format_instant
from shared_spec.trust.keys import PublicKey, parse_public_key
from shared_spec.trust.statement import Role

__all__ = ["Party", "Pin", "Trust"]


def _key(value: Any) -> PublicKey:  # noqa: ANN401 - whatever the file holds
    if isinstance(value, PublicKey):
        return value
    return parse_public_key(value if isinstance(value, str) else "")


class Pin(Strict):
    """One key that a party accepts.

    There is no third party that says when something was signed, and a thief may write any date. So what a key has
    signed counts only as long as the key itself does: `valid_until` and `revoked_at` end all of it at once.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    public_key: Annotated[PublicKey, BeforeValidator(_key)]
    valid_from: Instant
    valid_until: Instant
    revoked_at: Instant | None = None
    retired_at: Instant | None = None
    """The key issues nothing from then on; what it issued before stays good."""

    @model_validator(mode="after")
    def _lasts(self) -> Pin:
        if not self.valid_from < self.valid_until:
            raise ValueError("valid_until: expected a moment after valid_from")
        return self

    @property
    def ends(self) -> datetime:
        """When it stops to count."""
        return min(self.valid_until, self.revoked_at or self.valid_until)

    def check(self, issued: datetime, now: datetime, where: str) -> None:
        """Lets pass what this key may have issued at `issued`, looked at `now`.

        Raises:
            ExpiredError: if the key is revoked or expired, or was retired before.
            ArtifactError: if it is not valid yet, or was not at `issued`.
        """
        name = self.public_key.fingerprint
        if self.revoked_at is not None and self.revoked_at <= now:
            raise ExpiredError(
                f"{where}: key {name} was revoked at {format_instant(self.revoked_at)}; "
                "ask for a signature by its issuer's new key"
            )
        if self.valid_until <= now:
            raise ExpiredError(
                f"{where}: key {name} was valid until {format_instant(self.valid_until)}; "
                "ask its owner for the new one and pin that"
            )
        if self.retired_at is not None and self.retired_at <= issued:
            raise ExpiredError(
                f"{where}: issued at {format_instant(issued)}, when key {name} was no longer used "
                f"(from {format_instant(self.retired_at)}); ask for a signature by the key that follows it"
            )
        if not self.valid_from <= issued <= now:
            raise ArtifactError(
                f"{where}: issued at {format_instant(issued)}, expected between {format_instant(self.valid_from)}, "
                f"from when key {name} is valid, and now, {format_instant(now)}"
            )


class Party(Strict):
    """Who holds a role, and what their signatures must reach."""

    identity: Name
    keys: tuple[Pin, ...] = Field(min_length=1, max_length=16)
    minimum_serial: Count = 0
    """Artefacts with a lower serial are refused."""
    threshold: Annotated[Count, Field(ge=1)] = 1
    """How many different keys must have signed."""
    rotations: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], ...] = ()
    """Names of rotation statements that stand beside the trust file, in their order."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> Party:
        if len({pin.public_key for pin in self.keys}) < len(self.keys):
            raise ValueError("keys: one of them stands twice")
        if len(self.keys) < self.threshold:
            raise ValueError(
                f"threshold: {self.threshold} of {len(self.keys)} keys is never reached"
            )
        return self


@dataclass(frozen=True)
class Trust:
    """A read trust file; its rotations are applied."""

    where: str
    parties: Mapping[Role, Party]

    def party(self, role: Role) -> Party:
        """Who holds the role. Raises SettingsError if the file does not say."""
        if role not in self.parties:
            raise SettingsError(
                f"{self.where}: pins nobody as {role}; add [{role}] with identity and keys (docs/trust.md)"
            )
        return self.parties[role]
