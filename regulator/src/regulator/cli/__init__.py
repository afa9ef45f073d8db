"""The command line `regulator`."""

from __future__ import annotations

from typing import NoReturn

import click

from regulator.cli.check_data import check_data
from regulator.cli.coverage import coverage
from regulator.cli.inspect import inspect
from regulator.cli.preview import preview
from regulator.cli.publish_spec import publish_spec
from regulator.cli.train_flow import train_flow
from shared_spec.cli.cache import cache
from shared_spec.console import Group, run

__all__ = ["group", "main"]


@click.group("regulator", cls=Group)
def group() -> None:
    """The data regulator: says, in a published spec, which individuals count as similar.

    \b
    Example:
      regulator publish-spec --data portraits --attribute Pale_Skin --out spec.safetensors
      regulator preview --spec spec.safetensors --data portraits --out strip.png
    Then hand spec.safetensors to the producer:
      producer fit --spec spec.safetensors --data portraits --target Smiling --out reps/
    """


for command in (check_data, train_flow, publish_spec, preview, coverage, inspect, cache):
    group.add_command(command)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(group)
