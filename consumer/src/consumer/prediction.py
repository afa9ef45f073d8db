"""`consumer.predict`: decisions about new individuals, by a head that was certified before."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from consumer.case import Case
from consumer.claims import certify_view
from consumer.head import certified_head
from consumer.labels import UNLABELLED
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import Certificate, Sampling, load_certificate
from shared_spec.artifacts.rows import COLUMNS, Row
from shared_spec.errors import ArtifactError
from shared_spec.rng import Seed
from shared_spec.terms import Status

__all__ = ["Predictions", "predict", "require_origin"]


@dataclass(frozen=True)
class Predictions:
    """What was predicted and certified, per view and individual."""

    path: Path
    rows: tuple[Row, ...]
    counts: Mapping[str, Mapping[Status, int]]

    def __repr__(self) -> str:
        views = "; ".join(
            f"{view}: {counts[Status.CERTIFIED]} of {sum(counts.values())} certified"
            for view, counts in self.counts.items()
        )
        return f"Predictions({self.path}: {views})"


def predict(
    reps: Path | str | Bundle,
    head: Path | str | Certificate,
    out: Path | str,
    *,
    split: str = "test",
    sampling: Sampling | None = None,
    seed: Seed = 0,
    force: bool = False,
) -> Predictions:
    """Predicts and certifies individuals with a head that was certified before, and writes them as CSV.

    Each view uses the method, and so the model, of the certificate; what CERTIFIED means is what the claim says.

    Args:
        reps: a bundle of the same encoder and spec.
        head: the certificate whose head and methods to use.
        out: predictions.csv to write.
        split: whose individuals.
        sampling: of the sampled methods.
        seed: of the sampling.
        force: replace what stands at `out`.

    Raises:
        SettingsError: `out` exists.
        ArtifactError: the bundle was made with another encoder or spec.
    """
    out = Path(out)
    refuse_existing(out, force)
    bundle, certificate = load_bundle(reps), load_certificate(head)
    require_origin(certificate, bundle)
    case = Case(bundle, split, certified_head(certificate), sampling or Sampling(), seed)
    unlabelled = np.full(len(case.sample_ids), UNLABELLED)
    rows: list[Row] = []
    counts: dict[str, Mapping[Status, int]] = {}
    for view in bundle.manifest.views:
        if view in certificate.document.claims:
            method = certificate.document.claims[view].radius_method
            found = certify_view(case, view, [method], unlabelled)
            rows += found.rows
            counts[view] = found.claim.counts
    write_atomically(out, _format(rows))
    return Predictions(out, tuple(rows), counts)


def require_origin(certificate: Certificate, bundle: Bundle) -> None:
    """Raises ArtifactError unless bundle and certificate speak of the same encoder and the same spec."""
    document, manifest = certificate.document, bundle.manifest
    for name, stated, actual in (
        ("encoder", document.encoder_digest, manifest.encoder.digest),
        ("spec", document.spec, manifest.spec),
    ):
        if stated != actual:
            raise ArtifactError(
                f"{certificate.path}: was made from {name} {stated}, but {bundle.path} has {actual}; "
                f"take a bundle of that {name}"
            )


def _format(rows: list[Row]) -> bytes:
    kept = [index for index, column in enumerate(COLUMNS) if column != "label"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS[index] for index in kept)
    for row in rows:
        cells = astuple(row)
        writer.writerow(cells[index] for index in kept)
    return text.getvalue().encode()
