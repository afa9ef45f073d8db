"""`consumer predict`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import click
import numpy as np

from consumer.certify import certify_view, read_bounds
from consumer.decide import Sampling
from consumer.head import certified_head
from consumer.labels import UNLABELLED
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.bundle import load_bundle
from shared_spec.artifacts.certificate import COLUMNS, STATUSES, load_certificate
from shared_spec.console import common_options, emit, table
from shared_spec.errors import ArtifactError

__all__ = ["predict"]


@click.command()
@click.option(
    "--reps", required=True, type=click.Path(path_type=Path), help="A bundle of the same encoder."
)
@click.option(
    "--head",
    "certificate_path",
    required=True,
    type=click.Path(path_type=Path),
    help="The certificate whose head and methods to use.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="predictions.csv to write."
)
@click.option("--split", default="test", show_default=True)
@click.option(
    "--alpha", default=0.001, show_default=True, type=float, help="Of randomized smoothing."
)
@click.option("--selection-samples", default=2_000, show_default=True, type=click.IntRange(1))
@click.option("--samples", default=100_000, show_default=True, type=click.IntRange(1))
@common_options
def predict(
    reps: Path, certificate_path: Path, out: Path, split: str, alpha: float, selection_samples: int,
    samples: int, seed: int, device: str, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Predict and certify new individuals with a head that was certified before.

    The bundle must come from the same encoder and spec; each view uses the method, and so the model, of the
    certificate.

    \b
    Example:
      consumer predict --reps new-reps/ --head certificate/ --out predictions.csv
    """
    refuse_existing(out, force)
    bundle = load_bundle(reps)
    certificate = load_certificate(certificate_path)
    document = certificate.document
    for name, ours, theirs in (
        ("encoder", bundle.manifest.encoder.digest, document.encoder_digest),
        ("spec", bundle.manifest.spec.digest, document.spec.digest),
    ):
        if ours != theirs:
            raise ArtifactError(
                f"{reps}: made with {name} {ours}, but the certificate speaks of {theirs}; "
                f"ask the producer for a bundle of that {name}"
            )
    trained = certified_head(certificate)
    head, config = trained.frozen(), trained.config
    sample_ids = bundle.sample_ids(split)
    rows = []
    counts = {}
    for view in (view for view in bundle.manifest.views if view in document.claims):
        result = certify_view(
            head, config.classes, read_bounds(bundle, split, view), view, bundle.manifest.views[view],
            sample_ids, np.full(len(sample_ids), UNLABELLED), [document.claims[view].radius_method],
            config.sigma_rs, Sampling(alpha, selection_samples, samples), seed,
        )  # fmt: skip
        rows += result.rows
        counts[view] = dict(result.claim.counts)
    text = io.StringIO()
    columns = [column for column in COLUMNS if column != "label"]
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(out, text.getvalue().encode())
    shown = [[view, *(str(counts[view].get(status, 0)) for status in STATUSES)] for view in counts]
    emit(
        {"predictions": str(out), "counts": counts},
        as_json,
        table(str(out), ["view", *STATUSES], shown),
    )
