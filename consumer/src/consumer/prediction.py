"""`consumer.predict`: decisions about new individuals, by a head that was certified before."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from consumer.case import Case, require_same_encoder
from consumer.choices import check_alpha, require_no_sampling
from consumer.claims import claim_of
from consumer.deciding import Ledgers, decide_split, unnamed_files
from consumer.head import certified_head
from consumer.labels import UNLABELLED
from shared_spec.artifacts.atomic import refuse_existing, storage_errors, writing_atomically
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import Certificate, load_current_certificate
from shared_spec.artifacts.individuals import SplitRows
from shared_spec.artifacts.kinds import table_kind
from shared_spec.artifacts.rows import COLUMNS
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.progress import Report, silent
from shared_spec.sampling import Sampling
from shared_spec.seeds import Seed
from shared_spec.terms import Status
from shared_spec.trust.pins import Trust
from shared_spec.trust.subjects import bundle_subject
from shared_spec.trust.verification import Origin, origin_of, origin_words

__all__ = ["Predictions", "predict"]


@dataclass(frozen=True)
class Predictions:
    """What was predicted and certified, per view and individual."""

    path: Path
    counts: Mapping[str, Mapping[Status, int]]
    origin: Origin | None
    """Who signed the bundle; None without a trust file."""

    def __repr__(self) -> str:
        views = "; ".join(
            f"{view}: {counts[Status.CERTIFIED]} of {sum(counts.values())} certified"
            for view, counts in self.counts.items()
        )
        return f"Predictions({self.path}: {views}; {origin_words(self.origin)})"


def predict(
    reps: Path | str | Bundle,
    head: Path | str | Certificate,
    out: Path | str,
    *,
    split: str = "test",
    sampling: Sampling | None = None,
    seed: Seed = 0,
    trust: Path | str | Trust | None = None,
    force: bool = False,
    report: Report = silent,
) -> Predictions:
    """Predicts and certifies individuals with a head that was certified before, and writes them as CSV.

    Each view that bounds the split uses the method, and so the model, of the certificate. The decision is the one that
    a deployment has to run for its certificates to hold: the head, in float64, on the float32 representation that the
    bundle hands over (docs/guarantees.md, A.5). Every line carries what CERTIFIED means there: model, statement, alpha,
    seed and digests.

    Args:
        reps: a bundle of the same encoder and spec.
        head: the certificate whose head and methods to use.
        out: predictions.csv to write.
        split: whose individuals.
        sampling: of the sampled methods; the defaults unless given, whatever the certificate's.
        seed: of the sampling.
        trust: trust.toml: whose bundle is accepted. Without it the origin is not verified.
        force: replace what stands at `out`.
        report: told how many are decided.

    Raises:
        SettingsError: `out` exists, the bundle bounds nobody of the split in the certificate's views, or `sampling` is
            chosen though the certificate's methods draw nothing.
        ArtifactError, ExpiredError: the bundle was made with another encoder or spec, the certificate's last day is
            over, or the trust file does not accept the bundle's signature.
    """
    out = Path(out)
    bundle, certificate = load_bundle(reps), load_current_certificate(head)
    refuse_existing(out, force, kind=_PREDICTIONS, inputs=[bundle.path, certificate.path])
    origin = origin_of(bundle_subject(bundle), trust)
    require_same_encoder(certificate, bundle)
    case = Case(bundle, split, certified_head(certificate), sampling or Sampling(), seed)
    claims = certificate.document.claims
    if not claims.keys() & bundle.manifest.views.keys():
        raise ArtifactError(
            f"{bundle.path}: is bounded in none of the certificate's views, {', '.join(claims)}; "
            "ask for a bundle that is"
        )
    there = [view for view in bundle.manifest.bounding(split) if view in claims]
    if not there:
        raise SettingsError(
            f"{bundle.path}: bounds nobody of `split` {split} in the certificate's views, {', '.join(claims)}; name "
            "another or ask for a bundle that does"
        )
    methods = {view: [claims[view].radius_method] for view in there}
    sampled = [view for view, (method,) in methods.items() if method.sampled]
    check_alpha(bundle, sampled, case.sampling)
    if not sampled:
        require_no_sampling(case.sampling, f"the methods of {certificate.path} draw")
    with ExitStack() as stack:
        with storage_errors(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            files = unnamed_files(out.parent, stack)
            ledgers, _ = decide_split(case, methods, _unlabelled, files, report)
        stream = stack.enter_context(writing_atomically(out))
        _write(stream, case, ledgers, (bundle.digest, certificate.digest))
    counts = {view: ledger.tally.counts for (view, _), ledger in ledgers.items()}
    return Predictions(out, counts, origin)


def _unlabelled(rows: SplitRows) -> npt.NDArray[np.int64]:
    return np.full(len(rows.sample_ids), UNLABELLED)


_KEPT = [column for column in COLUMNS if column != "label"]
_CLAIMED = ("certified_model", "statement", "alpha", "seed", "bundle_digest", "certificate_digest")
_HEADER = [*_KEPT, *_CLAIMED]
_PREDICTIONS = table_kind("table of predictions", _HEADER)


def _write(stream: BinaryIO, case: Case, ledgers: Ledgers, made_from: tuple[str, str]) -> None:
    """The rows with what each view's claim says of all of them."""
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    for (view, method), ledger in ledgers.items():
        claim = claim_of(
            view, case.bundle.manifest.views[view], [method], method, case.sampling, case.config.classes, ledger.tally
        )  # fmt: skip
        claimed = [
            claim.certified_model,
            claim.statement,
            claim.alpha_per_individual,
            str(case.seed),
        ]
        for rows in ledger.parts():
            columns = rows.columns()
            kept = [columns[name] for name in _KEPT]
            further = [[cell] * len(rows) for cell in (*claimed, *made_from)]
            writer.writerows(zip(*kept, *further, strict=True))
    text.flush()
    text.detach()
