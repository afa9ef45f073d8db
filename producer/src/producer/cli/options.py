"""What the producer's commands share: options that are no settings, and how a bundle is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from producer.settings import VIEW_SETTINGS
from shared_spec.cli.trust import trust_option
from shared_spec.console import (
    cache_option,
    common_options,
    data_option,
    device_option,
    emit,
    facts,
    following,
    path_option,
)

if TYPE_CHECKING:
    from shared_spec.artifacts.bundle import Bundle

__all__ = [
    "VIEW_SETTINGS",
    "draw_options",
    "job_options",
    "job_words",
    "model_option",
    "show_bundle",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def job_options(command: Command) -> Command:
    """Adds what every verb takes: spec, data, latent cache, device, seed, force, json."""
    for add in (
        common_options,
        device_option,
        cache_option,
        data_option,
        path_option("--spec", "The regulator's spec.safetensors.", required=True),
    ):  # fmt: skip
        command = add(command)
    return command


def draw_options(command: Command) -> Command:
    """Adds `--trust` and `--commitment`."""
    add = path_option(
        "--commitment", "A commitment to this bundle, its nonce and answer beside it; gives the seed of the views."
    )  # fmt: skip
    return trust_option(add(command))


def job_words(values: Mapping[str, Any]) -> list[str]:
    """The same options again, for the command that comes next."""
    given = {"seed": 0, "device": "cpu", "cache": None}
    changed = [name for name in given if values[name] != given[name]]
    return [
        word for name in ("spec", "data", *changed) for word in (f"--{name}", str(values[name]))
    ]


def model_option(default: Path | None) -> Callable[[Command], Command]:
    """Adds `--model`, required unless there is a default."""
    return click.option(
        "--model", type=click.Path(path_type=Path), default=default, required=default is None,
        show_default=True, help="Directory of the encoder, which stays yours.",
    )  # fmt: skip


def show_bundle(bundle: Bundle, target: str, as_json: bool) -> None:
    """Prints what was exported and what comes next."""
    from shared_spec.trust.seeds import seed_words

    manifest = bundle.manifest
    result = {
        "reps": str(bundle.path),
        "digest": bundle.digest,
        "seed": seed_words(manifest.commitment),
        "splits": {name: entry.model_dump() for name, entry in manifest.splits.items()},
        "views": {name: entry.model_dump(mode="json") for name, entry in manifest.views.items()},
    }
    rows = [["digest", bundle.digest]]
    rows += [[name, f"{n.individuals} of {n.available}"] for name, n in manifest.splits.items()]
    rows += [
        [f"{name} view", f"statement {entry.statement}"] for name, entry in manifest.views.items()
    ]
    rows.append(["seed", seed_words(manifest.commitment)])
    if "train" not in manifest.splits:
        words = ["--reps", bundle.path, "--head", "CERTIFICATE", "--out", "predictions.csv"]
        after = following("consumer", "predict", *words)
        emit(result, as_json, facts(f"representations {bundle.path}", rows), after)
        return
    shared = [] if target in (*bundle.manifest.labels, "NAME") else ["--labels", "labels.csv"]
    after = following(
        "consumer",
        "certify",
        "--reps",
        bundle.path,
        "--target",
        target,
        *shared,
        "--out",
        "certificate/",
    )
    emit(result, as_json, facts(f"representations {bundle.path}", rows), after)
