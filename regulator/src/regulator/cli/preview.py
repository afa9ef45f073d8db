"""`regulator preview`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import torch

from regulator.preview import draw_strips, film_strips
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.spec import load_spec
from shared_spec.console import data_option, note
from shared_spec.data import open_source
from shared_spec.data.source import Source
from shared_spec.flow import preprocess

__all__ = ["preview"]


@click.command()
@click.option(
    "--spec", required=True, type=click.Path(path_type=Path), help="spec.safetensors to look at."
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
    spec: Path, data: str, out: Path, split: str, individuals: int, points: int, force: bool
) -> None:
    """Draw film strips of similarity sets, t from -epsilon to epsilon.

    One strip per individual and attribute; with several attributes, joint strips too.

    \b
    Example:
      regulator preview --spec spec.safetensors --data portraits --out strip.png
    """
    refuse_existing(out, force)
    loaded = load_spec(spec)
    source = open_source(data, loaded.flow.config.size)
    sample_ids = source.sample_ids(split)
    rows = np.linspace(0, len(sample_ids) - 1, min(individuals, len(sample_ids))).astype(np.int64)
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
    note(f"{out}: {len(strips)} strips. Look at it before you publish the spec.")


def _label(source: Source, split: str, row: int, names: Sequence[str]) -> str:
    """The individual's own labels of the spec's attributes, where the data set has them."""
    words = []
    for name in names:
        column = name.split(":")[0]
        if column in source.classes:
            code = source.labels(split, column)[row]
            words.append(f"{column}: {source.classes[column][code]}")
    return "\n".join(words)
