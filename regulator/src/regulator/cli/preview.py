"""`regulator preview`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

import regulator
from regulator.pictures.settings import PreviewSettings
from shared_spec.console import data_option, note, path_option
from shared_spec.options import Command, command_settings

__all__ = ["preview"]


@click.command(cls=Command)
@path_option("--spec", "spec.safetensors to look at.")
@path_option("--flow", "flow.safetensors to look at, before any spec.")
@data_option
@path_option("--out", "PNG to write.", required=True)
@click.option(
    "--for-report", is_flag=True,
    help="Draw the spec's strips for a certificate's page (consumer certify --strip): drawn or licensed people only.",
)  # fmt: skip
@click.option(
    "--licence", metavar="WORDS",
    help="With --for-report and a folder: under which words its owner lets these pictures be shown; they are stored.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace what stands at --out.")
@command_settings(settings=PreviewSettings)
def preview(
    spec: Path | None, flow: Path | None, data: str, out: Path, for_report: bool, licence: str | None,
    force: bool, settings: PreviewSettings,
) -> None:  # fmt: skip
    """Draw film strips of similarity sets, t from -epsilon to epsilon.

    One strip per individual and attribute; with several attributes, joint strips too. With --flow instead of --spec,
    draw samples of the flow, and images beside their reconstructions.

    \b
    Example:
      regulator preview --spec spec.safetensors --data portraits --out strip.png
      regulator preview --spec spec.safetensors --data portraits --for-report --out page.png
      regulator preview --flow flow.safetensors --data portraits --out flow.png
    """
    picture = regulator.preview(
        data, out, spec=spec, flow=flow, settings=settings, for_report=for_report, licence=licence, force=force
    )  # fmt: skip
    if for_report:
        note(
            f"{out}: {picture.shown} rows of pictures without a word; the page of a certificate says what they show "
            f"(consumer certify --strip {shlex.quote(str(out))})."
        )
    elif spec is not None:
        note(f"{out}: {picture.shown} strips. Look at it before you hand the spec on.")
    else:
        note(
            f"{out}: samples that look like the data, and reconstructions like the images, are a good flow's."
        )
