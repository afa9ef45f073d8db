"""What a certificate says of its issuer and of its time: all optional, kept in the document, and so signed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import ClassVar, Self

from pydantic import model_validator

from shared_spec.errors import ExpiredError
from shared_spec.names import Name
from shared_spec.settings import Settings, resolve, setting

__all__ = ["Imprint", "utc_today"]


def utc_today() -> date:
    """Today's date in UTC."""
    return datetime.now(UTC).date()


class Imprint(Settings):
    """Who issues the certificate, of which system, and when: the issuer's own words, which nobody verifies."""

    group: ClassVar[str] = "On the certificate"

    issuer: Name | None = setting(None, "Who issues it.", metavar="NAME")
    system: Name | None = setting(
        None, "The system whose decisions it is about, with its version.", metavar="NAME"
    )
    contact: Name | None = setting(
        None, "Whom to ask: a mail address, a page, a department.", metavar="TEXT"
    )
    issued: date | None = setting(
        None, "Its date; today, in UTC, if any of these is given.", metavar="YYYY-MM-DD"
    )
    valid_until: date | None = setting(
        None,
        "Its last day, in UTC; after it nobody verifies, predicts with or makes anything of it.",
        metavar="YYYY-MM-DD",
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.issued and self.valid_until and self.valid_until < self.issued:
            raise ValueError(
                f"`valid_until` is {self.valid_until}, before its date, {self.issued}; expected a later day"
            )
        return self

    @property
    def stated(self) -> bool:
        """Whether anything is."""
        return any(getattr(self, name) is not None for name in type(self).model_fields)

    def dated(self, today: date) -> Imprint:
        """With `today` as its date, if it states something but no date.

        Raises:
            SettingsError: it would end before it begins.
        """
        if not self.stated or self.issued is not None:
            return self
        return resolve(Imprint, self.model_dump(mode="json") | {"issued": today.isoformat()})

    def is_over(self, today: date) -> bool:
        """Whether the last day is past."""
        return self.valid_until is not None and today > self.valid_until

    def check(self, today: date, where: str) -> None:
        """Raises ExpiredError after the last day."""
        if self.is_over(today):
            raise ExpiredError(
                f"{where}: was valid until {self.valid_until}; ask its issuer for one of today"
            )
