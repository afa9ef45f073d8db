"""Who signs, until when, and what a rotation and an answer say besides: the settings of the commands that sign."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field, field_validator

from shared_spec.settings import Settings, setting
from shared_spec.trust.fields import Instant

__all__ = ["Answer", "Issuance", "Rotation"]


_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _beginning_of_day(value: Any) -> Any:  # noqa: ANN401 - whatever was given
    """`2027-11-25` as the moment at which that day begins; a moment as it is."""
    if not isinstance(value, str):
        return value
    found = _MOMENT.fullmatch(value)
    if found is None:
        raise ValueError("expected a day or a moment in UTC, as 2027-11-25 or 2027-11-25T12:00:00Z")
    return value if found[1] else f"{value}T00:00:00Z"


class Issuance(Settings):
    """Who issues a statement, which of theirs it is, and for how long it may be relied upon."""

    group: ClassVar[str] = "The statement"

    issuer: str = setting(..., "Your name, as partners have it in their trust files.")
    serial: int = setting(
        ..., "Number of the release; it grows, so that an old one can be told.", ge=0
    )
    expires: Instant = setting(
        ..., "When it ends, in UTC: 2027-11-25 or 2027-11-25T12:00:00Z.", metavar="DATE"
    )
    issued: Instant = Field(default_factory=_now, json_schema_extra={"hidden": True})
    """The moment of signing: now, unless a caller knows better."""

    _day = field_validator("expires", mode="before")(_beginning_of_day)

    def fields(self) -> dict[str, Any]:
        """These as fields of a predicate."""
        return {name: getattr(self, name) for name in ("issuer", "serial", "issued", "expires")}


class Rotation(Issuance):
    """Who hands over to a new key, and from when; `expires` ends the new key for those who follow."""

    effective: Instant = setting(
        ..., "When the new key takes over, in UTC; not in the past.", metavar="DATE"
    )

    _first_day = field_validator("effective", mode="before")(_beginning_of_day)


class Answer(Issuance):
    """Who answers a commitment."""

    answered: int = setting(
        ..., "How many commitments of that issuer you have answered, with this one.", ge=1
    )
