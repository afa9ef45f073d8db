"""`regulator preview`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import torch

from regulator.flow_file import FlowFile, load_flow
from regulator.flow_pictures import draw_flow, reconstructions, sample_images
from regulator.preview import draw_strips, film_strips
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.spec import Spec, load_spec
from shared_spec.console import data_option, note
from shared_spec.data import open_source
from shared_spec.data.source import Source
from shared_spec.errors import SettingsError
from shared_spec.flow import preprocess
from shared_spec.rng import torch_generator

__all__ = ["preview"]


@click.command()
@click.option("--spec", type=click.Path(path_type=Path), help="spec.safetensors to look at.")
@click.option(
    "--flow", type=click.Path(path_type=Path), help="flow.safetensors to look at, before any spec."
)
@data_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="PNG to write.")
@click.option("--split", default="test", show_default=True)
@click.option("--individuals", default=4, show_default=True, type=click.IntRange(1, 32))
@click.option(
    "--points", default=7, show_default=True, type=click.IntRange(3, 31), help="Per strip; odd."
)
@click.option("--force", is_flag=True, help="Replace what stands at --out.")
def preview(
    spec: Path | None, flow: Path | None, data: str, out: Path, split: str, individuals: int, points: int, force: bool
) -> None:  # fmt: skip
    """Draw film strips of similarity sets, t from -epsilon to epsilon.

    One strip per individual and attribute; with several attributes, joint strips too. With --flow instead of --spec,
    draw samples of the flow, and images beside their reconstructions.

    \b
    Example:
      regulator preview --spec spec.safetensors --data portraits --out strip.png
      regulator preview --flow flow.safetensors --data portraits --out flow.png
    """
    if (spec is None) == (flow is None):
        raise SettingsError("nothing to look at, or too much: give either --spec or --flow")
    refuse_existing(out, force)
    if spec is not None:
        count = _write_strips(load_spec(spec), data, out, split, individuals, points)
        note(f"{out}: {count} strips. Look at it before you publish the spec.")
    elif flow is not None:
        _write_flow(load_flow(flow), data, out, split)
        note(
            f"{out}: samples that look like the data, and reconstructions like the images, are a good flow's."
        )


def _write_strips(
    loaded: Spec, data: str, out: Path, split: str, individuals: int, points: int
) -> int:
    source = open_source(data, loaded.flow.config.size)
    sample_ids = source.sample_ids(split)
    rows = _spread(len(sample_ids), individuals)
    images = torch.from_numpy(source.images(split, rows))
    with torch.no_grad():
        latents = loaded.flow.encode(preprocess(images, loaded.flow.config.bits))
    entries = loaded.document.attributes
    names = [entry.name for entry in entries]
    odd = points + 1 - points % 2
    strips = film_strips(
        loaded.flow, loaded.similarity, names, latents, [sample_ids[row] for row in rows], odd
    )
    labels = [_label(source, split, int(row), names) for row in rows]
    captions = labels * (len(strips) // len(rows))
    units = {"vector": "lengths of a", "unit-vector": "latent units"}
    heading = (
        f"Similarity sets: {', '.join(names)}; |t| <= epsilon = {loaded.document.epsilon:g} "
        f"{units[entries[0].unit]}; framed: the individual"
    )
    write_atomically(out, draw_strips(strips, heading, captions))
    return len(strips)


def _write_flow(file: FlowFile, data: str, out: Path, split: str) -> None:
    flow = file.flow
    source = open_source(data, flow.config.size)
    images = source.images(split, _spread(len(source.sample_ids(split)), 16))
    samples = sample_images(flow, 32, torch_generator(0, "regulator.flow-samples"))
    heading = (
        f"Flow at {flow.config.size} pixels, {file.document.bits_per_dim:.3f} bits/dim held out"
    )
    write_atomically(out, draw_flow(samples, images, reconstructions(flow, images), heading))


def _spread(available: int, wanted: int) -> npt.NDArray[np.int64]:
    """Rows of `wanted` individuals, evenly spread."""
    return np.linspace(0, available - 1, min(wanted, available)).astype(np.int64)


def _label(source: Source, split: str, row: int, names: Sequence[str]) -> str:
    """The individual's own labels of the spec's attributes, where the data set has them."""
    words = []
    for name in names:
        column = name.split(":")[0]
        if column in source.classes:
            code = source.labels(split, column)[row]
            words.append(f"{column}: {source.classes[column][code]}")
    return "\n".join(words)
