"""The command line of a party: commands in the order of the work, each imported when somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from shared_spec.console import QUIET

__all__ = ["Group"]


class _Commands(Mapping[str, click.Command]):
    """Commands by name, in order; who asks only for the names imports none."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = homes

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(self._homes[name]), name.replace("-", "_"))
        if not any(option.name == "quiet" for option in command.params):
            command.params.append(_quiet_option())
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


class Group(click.Group):
    """The commands of a party, each of which can be told to be quiet; help wraps at 100 columns.

    Args:
        said: what a list of commands says of each, by name: the first sentence of its help.
        elsewhere: modules of the commands that have none of their name in the party's `cli`.
    """

    def __init__(
        self,
        name: str,
        *,
        said: Mapping[str, str],
        elsewhere: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        super().__init__(name, context_settings=settings, **kwargs)
        own = {each: f"{name}.cli.{each.replace('-', '_')}" for each in said}
        self.commands = _Commands(own | dict(elsewhere))  # type: ignore[assignment]  # nothing is added later
        self._said = said
        add = click.version_option(
            package_name=f"lassi-{self.name}", message="%(package)s %(version)s"
        )
        add(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the work."""
        return list(self._said)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click's, without the commands themselves."""
        limit = formatter.width - 6 - max(map(len, self._said))
        bare = [click.Command(name, help=text) for name, text in self._said.items()]
        rows = [(str(each.name), each.get_short_help_str(limit)) for each in bare]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Likewise."""
        names = [name for name in self._said if name.startswith(incomplete)]
        items = [CompletionItem(name, help=self._said[name]) for name in names]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]


def _quiet_option() -> click.Option:
    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.meta[QUIET] = value

    return click.Option(
        ["-q", "--quiet"], is_flag=True, expose_value=False, callback=remember,
        help="Neither progress nor remarks: the result and errors alone.",
    )  # fmt: skip
