"""The command line `regulator`."""

from __future__ import annotations

from typing import NoReturn

import click

from shared_spec.cli.groups import Group
from shared_spec.console import run

__all__ = ["group", "main"]

_SAID = {
    "check-data": "Read a data set and report what is in it and all that is wrong, before anything is trained on it.",
    "train-flow": "Train the Glow flow G on images, without labels.",
    "publish-spec": "Publish who is similar to whom: the flow, one vector per attribute, and epsilon.",
    "preview": "Draw film strips of similarity sets, t from -epsilon to epsilon.",
    "coverage": "Compare similarity sets with the truth, for data sets that know it: portraits and 3D Shapes.",
    "inspect": "Check a spec and say what it holds.",
    "cache": "Say where latents are kept and how large they are, or delete them.",
    "sign": "Sign an artefact that you issue, in a file beside it.",
    "answer": "Answer a commitment with a beacon, a random number that you draw and sign now.",
    "rotate": "Hand over from one key to the next, in a statement that both sign.",
}
"""The commands in the order of the work, with the first sentence of each one's help."""

_ELSEWHERE = {
    "cache": "shared_spec.cli.cache",
    "sign": "regulator.cli.signing",
    "answer": "regulator.cli.signing",
    "rotate": "regulator.cli.signing",
}


@click.group("regulator", cls=Group, said=_SAID, elsewhere=_ELSEWHERE)
def group() -> None:
    """The data regulator: says, in a published spec, which individuals count as similar.

    \b
    Example:
      regulator publish-spec --data portraits --attribute Pale_Skin --out spec.safetensors
      regulator preview --spec spec.safetensors --data portraits --out strip.png
    Then hand spec.safetensors to the producer:
      producer fit --spec spec.safetensors --data portraits --target Smiling --out reps/
    """


def main() -> NoReturn:
    """Entry point of the console command."""
    run(group)
