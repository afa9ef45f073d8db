"""Training from the command line: an encoder in a folder, made by these settings and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
import torch

from producer.batches import LabelledLatents, Latents
from producer.cli.export_options import encode
from producer.curves import EpochCurve, Step
from producer.encoder import EncoderConfig
from producer.model import EncoderDocument, Model, load_encoder, model_path, save_encoder
from producer.training import Method, TrainedEncoder, TrainingSettings, train_encoder
from shared_spec.artifacts.document import DataEntry, this_tool
from shared_spec.artifacts.spec import Spec
from shared_spec.console import note, progress
from shared_spec.data.source import Source
from shared_spec.distributed import Workers
from shared_spec.errors import DataError, SettingsError

__all__ = ["PRESETS", "fitted_model", "labelled", "training_options", "training_settings"]

Command = TypeVar("Command", bound=Callable[..., Any])

PRESETS: dict[str, dict[str, Any]] = {
    "demo": {
        "hidden": (512, 256),
        "dimension": 128,
        "lambda_2": 0.25,
        "batch": 256,
        "decay": "linear",
    },
    "paper": {"hidden": (2048, 1024), "dimension": 512, "lambda_2": 0.05, "batch": 500},
}


def training_options(command: Command) -> Command:
    """Adds the settings of training that every method has."""
    options = [
        click.option("--hidden", multiple=True, type=click.IntRange(1), default=(2048, 1024), show_default=True,
                     help="Width of a hidden layer; repeat for each."),
        click.option("--dimension", default=512, show_default=True, type=click.IntRange(1),
                     help="d of the representations."),
        click.option("--lambda-1", "lambda_1", default=1.0, show_default=True, type=float,
                     help="Classification loss."),
        click.option("--lambda-3", "lambda_3", default=0.0, show_default=True, type=float,
                     help="Reconstruction loss."),
        click.option("--attack", type=click.Choice(["random", "grid"]), default="random", show_default=True),
        click.option("--attack-points", default=10, show_default=True, type=click.IntRange(1)),
        click.option("--epochs", default=5, show_default=True, type=click.IntRange(1)),
        click.option("--batch", default=500, show_default=True, type=click.IntRange(4)),
        click.option("--learning-rate", default=1e-3, show_default=True, type=float),
        click.option("--decay", type=click.Choice(["none", "linear"]), default="none", show_default=True,
                     help="Of the learning rate; linear certifies more, none is published."),
        click.option("--choose", type=click.Choice(["last", "best"]), default="last", show_default=True,
                     help="Which epoch to keep, by validation loss."),
        click.option("--bf16", is_flag=True, help="bfloat16 first layer, in training only."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def training_settings(settings: dict[str, Any], device: str) -> TrainingSettings:
    """The settings that the options give. Raises SettingsError for impossible ones."""
    try:
        return TrainingSettings(
            hidden=settings["hidden"], output_dim=settings["dimension"], lambda_1=settings["lambda_1"],
            lambda_2=settings["lambda_2"], lambda_3=settings["lambda_3"], attack=settings["attack"],
            attack_points=settings["attack_points"], epochs=settings["epochs"], batch_size=settings["batch"],
            learning_rate=settings["learning_rate"], decay=settings["decay"], choose=settings["choose"], device=device,
            precision="bfloat16" if settings["bf16"] else "float32",
        )  # fmt: skip
    except ValueError as error:
        raise SettingsError(f"training settings: {error}") from error


def fitted_model(
    folder: Path, spec: Spec, source: Source, targets: tuple[str, ...], method: Method,
    training: TrainingSettings, seed: int, cache: Path, force: bool, workers: Workers,
) -> Model:  # fmt: skip
    """The encoder in `folder` if the same settings made it, or else a new one, trained by the first process."""
    document = EncoderDocument(
        spec_digest=spec.digest,
        data=DataEntry(uri=source.uri, size=source.size, digest=source.digest()),
        encoder=EncoderConfig(
            input_dim=spec.similarity.latent_dim,
            hidden=training.hidden,
            output_dim=training.output_dim,
        ),
        method=method,
        targets=targets,
        training=training.model_dump(mode="json", exclude={"device"}),
        curves=(),
        chosen_epoch=0,
        tool=this_tool("lassi-producer"),
        seed=seed,
    )
    if model_path(folder).exists() and not force:
        model = load_encoder(folder)
        for name in ("spec_digest", "data", "encoder", "method", "targets", "training", "seed"):
            old, new = getattr(model.document, name), getattr(document, name)
            if old != new:
                raise SettingsError(
                    f"{folder}: trained before with {name} {old}, now {new}; name another --model, or pass --force"
                )
        note(f"using the encoder in {folder}, trained before with the same settings")
        return model
    latents = {
        split: encode(spec, source, split, 1, cache, workers) for split in ("train", "valid")
    }
    if workers.first:
        data = {split: labelled(source, split, latents[split], targets) for split in latents}
        trained = _train(data, spec, training, method, seed)
        curves = tuple(asdict(curve) for curve in trained.curves)
        complete = document.model_copy(
            update={"curves": curves, "chosen_epoch": trained.chosen_epoch}
        )
        save_encoder(folder, complete, trained.encoder)
    workers.wait()
    return load_encoder(folder)


def labelled(
    source: Source, split: str, latents: Latents, targets: tuple[str, ...]
) -> LabelledLatents:
    """Latents of a whole split with the class codes of these targets. Raises DataError for a constant target."""
    labels = {name: torch.from_numpy(source.labels(split, name)) for name in targets}
    for name, codes in labels.items():
        if split == "train" and len(set(codes.tolist())) < 2:
            raise DataError(
                f"{source.uri}: all training individuals have the same {name}; choose another target"
            )
    return LabelledLatents(latents, labels)


def _train(
    data: dict[str, LabelledLatents],
    spec: Spec,
    training: TrainingSettings,
    method: Method,
    seed: int,
) -> TrainedEncoder:
    steps = training.epochs * -(-len(data["train"].latents) // training.batch_size)
    with progress(f"training the encoder ({method})", steps) as advance:

        def show(step: Step) -> None:
            word = f"epoch {step.epoch}, loss {step.objective:.3f}"
            advance((step.epoch - 1) * step.steps + step.step, word)

        trained = train_encoder(
            data["train"], spec.similarity, training, seed, validation=data["valid"], progress=show
        )
    for curve in trained.curves:
        _say(curve)
    return trained


def _say(curve: EpochCurve) -> None:
    if curve.validation is not None:
        scores = ", ".join(
            f"{name} {value:.3f}" for name, value in curve.validation.accuracy.items()
        )
        note(
            f"epoch {curve.epoch}: validation accuracy {scores or 'none'}, "
            f"mean adversarial distance {curve.validation_distance:.3f}"
        )
