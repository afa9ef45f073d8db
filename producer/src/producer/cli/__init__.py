"""The command line `producer`."""

from __future__ import annotations

from typing import NoReturn

import click

import producer
from producer.cli.audit import audit
from producer.cli.commit import commit
from producer.cli.explain import explain
from producer.cli.export import export
from producer.cli.fit import fit
from producer.cli.inspect import inspect
from producer.cli.merge import merge
from producer.cli.search import search
from shared_spec.cli.cache import cache
from shared_spec.cli.trust import rotate_command, sign_command
from shared_spec.console import Group, run

__all__ = ["group", "main"]


@click.group("producer", cls=Group)
def group() -> None:
    """The data producer: learns representations in which similar individuals lie provably close together.

    \b
    Example:
      producer fit --spec spec.safetensors --data portraits --target Smiling --model model/ --out reps/
    Keep model/ to yourself and hand reps/ to the consumer:
      consumer certify --reps reps/ --target Smiling --out certificate/
    """


for command in (fit, export, merge, search, audit, explain, commit, inspect, cache):
    group.add_command(command)
group.add_command(sign_command(producer, "reps/"))
group.add_command(rotate_command(producer))


def main() -> NoReturn:
    """Entry point of the console command."""
    run(group)
