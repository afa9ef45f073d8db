"""`producer export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import producer
from producer.cli.options import VIEW_SETTINGS, draw_options, job_options, model_option, show_bundle
from producer.settings import ExportSettings
from shared_spec.console import path_option, reporting
from shared_spec.options import Command, command_settings

__all__ = ["export"]


@click.command(cls=Command)
@job_options
@draw_options
@model_option(None)
@click.option(
    "--split", "splits", multiple=True, default=("test",), show_default=True,
    help="Splits to certify and export; repeat for several.",
)  # fmt: skip
@path_option("--out", "Directory reps/ to write.", required=True)
@command_settings(export=ExportSettings, **VIEW_SETTINGS)
def export(
    model: Path, splits: tuple[str, ...], out: Path, export: ExportSettings, as_json: bool, given: frozenset[str],
    **rest: Any,
) -> None:  # fmt: skip
    """Certify more individuals with a trained encoder; its training data are not needed.

    Under torchrun the individuals are divided among the processes, and the output is the same.

    \b
    Example:
      producer export --spec spec.safetensors --model model/ --data folder:new/ --split test --out new-reps/
    """
    views = [rest.pop(name) for name in VIEW_SETTINGS]
    with reporting() as report:
        bundle = producer.export(
            model=model, out=out, splits=splits, export=export, views=views, report=report, **rest
        )
    show_bundle(bundle, "NAME", as_json)
