"""`regulator preview`."""

from __future__ import annotations

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
@click.option("--force", is_flag=True, help="Replace what stands at --out.")
@command_settings(settings=PreviewSettings)
def preview(
    spec: Path | None, flow: Path | None, data: str, out: Path, force: bool, settings: PreviewSettings,
    given: frozenset[str],
) -> None:  # fmt: skip
    """Draw film strips of similarity sets, t from -epsilon to epsilon.

    One strip per individual and attribute; with several attributes, joint strips too. With --flow instead of --spec,
    draw samples of the flow, and images beside their reconstructions.

    \b
    Example:
      regulator preview --spec spec.safetensors --data portraits --out strip.png
      regulator preview --flow flow.safetensors --data portraits --out flow.png
    """
    picture = regulator.preview(data, out, spec=spec, flow=flow, settings=settings, force=force)
    if spec is not None:
        note(f"{out}: {picture.shown} strips. Look at it before you hand the spec on.")
    else:
        note(
            f"{out}: samples that look like the data, and reconstructions like the images, are a good flow's."
        )
