"""Options of a command from the settings models that it takes: said once, in the model.

`--preset`, `--config FILE.toml` and flags are three layers of the same values; flags win over the file, the file over
the preset. `--show-config` prints what they resolve to.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from shared_spec.artifacts.reading import read_regular
from shared_spec.errors import SettingsError
from shared_spec.option_fields import SettingOption, field_option
from shared_spec.settings import Settings, is_hidden, resolve, to_toml

__all__ = ["Command", "command_settings", "given_settings"]

Function = TypeVar("Function", bound=Callable[..., Any])
Values = dict[str, Any]

_MOST_BYTES = 2**20
_META = "shared_spec.options.file"
_GIVEN = "shared_spec.options.given"
_PLAIN = (str, bool, int, float)


class Command(click.Command):
    """A command whose options stand in groups, and which shows its resolved settings without doing its work."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's; with `--show-config` nothing is required, and all else is checked as ever."""
        required = [option for option in self.params if option.required]
        try:
            for option in required:
                option.required = "--show-config" not in args
            return super().parse_args(ctx, args)
        finally:
            for option in required:
                option.required = True

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options group by group, a command's own first."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "Options"), []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


def command_settings(
    *,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    preset: str | None = None,
    without: Collection[str] = (),
    **models: type[Settings],
) -> Callable[[Function], Function]:
    """Adds an option per field of each model, `--preset`, `--config` and `--show-config`.

    The command is handed, under the names of `models`, the resolved settings; `given_settings` tells which were named.

    Args:
        presets: values by field name, per preset.
        preset: the one that is taken unless another is named.
        without: `argument.field` of settings that the command decides itself: they keep their defaults.
        models: the settings, by the name of the command's argument.
    """
    offered = {
        argument: [
            name
            for name, field in model.model_fields.items()
            if f"{argument}.{name}" not in without and not is_hidden(field)
        ]
        for argument, model in models.items()
    }
    fields = {name: models[argument] for argument, names in offered.items() for name in names}
    if len(fields) != sum(map(len, offered.values())):
        raise ValueError("two settings of a command have one name")

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(**values: Any) -> Any:  # noqa: ANN401 - the command's own
            context = click.get_current_context()
            named = values.pop("preset", None)
            chosen = named or preset
            show = values.pop("show_config")
            flags = {name: _plain(values.pop(name)) for name in fields}
            path, file = context.meta.get(_META, ("", {}))
            typed = {name: value for name, value in flags.items() if value is not None}
            given, places = {**file, **typed}, dict.fromkeys(file.keys() - typed.keys(), str(path))
            layered = {**((presets or {}).get(chosen or "", {})), **given}
            resolved = {
                argument: resolve(
                    model,
                    {k: v for k, v in layered.items() if k in offered[argument]},
                    places=places,
                )
                for argument, model in models.items()
            }
            if show:
                found = {
                    name: value
                    for argument, model in resolved.items()
                    for name, value in model.model_dump(mode="json").items()
                    if name in offered[argument]
                }
                click.echo(to_toml({**_own(context, fields), **found}), nl=False)
                return None
            context.meta[_GIVEN] = frozenset(given.keys() | ({"preset"} if named else set()))
            return function(**values, **resolved)

        options = [
            field_option(name, model.model_fields[name], model.group)
            for name, model in fields.items()
        ]
        params = getattr(call, "__click_params__", [])
        call.__click_params__ = [*reversed([*options, *_sources(presets, preset)]), *params]  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return decorate


def given_settings() -> frozenset[str]:
    """The settings that a flag or the file set in the command that runs, `preset` among them if one was named."""
    found: frozenset[str] = click.get_current_context().meta[_GIVEN]
    return found


def _sources(
    presets: Mapping[str, Mapping[str, Any]] | None, preset: str | None
) -> list[click.Option]:
    group = "Where settings come from"
    found: list[click.Option] = []
    if presets:
        found.append(
            SettingOption(
                ["--preset"], type=click.Choice(sorted(presets)), group=group,
                help="Sizes and counts; flags and --config win over it." + (f"  [default: {preset}]" if preset else ""),
            )
        )  # fmt: skip
    found += [
        SettingOption(
            ["--config"], type=click.Path(path_type=Path), is_eager=True, expose_value=False, callback=_read_file,
            group=group, help="Settings as TOML; flags win over it.",
        ),
        SettingOption(
            ["--show-config"], is_flag=True, group=group,
            help="Print the settings that this command line resolves to, as --config takes them, and do nothing.",
        ),
    ]  # fmt: skip
    return found


def _read_file(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Splits a TOML file into settings, kept for `resolve`, and a command's own options, which become its defaults."""
    if path is None:
        return
    try:
        text = read_regular(path, _MOST_BYTES, SettingsError).decode("utf-8")
        values = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: not a readable TOML file ({error})") from None
    options = {
        flag.removeprefix("--").replace("-", "_"): option
        for option in ctx.command.params
        for flag in option.opts
        if option.name != "config"
    }
    settings: Values = {}
    defaults: Values = {}
    spelt: dict[str, str] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if spelt.setdefault(name, key) != key:
            raise SettingsError(f"{path}: {spelt[name]!r} and {key!r} are one setting; keep one")
        if name not in options:
            guess = difflib.get_close_matches(name, sorted(options), 1)
            hint = f"; did you mean {guess[0]!r}?" if guess else ""
            raise SettingsError(f"{path}: unknown setting {key!r}{hint}")
        option = options[name]
        if isinstance(option, SettingOption) and name not in ("preset", "show_config"):
            settings[name] = value
            continue
        items = value if isinstance(value, list) and option.multiple else [value]
        wanted = (bool,) if getattr(option, "is_flag", False) else _kinds(option)
        if not all(type(item) in wanted for item in items):
            raise SettingsError(
                f"{path}: {key} is {str(value)!r:.80}: expected {'a list of ' if option.multiple else ''}"
                f"{' or '.join(kind.__name__ for kind in wanted)}"
            )
        defaults[str(option.name)] = value
    ctx.meta[_META] = path, settings
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _kinds(option: click.Parameter) -> tuple[type, ...]:
    """What TOML may hold for an option of a command's own."""
    match option.type:
        case click.types.IntParamType():
            return (int,)
        case click.types.FloatParamType():
            return (float, int)
        case _:
            return tuple(getattr(option.type, "kinds", (str,)))


def _own(ctx: click.Context, fields: Collection[str]) -> Values:
    """The command's own options that were given."""
    own = {
        option.opts[0].removeprefix("--").replace("-", "_"): ctx.params.get(str(option.name))
        for option in ctx.command.params
        if isinstance(option, click.Option) and option.name not in fields
    }
    hidden = ("preset", "config", "show_config", "json", "force", "help")
    return {
        name: _json_value(value)
        for name, value in own.items()
        if name not in hidden and value not in (None, (), False)
    }


def _json_value(value: Any) -> Any:  # noqa: ANN401 - what click converted
    if isinstance(value, tuple | list):
        return [_json_value(item) for item in value]
    return value if isinstance(value, _PLAIN) else str(value)


def _plain(value: Any) -> Any:  # noqa: ANN401 - what click converted
    """None for what was not given; a list for what was given several times."""
    if isinstance(value, tuple):
        return list(value) or None
    return value
