"""`consumer predict`."""

from __future__ import annotations

from pathlib import Path

import click

import consumer
from shared_spec.cli.trust import trust_option
from shared_spec.console import common_options, emit, path_option, reporting, table
from shared_spec.options import Command, command_settings
from shared_spec.sampling import Sampling
from shared_spec.terms import Status

__all__ = ["predict"]


@click.command(cls=Command)
@path_option("--reps", "A bundle of the same encoder.", required=True)
@path_option("--head", "The certificate whose head and methods to use.", required=True)
@path_option("--out", "predictions.csv to write.", required=True)
@click.option("--split", default="test", show_default=True, help="Whose individuals.")
@trust_option
@common_options
@command_settings(sampling=Sampling)
def predict(
    reps: Path, head: Path, out: Path, split: str, trust: Path | None, seed: int, force: bool, as_json: bool,
    sampling: Sampling,
) -> None:  # fmt: skip
    """Predict and certify new individuals with a head that was certified before.

    The bundle must come from the same encoder and spec; each view uses the method, and so the model, of the
    certificate. Every line says which model, statement and alpha its CERTIFIED belongs to.

    \b
    Example:
      consumer predict --reps new-reps/ --head certificate/ --out predictions.csv
    """
    from shared_spec.trust.verification import origin_words

    with reporting() as report:
        found = consumer.predict(
            reps,
            head,
            out,
            split=split,
            sampling=sampling,
            seed=seed,
            trust=trust,
            force=force,
            report=report,
        )
    rows = [[view, *(str(counts[status]) for status in Status)] for view, counts in found.counts.items()]  # fmt: skip
    origin = origin_words(found.origin)
    emit(
        {"predictions": str(out), "origin": origin, "counts": found.counts}, as_json,
        table(str(out), ["view", *Status], rows), f"bundle: {origin}",
    )  # fmt: skip
