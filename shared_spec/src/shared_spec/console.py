"""What the three command lines share: options, exit codes, progress and output.

Names and messages hold other people's text. It is shown and never obeyed: no markup, no emoji codes, no control
characters.
Data go to stdout, everything else to stderr. Exit codes: 0 done, 1 unexpected, 2 usage or settings that could only
abstain, 3 digest or schema, 4 policy not met, 5 data, 7 an audit with findings, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from shared_spec.artifacts.audit import AuditDocument
from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.errors import LassiError
from shared_spec.progress import Progress as Step
from shared_spec.progress import Report
from shared_spec.rng import Seed, check_seed
from shared_spec.text import visible

__all__ = [
    "Group",
    "audit_rows",
    "bundle_rows",
    "common_options",
    "data_option",
    "device_option",
    "emit",
    "execute",
    "note",
    "path_option",
    "reporting",
    "run",
    "table",
]

_stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
_stdout = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)

Command = TypeVar("Command", bound=Callable[..., Any])


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
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted; run the same command again to go on", 130)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except LassiError as error:
        return _fail(str(error), error.exit_code)
    return 0


def _fail(message: str, code: int) -> int:
    # Libraries name a field, as `lambda_2`; whoever typed a command knows its flag.
    text = re.sub(r"`([a-z][a-z0-9_]*)`", lambda found: "--" + found[1].replace("_", "-"), message)
    click.echo(f"error: {visible(' '.join(text.split()))}", err=True)
    return code


class Group(click.Group):
    """A command line whose commands appear in the order of the work, and whose help wraps at 100 columns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click's signature
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        super().__init__(*args, context_settings=settings, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they were added."""
        return list(self.commands)


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


def path_option(flag: str, text: str, *, required: bool = False) -> Callable[[Command], Command]:
    """An option whose value is a path."""
    return click.option(flag, type=click.Path(path_type=Path), required=required, help=text)


class _SeedType(click.ParamType[Seed]):
    """A seed; TOML may have the whole number as a number."""

    name = "seed"
    kinds = (int, str)

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> Seed:
        """The seed that is written so."""
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
    if os.environ.get("RANK", "0") != "0":
        return
    if as_json:
        click.echo(json.dumps(result, indent=2, allow_nan=False))
        return
    for index, text in enumerate(texts):
        if index:
            _stdout.print()
        _stdout.print(visible(text, keep="\n") if isinstance(text, str) else text)


def note(message: str) -> None:
    """Says something to the person at the terminal, on stderr."""
    _stderr.print(visible(message, keep="\n"))


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = ""
) -> Table:
    """A plain table, its numbers to the right; the first column and those without a heading are text.

    What is too long for the terminal is folded and never cut: a digest must be readable to its end. The words of a
    heading stay whole.
    """
    result = Table(title=visible(title), title_justify="left", box=None, pad_edge=False)
    if caption:
        result.caption, result.caption_justify = visible(caption, keep="\n"), "left"
    for index, column in enumerate(map(visible, columns)):
        number = index > 0 and column != ""
        result.add_column(
            column,
            justify="right" if number else "left",
            overflow="fold",
            min_width=max(map(len, column.split()), default=None),
        )
    for row in rows:
        result.add_row(*map(visible, row))
    return result


def audit_rows(document: AuditDocument) -> list[list[str]]:
    """What an audit says, for `audit` and `inspect`."""
    rows = [["digest", document.content_digest], ["bundle", document.bundle_digest]]
    rows += [
        ["numbers" if not index else "", str(scope)] for index, scope in enumerate(document.scopes)
    ]
    for entry in document.checks:
        whose = f" of {entry.split}" if entry.split else ""
        rows.append(
            [f"{entry.check}{whose}", f"{entry.compared} compared, {entry.findings} findings"]
        )
    rows += [["not checked", f"{left.what}: {left.why}"] for left in document.not_checked]
    return rows + [["FOUND", str(finding)] for finding in document.findings]


def bundle_rows(manifest: Manifest) -> list[list[str]]:
    """What a bundle's manifest says, for `inspect`."""
    encoder = manifest.encoder
    rows = [
        ["digest", manifest.content_digest],
        [
            "spec",
            f"{', '.join(manifest.spec.attributes)}, epsilon {manifest.spec.epsilon:g}, {manifest.spec.digest}",
        ],
        ["encoder", f"{encoder.method}, d = {encoder.output_dim}, {encoder.digest}"],
        ["trained for", ", ".join(encoder.targets) or "no task in particular"],
        ["labels shared", ", ".join(manifest.labels) or "none"],
    ]
    for split, entry in manifest.splits.items():
        views = [view for view, bound in manifest.views.items() if split in bound.splits]
        bounds = f", bounds: {', '.join(views)}" if views else ""
        rows.append([split, f"{entry.individuals} of {entry.available} individuals{bounds}"])
    for view, bound in manifest.views.items():
        rows.append(
            [
                f"{view} view",
                f"statement {bound.statement}, alpha {bound.alpha_total:g}: {bound.sentence}",
            ]
        )
    return rows


@contextmanager
def reporting() -> Iterator[Report]:
    """Shows what a verb reports on stderr: a bar per stage on a terminal, elsewhere one line when a stage is done."""
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[word]}", markup=False),
    )  # fmt: skip
    bars: dict[str, TaskID] = {}
    terminal = _stderr.is_terminal
    with Progress(*columns, console=_stderr, disable=not terminal) as display:

        def show(step: Step) -> None:
            if step.total == 0:
                note(step.stage)
                return
            if step.stage not in bars:
                bars[step.stage] = display.add_task(visible(step.stage), total=step.total, word="")
            display.update(
                bars[step.stage], completed=step.done, total=step.total, word=visible(step.word)
            )
            if step.done >= step.total:
                del bars[step.stage]
                if not terminal:
                    note(f"{step.stage}: {step.total} done{', ' + step.word if step.word else ''}")

        yield show
