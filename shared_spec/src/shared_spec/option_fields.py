"""A field of a settings model as an option of a command: type, bounds, default and text are said once, in the field."""

from __future__ import annotations

import types
from collections.abc import Sequence
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
from pydantic.fields import FieldInfo

__all__ = ["SettingOption", "field_option"]

_BOUNDS = (
    ("gt", ">"),
    ("ge", ">="),
    ("lt", "<"),
    ("le", "<="),
)


class SettingOption(click.Option):
    """An option of one field; its value is None unless it is given."""

    def __init__(self, *args: Any, group: str, **kwargs: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **kwargs)
        self.group = group


class _Number(click.ParamType[Any]):
    """A number, or one of some words."""

    name = "number"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's own
        """The word or the number."""
        if value in self.words or isinstance(value, float):
            return value
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r}: expected {', '.join(self.words)} or a number", param, ctx)


def field_option(name: str, field: FieldInfo, group: str) -> click.Option:
    """The option of a field: its type, bounds, default and text are the field's."""
    flag = f"--{name.replace('_', '-')}"
    kind, several = _annotation(field.annotation)
    extra = _extra(field)
    text = " ".join([str(field.description), *_notes(field, several)])
    metavar = extra.get("metavar")
    common: dict[str, Any] = {"help": text, "default": None, "group": group, "metavar": metavar}
    if kind is bool:
        return SettingOption([f"{flag}/--no-{flag[2:]}"], **common)
    return SettingOption([flag], type=_click_type(kind), multiple=several, **common)


def _extra(field: FieldInfo) -> Any:  # noqa: ANN401 - JSON
    return field.json_schema_extra or {}


def _annotation(annotation: Any) -> tuple[Any, bool]:  # noqa: ANN401 - any annotation
    """The type of one value, and whether there may be several; `None` among alternatives means not given."""
    if get_origin(annotation) is Annotated:
        return _annotation(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0], True
    if get_origin(annotation) in (Union, types.UnionType):
        left = [part for part in get_args(annotation) if part is not type(None)]
        if len(left) == 1:
            return _annotation(left[0])
    return annotation, False


def _click_type(kind: Any) -> Any:  # noqa: ANN401 - any annotation
    if get_origin(kind) is Literal:
        return click.Choice([str(word) for word in get_args(kind)])
    if get_origin(kind) in (Union, types.UnionType):
        words = [word for part in get_args(kind) if get_origin(part) is Literal for word in get_args(part)]  # fmt: skip
        return _Number(words)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return click.Choice([str(member.value) for member in kind])
    # A date, or a moment, which is one, is read by the model.
    return str if isinstance(kind, type) and issubclass(kind, date) else kind


def _notes(field: FieldInfo, several: bool) -> list[str]:
    bounds = [
        f"{sign} {getattr(entry, attribute):g}"
        for entry in field.metadata
        for attribute, sign in _BOUNDS
        if hasattr(entry, attribute)
    ]
    notes = [f"[{', '.join(bounds)}]"] if bounds else []
    default = None if field.is_required() else field.default
    if several:
        notes.insert(0, "Repeat for several.")
        default = ", ".join(str(item) for item in default or ())
    if isinstance(default, Enum):
        default = default.value
    if default not in (None, ""):
        notes.append(f"[default: {str(default).lower() if isinstance(default, bool) else default}]")
    return notes
