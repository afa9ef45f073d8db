"""Exporting from the command line: what `fit` and `export` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
import numpy.typing as npt

from producer.export import SplitData, export_bundle
from producer.model import Model
from producer.views.records import ExactSettings, Views
from producer.views.statements import SmoothingSettings
from shared_spec.artifacts.bundle_documents import EncoderEntry, SpecEntry, SplitEntry
from shared_spec.artifacts.document import DataEntry, this_tool
from shared_spec.artifacts.spec import Spec
from shared_spec.console import emit, progress, table
from shared_spec.data.source import Source
from shared_spec.distributed import Workers
from shared_spec.errors import SettingsError
from shared_spec.latents import ENCODE_BATCH, encode_split, selected_rows
from shared_spec.terms import EncoderMethod

__all__ = [
    "ExportJob",
    "encode",
    "export_options",
    "report",
    "resolve_views",
    "run_export",
    "validation_step",
    "view_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def view_options(command: Command) -> Command:
    """Adds the settings of the views, and of whom to bound."""
    options = [
        click.option("--view", type=click.Choice(["both", "smoothing", "exact"]), default="both", show_default=True),
        click.option("--tolerance", default=0.05, show_default=True, type=float,
                     help="Exact view: how far a radius may be above what is attained."),
        click.option("--exact-method", type=click.Choice(["grid", "polyline"]), default="grid", show_default=True),
        click.option("--max-cells", default=20_000, show_default=True, type=click.IntRange(1),
                     help="Exact view: effort per individual, past which it is UNDECIDED."),
        click.option("--statement", type=click.Choice(["D", "I", "paper"]), default="D", show_default=True,
                     help="Smoothing view: what is stated."),
        click.option("--sigma", type=float, help="Smoothing view: noise in units of t; 0.65 epsilon unless given."),
        click.option("--samples-centre", default=10_000, show_default=True, type=click.IntRange(1)),
        click.option("--samples-radius", default=10_000, show_default=True, type=click.IntRange(1)),
        click.option("--alpha", default=0.01, show_default=True, type=float, help="Smoothing view, per individual."),
        click.option("--every", default=1, show_default=True, type=click.IntRange(1),
                     help="Certify every n-th individual."),
        click.option("--cache", type=click.Path(path_type=Path), help="Folder of the latent cache."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def export_options(command: Command) -> Command:
    """Adds the settings of the views and of what goes into the bundle."""
    options = [
        click.option("--tube-vertices", default=0, show_default=True, type=click.IntRange(0),
                     help="Exact view: export tubes too. A tube reveals the direction of the attribute."),
        click.option("--share", "shared", multiple=True, metavar="NAME",
                     help="Label columns to share; the targets unless given."),
        click.option("--shard-rows", default=1024, show_default=True, type=click.IntRange(1)),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return view_options(command)


def validation_step(source: Source, every: int) -> int:
    """Every how many-th validation individual is bounded: they only help to choose, for which some 500 do."""
    return max(every, -(-len(source.sample_ids("valid")) // 500))


def resolve_views(settings: dict[str, Any]) -> Views:
    """The views that the options ask for. Raises SettingsError for impossible settings."""
    view = settings["view"]
    try:
        smoothing = SmoothingSettings(
            statement=settings["statement"],
            sigma=settings["sigma"],
            n0=settings["samples_centre"],
            n=settings["samples_radius"],
            alpha=settings["alpha"],
        )
        exact = ExactSettings(
            tolerance=settings["tolerance"],
            method=settings["exact_method"],
            max_cells=settings["max_cells"],
            tube_vertices=settings["tube_vertices"],
        )
    except ValueError as error:
        raise SettingsError(f"settings of the views: {error}") from error
    return Views(smoothing if view != "exact" else None, exact if view != "smoothing" else None)


def encode(
    spec: Spec, source: Source, split: str, every: int, cache: Path, workers: Workers
) -> npt.NDArray[np.float32]:
    """Latents of every `every`-th individual of a split, from the cache or computed now."""
    batches = -(-len(selected_rows(source, split, every)) // ENCODE_BATCH)
    with progress(f"encoding {split} (batches)", batches) as advance:
        return encode_split(
            spec.flow, source, split, cache=cache, every=every,
            rank=workers.rank, world=workers.world, wait=workers.wait, advance=advance,
        )  # fmt: skip


@dataclass(frozen=True)
class ExportJob:
    """What to export: per split, every how many-th individual; and which of the splits to certify."""

    every: dict[str, int]
    certified: tuple[str, ...]
    shared: tuple[str, ...]
    shard_rows: int
    cache: Path
    seed: int
    force: bool


def run_export(
    out: Path,
    spec: Spec,
    model: Model,
    source: Source,
    views: Views,
    job: ExportJob,
    workers: Workers,
) -> dict[str, Any]:
    """Encodes what is missing, bounds and writes the bundle; returns what to report."""
    entries = views.entries(spec.similarity, job.certified)
    names = job.shared or model.document.targets
    classes = {name: source.check_column(name) for name in names}
    splits, counts = _read_splits(spec, source, classes, job, workers)
    manifest = {
        "media_type": "application/vnd.lassi.representations.v2+json",
        "spec": SpecEntry(
            digest=spec.digest,
            attributes=tuple(entry.name for entry in spec.document.attributes),
            epsilon=spec.document.epsilon,
        ).model_dump(mode="json"),
        "data": DataEntry(uri=source.uri, size=source.size, digest=source.digest()).model_dump(
            mode="json"
        ),
        "encoder": _encoder_entry(model).model_dump(mode="json"),
        "views": {name: entry.model_dump(mode="json") for name, entry in entries.items()},
        "splits": {split: entry.model_dump(mode="json") for split, entry in counts.items()},
        "shard_rows": job.shard_rows,
        "labels": {name: list(values) for name, values in classes.items()},
        "tool": this_tool("lassi-producer").model_dump(),
        "seed": job.seed,
    }
    total = sum(counts[split].individuals for split in job.certified)
    done = 0
    with progress("bounding similarity sets", total) as show:

        def advance(more: int) -> None:
            nonlocal done
            done += more
            show(done, "")

        digest = export_bundle(
            out, manifest, model, spec.similarity, views, splits,
            force=job.force, workers=workers, advance=advance,
        )  # fmt: skip
    return {
        "reps": str(out),
        "digest": digest,
        "splits": manifest["splits"],
        "views": manifest["views"],
    }


def _read_splits(
    spec: Spec,
    source: Source,
    classes: Mapping[str, Sequence[str]],
    job: ExportJob,
    workers: Workers,
) -> tuple[dict[str, SplitData], dict[str, SplitEntry]]:
    """Per split the individuals with the labels of `classes`, encoded where they were not, and how many there are."""
    splits, counts = {}, {}
    for split, every in job.every.items():
        rows = selected_rows(source, split, every)
        ids = source.sample_ids(split)
        labels = {
            name: [values[code] for code in source.labels(split, name)[rows]]
            for name, values in classes.items()
        }
        latents = encode(spec, source, split, every, job.cache, workers)
        splits[split] = SplitData([ids[row] for row in rows], latents, labels)
        counts[split] = SplitEntry(available=len(ids), every=every, individuals=len(rows))
    return splits, counts


def report(result: dict[str, Any], target: str, as_json: bool) -> None:
    """Prints what was exported and what comes next."""
    rows = [["digest", result["digest"]]]
    rows += [
        [split, f"{entry['individuals']} of {entry['available']}"]
        for split, entry in result["splits"].items()
    ]
    rows += [
        [f"{view} view", f"statement {entry['statement']}"]
        for view, entry in result["views"].items()
    ]
    text = table(f"representations {result['reps']}", ["", ""], rows)
    text.caption = (
        f"Next: consumer certify --reps {result['reps']} --target {target} --out certificate/"
    )
    text.caption_justify = "left"
    emit(result, as_json, text)


def _encoder_entry(model: Model) -> EncoderEntry:
    document = model.document
    training = {
        name: value
        for name, value in document.training.items()
        if isinstance(value, float | int | str)
    }
    return EncoderEntry(
        digest=model.digest,
        method=EncoderMethod(document.method),
        input_dim=document.encoder.input_dim,
        hidden=document.encoder.hidden,
        output_dim=document.encoder.output_dim,
        targets=document.targets,
        settings=training,
    )
