"""The command line `producer`."""

from __future__ import annotations

from typing import NoReturn

import click

from shared_spec.cli.groups import Group
from shared_spec.console import run

__all__ = ["group", "main"]

_SAID = {
    "fit": "Train an encoder and export certified representations.",
    "export": "Certify more individuals with a trained encoder; its training data are not needed.",
    "merge": "Put the parts of `producer export --shard` together, in any order.",
    "search": "Try a grid of adversarial weights, directions to forget and noise levels on validation data.",
    "audit": "Compute a bundle again from spec, model and data, as whoever is given all three.",
    "explain": "Draw one person beside the people who count as similar, with the consumer's decision on each.",
    "commit": "Commit to what a bundle will draw, before anybody knows its seed.",
    "inspect": "Check a bundle, an audit or a model and say what it holds.",
    "cache": "Say where latents are kept and how large they are, or delete them.",
    "sign": "Sign an artefact that you issue, in a file beside it.",
    "rotate": "Hand over from one key to the next, in a statement that both sign.",
}
"""The commands in the order of the work, with the first sentence of each one's help."""

_ELSEWHERE = {
    "cache": "shared_spec.cli.cache",
    "sign": "producer.cli.signing",
    "rotate": "producer.cli.signing",
}


@click.group("producer", cls=Group, said=_SAID, elsewhere=_ELSEWHERE)
def group() -> None:
    """The data producer: learns representations in which similar individuals lie provably close together.

    \b
    Example:
      producer fit --spec spec.safetensors --data portraits --target Smiling --model model/ --out reps/
    Keep model/ to yourself and hand reps/ to the consumer:
      consumer certify --reps reps/ --target Smiling --out certificate/
    """


def main() -> NoReturn:
    """Entry point of the console command."""
    run(group)
