"""`regulator check-data`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

import regulator
from regulator.cli.tables import data_rows, problem_lines
from regulator.data_check.settings import CheckSettings
from shared_spec.console import emit, facts, reporting
from shared_spec.display import duration
from shared_spec.errors import DataError
from shared_spec.options import Command, command_settings
from shared_spec.text import visible

if TYPE_CHECKING:
    from regulator.data_check.estimate import Estimate

__all__ = ["check_data"]


@click.command("check-data", cls=Command)
@click.argument("data")
@click.option(
    "--attribute", "attributes", multiple=True, metavar="NAME",
    help="Sensitive attribute: a column, COLUMN:BEGIN:END, or COLUMN>X of numbers. Repeat for several.",
)  # fmt: skip
@click.option(
    "--target", "targets", multiple=True, metavar="NAME", help="Task column; repeat for several."
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@command_settings(settings=CheckSettings)
def check_data(
    data: str, attributes: tuple[str, ...], targets: tuple[str, ...], as_json: bool, settings: CheckSettings,
) -> None:  # fmt: skip
    """Read a data set and report what is in it and all that is wrong, before anything is trained on it.

    Counts, label balance, unreadable and missing images, web pages saved under an image's name, and how strongly
    sensitive attributes and tasks go together: what a naive model will pick up.

    \b
    Example:
      regulator check-data fairface:fairface/ --attribute Race=Black --target Age-2
    """
    with reporting() as report:
        found = regulator.check_data(data, attributes, targets, settings=settings, report=report)
    summary = facts(f"data set {found.uri}", data_rows(found))
    if not found.causes:
        from regulator.data_check.estimate import estimate_times

        times = estimate_times(found)
        result = {**asdict(found), "estimated_seconds": asdict(times)}
        emit(result, as_json, summary, _next(data, attributes, targets, times))
        return
    emit(asdict(found), as_json, summary)
    for line in problem_lines(data, found):
        click.echo(visible(line, keep="\n"), err=True)  # an error, of which --quiet hides none
    count, kinds = sum(cause.count for cause in found.causes), len(found.causes)
    raise DataError(
        f"{data}: problems found: {count}, of kinds: {kinds}, listed above; repair them and check again"
    )


def _next(data: str, attributes: Sequence[str], targets: Sequence[str], times: Estimate) -> str:
    """The next two commands, each after what is estimated of its time."""
    named = [word for name in attributes or ("NAME",) for word in ("--attribute", name)]
    asked = [word for name in targets or ("NAME",) for word in ("--target", name)]
    spec = "spec.safetensors"
    publish = ["regulator", "publish-spec", "--data", data, *named, "--out", spec]
    fit = ["producer", "fit", "--spec", spec, "--data", data, *asked, "--preset", "demo"]
    return (
        f"Next, for about {duration(times.publish_spec)} (an estimate, from a short measurement on this machine):\n"
        f"  {shlex.join(publish)}\n"
        f"Then, for about {duration(times.fit)} (likewise):\n"
        f"  {shlex.join([*fit, '--out', 'reps/'])}"
    )
