"""`regulator check-data`."""

from __future__ import annotations

from dataclasses import asdict

import click

import regulator
from regulator.cli.tables import data_rows
from regulator.data_check.settings import CheckSettings
from shared_spec.console import emit, facts, note, reporting
from shared_spec.errors import DataError
from shared_spec.options import Command, command_settings

__all__ = ["check_data"]


@click.command("check-data", cls=Command)
@click.argument("data")
@click.option(
    "--attribute", "attributes", multiple=True, metavar="NAME", help="Sensitive column; repeat for several."
)  # fmt: skip
@click.option(
    "--target", "targets", multiple=True, metavar="NAME", help="Task column; repeat for several."
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@command_settings(settings=CheckSettings)
def check_data(
    data: str, attributes: tuple[str, ...], targets: tuple[str, ...], as_json: bool, settings: CheckSettings,
    given: frozenset[str],
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
    emit(asdict(found), as_json, facts(f"data set {found.uri}", data_rows(found)))
    for problem in found.problems:
        note(f"problem: {problem}")
    if found.problems:
        raise DataError(
            f"{data}: {len(found.problems)} problems found, listed above; repair them and check again"
        )
