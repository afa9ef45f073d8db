"""The types that signed documents and the trust file share, and how such a document is read: nothing is coerced."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, StrictInt
from pydantic import ValidationError as _ValidationError

from shared_spec.artifacts.document import first_fault
from shared_spec.errors import LassiError

__all__ = [
    "Count",
    "Digest",
    "Hex256",
    "Instant",
    "format_instant",
    "validate",
]

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def format_instant(value: datetime) -> str:
    """RFC 3339 in UTC, in whole seconds: `2026-11-25T00:00:00Z`."""
    return value.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _instant(value: Any) -> datetime:  # noqa: ANN401 - whatever a document holds
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("expected a date with time and offset, as 2026-11-25T00:00:00Z")
    try:
        return value.astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:
        raise ValueError(str(error)) from error


Instant = Annotated[datetime, BeforeValidator(_instant), PlainSerializer(format_instant)]
"""A moment, in whole seconds of UTC."""

Hex256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""256 bits as 64 hexadecimal digits."""

Digest = Annotated[str, Field(pattern=r"^sha256(-content-v1)?:[0-9a-f]{64}$")]
"""A digest as the documents of the artefacts quote it."""

Count = Annotated[StrictInt, Field(ge=0, lt=10**15)]
"""A count that every JSON reader keeps exactly."""

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def validate(
    model: type[AnyModel],
    value: Any,  # noqa: ANN401 - whatever a document holds
    where: str,
    error: type[LassiError],
) -> AnyModel:
    """`value` as a `model`; raises `error` in one line that names the first field that does not fit."""
    try:
        return model.model_validate(value)
    except _ValidationError as failure:
        raise error(f"{where}: {first_fault(failure)}") from failure
