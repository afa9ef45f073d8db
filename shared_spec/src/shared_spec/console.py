"""What the three command lines share: options, exit codes, progress and output.

Names and messages hold other people's text. It is shown and never obeyed: no markup, no emoji codes, no control
characters.
Data go to stdout, everything else to stderr. Exit codes: 0 done, 1 unexpected, 2 usage or settings that could only
abstain, 3 digest, schema or signature, 4 policy not met, 5 data, 6 expired or revoked, 7 an audit with findings,
130 interrupted.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import click

from shared_spec.errors import LassiError
from shared_spec.progress import Report, silent
from shared_spec.tables import audit_rows, bundle_rows, facts, following, table
from shared_spec.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from shared_spec.seeds import Seed

__all__ = [
    "PLAIN",
    "QUIET",
    "audit_rows",
    "bundle_rows",
    "cache_option",
    "common_options",
    "data_option",
    "device_option",
    "emit",
    "execute",
    "facts",
    "following",
    "note",
    "path_option",
    "reporting",
    "run",
    "shard_option",
    "table",
]

Command = TypeVar("Command", bound=Callable[..., Any])

PLAIN: dict[str, Any] = {
    "highlight": False,
    "soft_wrap": True,
    "markup": False,
    "emoji": False,
}
"""How text is printed: as it is."""

QUIET = "shared_spec.console.quiet"
"""Where a command line keeps whether nothing but its result is wanted."""


def run(group: click.Group) -> NoReturn:
    """Runs the command line that this process was started with and exits with the code of its outcome."""
    sys.exit(execute(group, sys.argv[1:]))


def execute(group: click.Group, words: Sequence[str]) -> int:
    """Runs a command line and returns its exit code; errors are one line on stderr.

    What is neither a `LassiError` nor click's own is a bug: it keeps its traceback, and Python's exit code 1.
    """
    try:
        group.main(args=list(words), standalone_mode=False, prog_name=group.name)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except (KeyboardInterrupt, click.Abort) as error:
        # click makes an Abort of an interruption; verbs that keep something have said so.
        words = str(error.__cause__ or error) or "nothing was kept; the same command begins again"
        return _fail(f"interrupted; {words}", 130)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except LassiError as error:
        return _fail(str(error), error.exit_code)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return _fail(
            f"nothing more can be written ({error.strerror}); free some space and run it again", 1
        )
    return 0


def _fail(message: str, code: int) -> int:
    # Libraries name a field, as `lambda_2`; whoever typed a command knows its flag.
    text = re.sub(r"`([a-z][a-z0-9_]*)`", lambda found: "--" + found[1].replace("_", "-"), message)
    click.echo(f"error: {visible(' '.join(text.split()))}", err=True)
    return code


def data_option(command: Command) -> Command:
    """Adds `--data DATA`."""
    return click.option(
        "--data", required=True, metavar="DATA",
        help="portraits, fairface:DIR, celeba:DIR, shapes3d:FILE.h5 or folder:DIR.",
    )(command)  # fmt: skip


def device_option(command: Command) -> Command:
    """Adds `--device`, for commands that compute on one."""
    return click.option("--device", default="cpu", show_default=True, help="cpu or cuda[:N].")(
        command
    )


def cache_option(command: Command) -> Command:
    """Adds `--cache`, for commands that encode whole splits."""
    add = path_option(
        "--cache", "Folder of the latent cache; $LASSI_CACHE or ~/.cache/lassi unless given."
    )
    return add(command)


def path_option(flag: str, text: str, *, required: bool = False) -> Callable[[Command], Command]:
    """An option whose value is a path."""
    return click.option(flag, type=click.Path(path_type=Path), required=required, help=text)


def shard_option(merge: str) -> Callable[[Command], Command]:
    """`--shard`; the parts are put together by the command `merge`."""
    return click.option(
        "--shard", metavar="I/N", help=f"Do the I-th of N equal shares, as a part for `{merge}`."
    )


class _SeedType(click.ParamType[Any]):
    """A seed; TOML may have the whole number as a number."""

    name = "seed"
    kinds = (int, str)

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> Seed:
        """The seed that is written so."""
        from shared_spec.seeds import check_seed

        return check_seed(str(value))


def common_options(command: Command) -> Command:
    """Adds the options that every long command has: seed, force, json."""
    for option in reversed(
        [
            click.option(
                "--seed",
                default="0",
                show_default=True,
                type=_SeedType(),
                help="Of every draw: a whole number, or 64 hexadecimal digits.",
            ),
            click.option("--force", is_flag=True, help="Replace what stands at --out."),
            click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        ]
    ):
        command = option(command)
    return command


def emit(result: Mapping[str, Any], as_json: bool, *texts: Table | str) -> None:
    """Prints a command's result to stdout, for a machine or for a person, who gets a blank line between the texts.

    Of the processes that torchrun started, the first speaks for all.
    """
    if not _first():
        return
    if as_json:
        click.echo(json.dumps(result, indent=2, allow_nan=False))
        return
    console = _console("out")
    if not console.is_terminal:
        console = _console("pipe")
    for index, text in enumerate(texts):
        if index:
            console.print()
        console.print(visible(text, keep="\n") if isinstance(text, str) else text)


def note(message: str) -> None:
    """Says something to the person at the terminal, on stderr and once, unless they wanted `--quiet`."""
    if _first() and not _quiet():
        _console("err").print(visible(message, keep="\n"))


def _first() -> bool:
    """Whether this is the first of the processes that torchrun started, or the only one."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def reporting() -> Iterator[Report]:
    """Shows what a verb reports on stderr, or nothing with `--quiet`."""
    if _quiet():
        yield silent
        return
    from shared_spec.display import as_bars, as_lines

    console = _console("err")
    shown = as_bars(console, note) if console.is_terminal else as_lines(note)
    with shown as report:
        yield report


def _quiet() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get(QUIET, False)


@cache
def _console(where: Literal["out", "err", "pipe"]) -> Console:
    """What prints there; help prints without it."""
    from rich.console import Console

    return Console(stderr=where == "err", width=10_000 if where == "pipe" else None, **PLAIN)
