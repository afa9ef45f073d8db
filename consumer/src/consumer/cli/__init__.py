"""The command line `consumer`."""

from __future__ import annotations

from typing import NoReturn

import click

import consumer
from consumer.cli.certify import certify
from consumer.cli.commit import commit
from consumer.cli.evidence import evidence
from consumer.cli.inspect import inspect
from consumer.cli.merge import merge
from consumer.cli.predict import predict
from consumer.cli.receipt import receipt, verify_receipt
from consumer.cli.verify import verify
from shared_spec.cli.trust import rotate_command, sign_command
from shared_spec.console import Group, run

__all__ = ["group", "main"]


@click.group("consumer", cls=Group)
def group() -> None:
    """The data consumer: trains a classifier on representations and certifies individual fairness.

    \b
    Example:
      consumer certify --reps reps/ --target Smiling --out certificate/
      consumer inspect certificate/
      consumer verify certificate/ --reps reps/
      consumer predict --reps new-reps/ --head certificate/ --out predictions.csv
    """


for command in (
    certify,
    merge,
    predict,
    commit,
    inspect,
    verify,
    receipt,
    verify_receipt,
    evidence,
):
    group.add_command(command)
group.add_command(sign_command(consumer, "certificate/"))
group.add_command(rotate_command(consumer))


def main() -> NoReturn:
    """Entry point of the console command."""
    run(group)
