"""`consumer.predict`: decisions about new individuals, by a head that was certified before."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from consumer.case import Case
from consumer.claims import ViewCertificates, certify_view
from consumer.head import certified_head
from consumer.labels import UNLABELLED
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import Certificate, Sampling, load_certificate
from shared_spec.artifacts.kinds import table_kind
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

    Each view uses the method, and so the model, of the certificate. The decision is the one that a deployment has to
    run for its certificates to hold: the head, in float64, on the float32 representation that the bundle hands over
    (docs/guarantees.md, A.5). Every line carries what CERTIFIED means there: model, statement, alpha, seed and digests.

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
    bundle, certificate = load_bundle(reps), load_certificate(head)
    refuse_existing(out, force, kind=_PREDICTIONS, inputs=[bundle.path, certificate.path])
    require_origin(certificate, bundle)
    case = Case(bundle, split, certified_head(certificate), sampling or Sampling(), seed)
    if not certificate.document.claims.keys() & bundle.manifest.views.keys():
        raise ArtifactError(
            f"{bundle.path}: is bounded in none of the certificate's views, {', '.join(certificate.document.claims)}; "
            "ask for a bundle that is"
        )
    unlabelled = np.full(len(case.sample_ids), UNLABELLED)
    found: dict[str, ViewCertificates] = {}
    for view in bundle.manifest.views:
        if view in certificate.document.claims:
            method = certificate.document.claims[view].radius_method
            found[view] = certify_view(case, view, [method], unlabelled)
    origin = (str(case.seed), bundle.digest, certificate.digest)
    write_atomically(out, _format(found.values(), origin))
    rows = tuple(row for each in found.values() for row in each.rows)
    return Predictions(out, rows, {view: each.claim.counts for view, each in found.items()})


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


_KEPT = [index for index, column in enumerate(COLUMNS) if column != "label"]
_CLAIMED = ("certified_model", "statement", "alpha", "seed", "bundle_digest", "certificate_digest")
_HEADER = [*(COLUMNS[index] for index in _KEPT), *_CLAIMED]
_PREDICTIONS = table_kind("table of predictions", _HEADER)


def _format(found: Iterable[ViewCertificates], origin: tuple[str, str, str]) -> bytes:
    """The rows with what each view's claim says of all of them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for view in found:
        claim = view.claim
        claimed = (claim.certified_model, claim.statement, claim.alpha_per_individual, *origin)
        for row in view.rows:
            cells = astuple(row)
            writer.writerow([*(cells[index] for index in _KEPT), *claimed])
    return text.getvalue().encode()
