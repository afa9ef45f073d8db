"""`producer search`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import producer
from producer.cli.options import VIEW_SETTINGS, job_options, job_words
from producer.settings import PRESETS, BoundSettings, SearchSettings, TrainingSettings
from shared_spec.console import emit, following, note, path_option, reporting, table
from shared_spec.options import Command, command_settings
from shared_spec.settings import to_flags

if TYPE_CHECKING:
    from producer.searching import SearchResult

__all__ = ["search"]

_PRESETS = {
    preset: {name: value for name, value in values.items() if name != "lambda_2"}
    for preset, values in PRESETS.items()
}


@click.command(cls=Command)
@job_options
@click.option("--target", required=True, metavar="NAME", help="The task that is rehearsed.")
@path_option("--out", "Folder of search.json, pareto.png and the encoders.", required=True)
@command_settings(
    presets=_PRESETS,
    # Weight and directions decide the method; heads are judged by balls, so tubes would be computed for nothing.
    without=(
        "training.lambda_2",
        "training.forget",
        "training.method",
        "training.augmentation",
        "exact.tube_vertices",
    ),
    tried=SearchSettings,
    training=TrainingSettings,
    bound=BoundSettings,
    **VIEW_SETTINGS,
)
def search(
    target: str, out: Path, tried: SearchSettings, training: TrainingSettings, bound: BoundSettings, as_json: bool,
    **rest: Any,
) -> None:  # fmt: skip
    """Try a grid of adversarial weights, directions to forget and noise levels on validation data.

    Trains an encoder per --lambda-2 and --forget and a linear head per --noise, bounds validation individuals, and
    shows accuracy against certified fairness. The test split is not looked at. The encoders stay in --out, and the
    `producer fit` that is printed exports the chosen one without training it again.

    \b
    Example:
      producer search --spec spec.safetensors --data portraits --target Smiling --out search/ --preset demo
    """
    views = [rest.pop(name) for name in VIEW_SETTINGS]
    with reporting() as report:
        result = producer.search(
            out=out, target=target, training=training, tried=tried, bound=bound, views=views,
            report=report, **rest,
        )  # fmt: skip
    made = producer.load_encoder(result.encoder).document.training
    bounded = [word for name in bound.view for word in ("--view", name)]
    bounded += [word for name, settings in zip(VIEW_SETTINGS, views, strict=True) if name in bound.view
                for word in to_flags(settings)]  # fmt: skip
    words = [
        *job_words(rest),
        "--target",
        target,
        *to_flags(made),
        *bounded,
        "--model",
        result.encoder,
    ]
    _show(result, following("producer", "fit", *words, "--out", "reps/"), as_json)


def _show(result: SearchResult, after: str, as_json: bool) -> None:
    front, best = result.front, result.chosen
    rows = [
        [f"{s.lambda_2:g}", f"{s.forget}", f"{s.sigma_rs:g}", s.view, f"{100 * s.accuracy:.1f}",
         f"{100 * s.certified:.1f}", "chosen" if s == best else "front" if s in front else ""]
        for s in result.scores
    ]  # fmt: skip
    columns = ["lambda_2", "forgotten", "noise", "view", f"{result.measure} %", "certified %", ""]
    emit(
        {**asdict(result), "out": str(result.out)},
        as_json,
        table(result.heading, columns, rows),
        after,
    )
    note(f"look at {result.out / 'pareto.png'}")
