"""`regulator coverage`."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from regulator.cli.study_tables import coverage_table
from regulator.coverage import measure_coverage
from regulator.coverage_picture import draw_coverage
from regulator.known_truth import KnownTruth
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.spec import load_spec
from shared_spec.console import data_option, emit, progress
from shared_spec.data import open_source
from shared_spec.errors import DataError

__all__ = ["coverage"]


@click.command()
@click.option(
    "--spec", required=True, type=click.Path(path_type=Path), help="spec.safetensors to look at."
)
@data_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="PNG to write.")
@click.option("--split", default="test", show_default=True)
@click.option("--individuals", default=32, show_default=True, type=click.IntRange(2))
@click.option(
    "--examples",
    default=3,
    show_default=True,
    type=click.IntRange(1, 8),
    help="Individuals in the picture.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@click.option("--force", is_flag=True, help="Replace what stands at --out.")
def coverage(
    spec: Path,
    data: str,
    out: Path,
    split: str,
    individuals: int,
    examples: int,
    as_json: bool,
    force: bool,
) -> None:
    """Compare similarity sets with the truth, for data sets that know it: portraits and 3D Shapes.

    The picture shows each truly similar individual above the nearest point of S(x), as the flow decodes it.

    \b
    Example:
      regulator coverage --spec spec.safetensors --data portraits --out coverage.png
    """
    refuse_existing(out, force)
    loaded = load_spec(spec)
    source = open_source(data, loaded.flow.config.size)
    if not isinstance(source, KnownTruth):
        raise DataError(
            f"{source.uri}: does not know who truly is similar; use portraits or shapes3d:FILE.h5"
        )
    names = [
        entry.name
        for entry in loaded.document.attributes
        if entry.name.split(":")[0] in source.classes
    ]
    rows = np.unique(
        np.linspace(0, len(source.sample_ids(split)) - 1, individuals).astype(np.int64)
    )
    with progress("comparing with the truth", len(rows) * len(names)) as advance:
        report = measure_coverage(
            source, split, rows, loaded.flow, loaded.similarity, names, examples,
            advance=lambda done, word, total: advance(done, word),
        )  # fmt: skip
    write_atomically(
        out,
        draw_coverage(
            report.examples, f"The truth and S(x), epsilon = {loaded.document.epsilon:g}"
        ),
    )
    found = {"coverage": [row.model_dump() for row in report.table], "picture": str(out)}
    emit(found, as_json, coverage_table(report.table))
