"""`regulator coverage`."""

from __future__ import annotations

from pathlib import Path

import click

import regulator
from regulator.cli.tables import coverage_table
from regulator.pictures.settings import CoverageSettings
from shared_spec.console import data_option, emit, path_option, reporting
from shared_spec.options import Command, command_settings

__all__ = ["coverage"]


@click.command(cls=Command)
@path_option("--spec", "spec.safetensors to look at.", required=True)
@data_option
@path_option("--out", "PNG to write.", required=True)
@click.option("--force", is_flag=True, help="Replace what stands at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@command_settings(settings=CoverageSettings)
def coverage(
    spec: Path, data: str, out: Path, force: bool, as_json: bool, settings: CoverageSettings
) -> None:  # fmt: skip
    """Compare similarity sets with the truth, for data sets that know it: portraits and 3D Shapes.

    The picture shows each truly similar individual above the nearest point of S(x), as the flow decodes it.

    \b
    Example:
      regulator coverage --spec spec.safetensors --data portraits --out coverage.png
    """
    with reporting() as report:
        found = regulator.coverage(spec, data, out, settings=settings, force=force, report=report)
    result = {"coverage": [row.model_dump(mode="json") for row in found.table], "picture": str(out)}
    emit(result, as_json, coverage_table(found.table))
