"""`producer search`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor

from producer.batches import LabelledLatents
from producer.cli.export_options import encode, resolve_views, validation_step, view_options
from producer.cli.fit_model import (
    PRESETS,
    fitted_model,
    labelled,
    training_options,
    training_settings,
)
from producer.pictures import draw_search
from producer.rehearsal import (
    Score,
    choose_score,
    pareto_front,
    score_heads,
    train_linear_heads,
)
from producer.training import Method
from producer.views.records import Views
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.bundle import BOUND_STATUS
from shared_spec.artifacts.spec import load_spec
from shared_spec.console import (
    common_options,
    config_option,
    data_option,
    device_option,
    emit,
    note,
    progress,
    table,
)
from shared_spec.data import open_source
from shared_spec.distributed import Workers
from shared_spec.latents import cache_folder
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet

__all__ = ["search"]

_BLOCK = 4096


@click.command()
@click.option(
    "--spec",
    required=True,
    type=click.Path(path_type=Path),
    help="The regulator's spec.safetensors.",
)
@data_option
@click.option("--target", required=True, metavar="NAME", help="The task that is rehearsed.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of search.json, pareto.png and the encoders.",
)
@click.option(
    "--lambda-2",
    "weights",
    multiple=True,
    type=click.FloatRange(0),
    default=(0.0, 0.05, 0.1, 0.25, 0.5),
    show_default=True,
    help="Adversarial loss; repeat for each to try. 0 is Naive.",
)
@click.option(
    "--noise",
    "sigmas",
    multiple=True,
    type=click.FloatRange(0),
    default=(0.25, 1.0, 2.5, 5.0, 10.0),
    show_default=True,
    help="Noise sigma_rs on representations; repeat for each to try.",
)
@click.option(
    "--give-up",
    default=0.01,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Accuracy that may be given up for certificates.",
)
@training_options
@view_options
@config_option(
    {name: {k: v for k, v in p.items() if k != "lambda_2"} for name, p in PRESETS.items()}
)
@device_option
@common_options
def search(
    spec: Path, data: str, target: str, out: Path, weights: tuple[float, ...], sigmas: tuple[float, ...],
    give_up: float, seed: int, device: str, force: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Try a grid of adversarial weights and noise levels on validation data.

    Trains an encoder per --lambda-2 and a linear head per --noise, bounds validation individuals, and shows accuracy
    against certified fairness. The test split is not looked at. The encoders stay in --out: `producer fit` with the
    chosen weight and --model OUT/lambda_2-WEIGHT exports one without training it again.

    \b
    Example:
      producer search --spec spec.safetensors --data portraits --target Smiling --out search/ --preset demo
    """
    refuse_existing(out / "search.json", force)
    # Heads are judged by balls, so tubes would be computed for nothing.
    views = resolve_views({**settings, "tube_vertices": 0})
    loaded = load_spec(spec)
    loaded.flow.to(device)
    source = open_source(data, loaded.flow.config.size)
    views.entries(loaded.similarity, ())
    classes = source.check_column(target)
    cache = cache_folder(settings["cache"])
    alone = Workers()
    every = validation_step(source, settings["every"])
    parts = {
        split: labelled(source, split, encode(loaded, source, split, 1, cache, alone), (target,))
        for split in ("train", "valid")
    }
    ids = list(source.sample_ids("valid"))[::every]
    scores: list[Score] = []
    for weight in sorted(set(weights)):
        method: Method = "lassi" if weight else "naive"
        training = training_settings({**settings, "lambda_2": weight}, device).for_method(method)
        model = fitted_model(
            out / f"lambda_2-{weight:g}", loaded, source, (target,), method, training, seed, cache, force, alone
        )  # fmt: skip
        found = _rehearse(
            model.folded, parts, target, len(classes), ids, every, loaded.similarity, views, sigmas, seed
        )  # fmt: skip
        scores += [Score(weight, *entry) for entry in found]
    _write(out, target, loaded.digest, scores, give_up, seed, as_json)


def _rehearse(
    folded: ReluNetwork, parts: dict[str, LabelledLatents], target: str, classes: int, ids: Sequence[str],
    every: int, similarity: SimilaritySet, views: Views, sigmas: Sequence[float], seed: int,
) -> list[tuple[float, str, float, float]]:  # fmt: skip
    """(sigma_rs, view, accuracy, certified fraction) of every noise level in every view."""
    train, valid = parts["train"], parts["valid"]
    heads = train_linear_heads(
        _represent(folded, train), train.labels[target], classes, sigmas, torch_generator(seed, "producer.rehearsal")
    )  # fmt: skip
    latents = torch.from_numpy(np.array(valid.latents[::every])).clone()
    codes = valid.labels[target][::every]
    with progress("bounding validation individuals", len(ids)) as show:
        bounds = views.tensors(folded, latents, ids, similarity, seed, lambda done: show(done, ""))
    found = []
    for view in [name for name in ("smoothing", "exact") if f"{name}.centre" in bounds]:
        centres = bounds[f"{view}.centre"]
        # The smoothed encoder decides at its centre, the encoder itself at R(z).
        points = centres if view == "smoothing" else bounds["representation"]
        bounded = bounds[f"{view}.status"] == BOUND_STATUS.index("BOUNDED")
        marks = score_heads(heads, points, centres, bounds[f"{view}.radius"], bounded, codes)
        found += [(sigma, view, *mark) for sigma, mark in zip(sigmas, marks, strict=True)]
    return found


def _represent(folded: ReluNetwork, data: LabelledLatents) -> Tensor:
    rows = range(0, len(data.latents), _BLOCK)
    blocks = (torch.from_numpy(np.array(data.latents[row : row + _BLOCK])) for row in rows)
    return torch.cat([folded(block).to(torch.float32) for block in blocks])


def _write(
    out: Path, target: str, spec_digest: str, scores: Sequence[Score], give_up: float, seed: int, as_json: bool
) -> None:  # fmt: skip
    views = list(dict.fromkeys(score.view for score in scores))
    # Where both views were bounded the choice is by the paper's; the other is shown beside it.
    chosen = choose_score([score for score in scores if score.view == views[0]], give_up)
    front = [
        score for view in views for score in pareto_front([s for s in scores if s.view == view])
    ]
    result = {
        "spec_digest": spec_digest,
        "target": target,
        "split": "valid",
        "seed": seed,
        "give_up": give_up,
        "scores": [asdict(score) for score in scores],
        "chosen": asdict(chosen),
    }
    heading = f"{target}: accuracy and certified fairness on validation individuals"
    write_atomically(out / "pareto.png", draw_search(scores, chosen, heading))
    write_atomically(out / "search.json", json.dumps(result, indent=2).encode())
    rows = [
        [f"{s.lambda_2:g}", f"{s.sigma_rs:g}", s.view, f"{100 * s.accuracy:.1f}", f"{100 * s.certified:.1f}",
         "chosen" if s == chosen else "front" if s in front else ""]
        for s in scores
    ]  # fmt: skip
    text = table(heading, ["lambda_2", "noise", "view", "accuracy %", "certified %", ""], rows)
    kept = out / f"lambda_2-{chosen.lambda_2:g}"
    text.caption = f"Next: producer fit … --lambda-2 {chosen.lambda_2:g} --model {kept} --out reps/"
    text.caption_justify = "left"
    emit(result, as_json, text)
    note(f"look at {out / 'pareto.png'}")
