"""`consumer evidence`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

import consumer
from consumer.evidencing import Format
from shared_spec.console import emit, path_option

__all__ = ["evidence"]


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(get_args(Format)),
    default="cyclonedx",
    show_default=True,
    help="CycloneDX 1.6 with model card and declarations, a model card in Markdown, a row per claim, or per rate of a "
    "group.",
)
@path_option("--out", "File to write.", required=True)
@click.option("--force", is_flag=True, help="Replace what stands there.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def evidence(certificate: Path, form: Format, out: Path, force: bool, as_json: bool) -> None:
    """Write what a certificate claims in the form of another system.

    What only the operator of the model can say is marked TO BE FILLED IN BY THE OPERATOR.

    \b
    Example:
      consumer evidence certificate/ --format cyclonedx --out evidence.cdx.json
    """
    written = consumer.evidence(certificate, out, form=form, force=force)
    emit({"evidence": str(written), "format": form}, as_json, f"{form}: {written}")
