"""Settings: each concern is one model, from which options, TOML keys and what artefacts store are taken.

A field's name is its name everywhere: in Python, in TOML, in `--json`, in the artefact, and with hyphens as a flag. Its
help, unit and bounds stand beside it and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from shared_spec.errors import SettingsError

_MOST = 2**53

__all__ = [
    "Settings",
    "changed",
    "is_hidden",
    "resolve",
    "setting",
    "spelled",
    "to_flags",
    "to_toml",
]


class Settings(BaseModel):
    """The settings of one concern: frozen, finite, and nothing unknown.

    Attributes:
        group: heading of these settings in a command's help.
    """

    # Built when a value is first checked, so that help, which only looks at the fields, need not wait for it.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    group: ClassVar[str] = "Settings"

    @model_validator(mode="after")
    def _exact(self) -> Self:
        """Whole numbers that JSON's readers would not all read alike are refused."""
        for name, value in self:
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, int) and abs(item) > _MOST:
                    raise ValueError(f"`{name}` has {len(str(item))} digits: expected at most 2^53")
        return self


Model = TypeVar("Model", bound=Settings)


def setting(
    default: Any,  # noqa: ANN401 - of the field's type
    text: str,
    *,
    metavar: str | None = None,
    **bounds: Any,  # noqa: ANN401 - pydantic's own: gt, ge, lt, le, pattern, min_length
) -> Any:  # noqa: ANN401 - pydantic's own idiom
    """A field of `Settings` with its help text, which names the unit.

    Args:
        default: its value unless given; `...` for none.
        text: one sentence or two.
        metavar: what stands for a value in the help.
        bounds: as `pydantic.Field` takes them.
    """
    extra: JsonDict = {"metavar": metavar}
    return Field(default, description=text, json_schema_extra=extra, **bounds)


def resolve(
    model: type[Model],
    values: Mapping[str, Any],
    places: Mapping[str, str] = MappingProxyType({}),
) -> Model:
    """The settings with these values, by field name, and defaults for the rest.

    Values are taken strictly: 1.9 epochs, a seed of "3" or a flag of 1 are refused, not converted.

    Args:
        model: the settings.
        values: by field name.
        places: the files in which single values stand, by field name.

    Raises:
        SettingsError: naming the first field that is wrong, where it stands, and what was expected.
    """
    try:
        return model.model_validate_json(json.dumps(dict(values)), strict=True)
    except ValidationError as error:
        raise SettingsError(_first(error, places)) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise SettingsError(f"a setting is no number, text or list of them ({error})") from None  # fmt: skip


def _first(error: ValidationError, places: Mapping[str, str]) -> str:
    found = error.errors()[0]
    if not found["loc"]:
        return str(found["msg"]).removeprefix("Value error, ")
    value = found.get("input")
    given = "" if found["type"] == "missing" else f" is {value!r:.80}"
    message = str(found["msg"]).removeprefix("Value error, ")
    name = str(found["loc"][0])
    place = f"{places[name]}: " if name in places else ""
    return f"{place}`{name}`{given}: {message[:1].lower()}{message[1:]}"


def to_toml(values: Mapping[str, Any]) -> str:
    """TOML of plain values (text, numbers, booleans, lists of them); those that are None are left out.

    >>> print(to_toml({"epochs": 5, "hidden": [512, 256], "sigma": None, "bf16": True}), end="")
    epochs = 5
    hidden = [512, 256]
    bf16 = true
    """
    # TOML's strings, numbers, booleans and arrays are written as JSON writes them.
    lines = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
        if value is not None
    ]
    return "\n".join(lines) + "\n"


def is_hidden(field: FieldInfo) -> bool:
    """Whether a field is set by code, and no command offers it."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("hidden"))


def to_flags(settings: Settings) -> list[str]:
    """The words of a command line that give these settings: those that differ from their defaults."""
    words: list[str] = []
    for name, field in type(settings).model_fields.items():
        value, flag = getattr(settings, name), name.replace("_", "-")
        if value == field.default or is_hidden(field):
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
            continue
        for item in value if isinstance(value, tuple) else [value]:
            words += [f"--{flag}", spelled(item) if isinstance(item, float) else str(item)]
    return words


def changed(settings: Settings, names: Iterable[str]) -> list[str]:
    """Those of the settings of these names, all of which have defaults, that are other than by default."""
    fields = type(settings).model_fields
    return [name for name in names if getattr(settings, name) != fields[name].default]


def spelled(number: float) -> str:
    """The shortest decimals that are this number again: 5 for 5.0."""
    return f"{number:.12g}" if float(f"{number:.12g}") == number else repr(number)
