"""`regulator publish-spec`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import torch

from regulator.cli.flow_options import flow_options, resolve_flow, train_and_save
from regulator.cli.study_tables import study_tables
from regulator.effects import Effects
from regulator.flow_file import FlowFile, load_flow
from regulator.publish import publish, study_vectors
from regulator.vectors.discover import DiscoverSettings
from regulator.vectors.methods import METHODS, VectorRequest, compute_vectors
from shared_spec.artifacts.atomic import refuse_existing
from shared_spec.artifacts.spec import SpecDocument
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
from shared_spec.data.source import Source
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.latents import ENCODE_BATCH, cache_folder, encode_split
from shared_spec.similarity import SimilaritySet

__all__ = ["publish_spec"]


@click.command("publish-spec")
@data_option
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME",
    help="Sensitive attribute: a binary column, or COLUMN:BEGIN:END. Repeat for several.",
)
@click.option(
    "--method",
    type=click.Choice(list(METHODS)),
    default="mean-difference",
    show_default=True,
    help="How the vectors are found.",
)
@click.option("--target", help="Task column, for the methods that look at one.")
@click.option(
    "--epsilon", type=float, help="Radius of the ball of coefficients; the paper's if not given."
)
@click.option(
    "--flow",
    "flow_path",
    type=click.Path(path_type=Path),
    help="flow.safetensors of train-flow; without it a flow is trained first.",
)
@click.option(
    "--study",
    "columns",
    multiple=True,
    metavar="NAME",
    help="Measure what the vectors do to this column (repeat) and to their own, and what S(x) covers of a known truth.",
)
@click.option(
    "--directions",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Of --method discover.",
)
@click.option(
    "--iterations",
    default=2000,
    show_default=True,
    type=click.IntRange(1),
    help="Of --method discover.",
)
@click.option(
    "--boundary-epochs",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Of the methods that fit linear boundaries.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="spec.safetensors to write."
)
@click.option("--cache", type=click.Path(path_type=Path), help="Folder of the latent cache.")
@flow_options
@config_option()
@device_option
@common_options
def publish_spec(
    data: str, attributes: tuple[str, ...], method: str, target: str | None, epsilon: float | None,
    flow_path: Path | None, columns: tuple[str, ...], directions: int, iterations: int, boundary_epochs: int,
    out: Path, cache: Path | None, preset: str, seed: int, device: str,
    force: bool, as_json: bool, **settings: Any,
) -> None:  # fmt: skip
    """Publish who is similar to whom: the flow, one vector per attribute, and epsilon.

    The flow must pass the publication gate: initialised, finite, and inverting well on held-out images and on noise.

    \b
    Example:
      regulator publish-spec --data portraits --attribute Pale_Skin --out spec.safetensors
    """
    refuse_existing(out, force)
    if len(set(attributes)) != len(attributes):
        raise SettingsError(f"--attribute names {', '.join(attributes)}; name each attribute once")
    radius = METHODS[method].epsilon if epsilon is None else epsilon
    if not radius > 0:
        raise SettingsError(f"--epsilon is {radius:g}; expected a positive number")
    file, source = _flow_and_source(data, flow_path, preset, settings, out, seed, device)
    if file is None:
        return
    flow = file.flow.to(device)
    # A wrong name must not cost an encoding.
    for name in (*attributes, *columns, *([target] if target else [])):
        source.check_column(name.split(":")[0])
    latents = {}
    for split in ("train", "valid"):
        count = -(-len(source.sample_ids(split)) // ENCODE_BATCH)
        with progress(f"encoding {split} (batches)", count) as advance:
            latents[split] = encode_split(
                flow, source, split, cache=cache_folder(cache), advance=advance
            )  # fmt: skip
    request = VectorRequest(
        source=source, flow=flow, train=latents["train"], valid=latents["valid"], attributes=attributes,
        target=target, seed=seed, epochs=boundary_epochs,
        discover=DiscoverSettings(directions=directions, iterations=iterations),
    )  # fmt: skip
    with _counted(f"finding vectors ({method})") as advance:
        found = compute_vectors(method, replace(request, advance=advance))
    vectors = torch.stack([vector.found.vector for vector in found]).to(torch.float32)
    study = None
    if columns:
        data_of_study = Effects(
            source, flow, latents["train"], latents["valid"], seed, epochs=boundary_epochs
        )
        with _counted("studying the vectors") as advance:
            names = [vector.name for vector in found]
            # A vector's effect on others says little without its effect on its own attribute beside it.
            own = [name for name in attributes if ":" not in name]
            read = tuple(dict.fromkeys([*own, *columns]))
            study = study_vectors(
                data_of_study, SimilaritySet(vectors, radius), names, read, advance=advance
            )
    document = publish(
        out, flow, file.document.content_digest, source, [vector.entry(method) for vector in found],
        vectors, radius, seed, study=study,
    )  # fmt: skip
    _report(document, out, data, as_json)


@contextmanager
def _counted(title: str) -> Iterator[Callable[[int, str, int], None]]:
    """A progress line for work that says itself how much there is."""
    with progress(title, 100) as advance:
        yield lambda done, word, total: advance(100 * done // total, word)


def _flow_and_source(
    data: str,
    flow_path: Path | None,
    preset: str,
    settings: dict[str, Any],
    out: Path,
    seed: int,
    device: str,
) -> tuple[FlowFile | None, Source]:
    """The flow that was given, or one trained now and kept beside the spec."""
    if flow_path is not None:
        given = sorted(name for name, value in settings.items() if value is not None)
        if given:
            raise SettingsError(f"--flow fixes the flow; leave out --{' --'.join(given)}")
        file = load_flow(flow_path)
        source = open_source(data, file.document.flow.size)
        if source.digest() != file.document.data.digest:
            note(f"note: {flow_path} was trained on other data ({file.document.data.uri})")
        return file, source
    chosen = resolve_flow(preset, settings)
    source = open_source(data, chosen.config.size)
    kept = out.with_name(f"{out.stem}.flow.safetensors")
    if kept.exists():
        file = load_flow(kept)
        asked = {
            name: value for name, value in chosen.training.model_dump().items() if value is not None
        }
        if (file.document.flow, file.document.training, file.document.seed) != (
            chosen.config,
            asked,
            seed,
        ):
            raise ArtifactError(
                f"{kept}: trained with other settings; pass it as --flow, or move it away"
            )
        note(f"using {kept}, trained before with the same settings")
        return file, source
    return train_and_save(chosen, source, kept, seed, device), source


def _report(document: SpecDocument, out: Path, data: str, as_json: bool) -> None:
    result = {
        "spec": str(out),
        "digest": document.content_digest,
        "epsilon": document.epsilon,
        "attributes": [entry.model_dump() for entry in document.attributes],
        "quality": document.quality.model_dump(),
    }
    rows = [
        ["digest", document.content_digest],
        ["epsilon", f"{document.epsilon:g}"],
        ["bits per dimension", f"{document.quality.bits_per_dim:.3f}"],
        ["inversion error (max)", f"{document.quality.in_distribution.max:.1e}"],
        *([f"|a| {entry.name}", f"{entry.norm:.3f}"] for entry in document.attributes),
    ]
    text = table(f"published {out}", ["", ""], rows)
    text.caption = f"Next: regulator preview --spec {out} --data {data} --out strip.png"
    text.caption_justify = "left"
    emit(result, as_json, *study_tables(document.quality), text)
