"""`producer merge`."""

from __future__ import annotations

from pathlib import Path

import click

import producer
from producer.cli.options import show_bundle
from shared_spec.console import path_option, reporting

__all__ = ["merge"]


@click.command()
@click.argument("parts", nargs=-1, required=True, type=click.Path(path_type=Path))
@path_option("--out", "Directory reps/ to write.", required=True)
@click.option("--force", is_flag=True, help="Replace what stands at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def merge(parts: tuple[Path, ...], out: Path, force: bool, as_json: bool) -> None:
    """Put the parts of `producer export --shard` together, in any order.

    The bundle has the bytes of one that was exported at once.

    \b
    Example:
      producer merge parts/* --out reps/
    """
    with reporting() as report:
        bundle = producer.merge(parts, out, force=force, report=report)
    show_bundle(bundle, "NAME", as_json)
