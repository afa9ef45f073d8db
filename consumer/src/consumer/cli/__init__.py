"""The command line `consumer`."""

from __future__ import annotations

from typing import NoReturn

import click

from shared_spec.cli.groups import Group
from shared_spec.console import run

__all__ = ["group", "main"]

_SAID = {
    "certify": "Train a classifier and issue a certificate for every individual of the test split.",
    "merge": "Issue the certificate of the parts that `consumer certify --shard` decided, in any order.",
    "predict": "Predict and certify new individuals with a head that was certified before.",
    "commit": "Commit to how a certificate will be made, before anybody knows its seed.",
    "inspect": "Check a certificate, a bundle or an audit and say what it claims.",
    "verify": "Compute a certificate again from the bundle that it names, and walk the chain behind it.",
    "receipt": "Write one person's line of a certificate, to hand to that person.",
    "verify-receipt": "Check that one person's line is in a certificate, of which the document alone is needed.",
    "evidence": "Write what a certificate claims in the form of another system.",
    "sign": "Sign an artefact that you issue, in a file beside it.",
    "rotate": "Hand over from one key to the next, in a statement that both sign.",
}
"""The commands in the order of the work, with the first sentence of each one's help."""

_ELSEWHERE = {
    "verify-receipt": "consumer.cli.receipt",
    "sign": "consumer.cli.signing",
    "rotate": "consumer.cli.signing",
}


@click.group("consumer", cls=Group, said=_SAID, elsewhere=_ELSEWHERE)
def group() -> None:
    """The data consumer: trains a classifier on representations and certifies individual fairness.

    \b
    Example:
      consumer certify --reps reps/ --target Smiling --out certificate/
      consumer inspect certificate/
      consumer verify certificate/ --reps reps/
      consumer predict --reps new-reps/ --head certificate/ --out predictions.csv
    """


def main() -> NoReturn:
    """Entry point of the console command."""
    run(group)
