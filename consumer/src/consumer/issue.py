"""`consumer.certify`: from a bundle to a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from consumer.case import Case
from consumer.claims import certify_view, view_methods
from consumer.fitting import FittedHead, fit_head
from consumer.labels import TaskLabels, read_labels
from consumer.reality import check_reality
from consumer.report.page import render_report
from consumer.settings import HeadSettings, MethodSettings
from shared_spec.artifacts.atomic import building, publish_directory, refuse_existing
from shared_spec.artifacts.audit import Audit, load_audit
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import (
    Certificate,
    CertificateDocument,
    Claim,
    Sampling,
    save_certificate,
)
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.head_documents import HeadEntry, HeadTraining
from shared_spec.artifacts.kinds import CERTIFICATE
from shared_spec.artifacts.reality import RealityCheck
from shared_spec.artifacts.rows import Row
from shared_spec.errors import SettingsError
from shared_spec.progress import Report, remark, silent, stage
from shared_spec.rng import Seed
from shared_spec.terms import HeadKind

__all__ = ["certify"]


def certify(
    reps: Path | str | Bundle,
    target: str,
    out: Path | str,
    *,
    labels: Path | str | None = None,
    audit: Path | str | Audit | None = None,
    views: Sequence[str] = (),
    head: HeadSettings | None = None,
    method: MethodSettings | None = None,
    sampling: Sampling | None = None,
    split: str = "test",
    seed: Seed = 0,
    force: bool = False,
    report: Report = silent,
) -> Certificate:
    """Trains a classifier on a bundle and issues a certificate for every individual of a split.

    Guarantee: what CERTIFIED means is said by the statement of each claim (`shared_spec.statements`), for the model
    that the claim names.

    Args:
        reps: the producer's bundle.
        target: the task, a label column of the bundle or of `labels`.
        out: directory to write.
        labels: CSV file with your own labels.
        audit: of this very bundle and without findings, for the certificate to say so.
        views: to certify; all of the bundle's unless given.
        head: how the classifier is trained.
        method: how it is certified.
        sampling: of the sampled methods.
        split: whose individuals.
        seed: of training and sampling.
        force: replace what stands at `out`.
        report: told how it goes.

    Raises:
        SettingsError: `out` exists, or a view or method that there is not.
        ArtifactError, DataError: the bundle or the labels are not what they should be, or the audit is of another
            bundle or found something.
    """
    out = Path(out)
    bundle = load_bundle(reps)
    audited = None if audit is None else load_audit(audit)
    read = [bundle.path, *([] if labels is None else [Path(labels)])]
    read += [] if audited is None else [audited.path]
    refuse_existing(out, force, kind=CERTIFICATE, inputs=read)
    chosen = _chosen_views(bundle, views, split)
    entry = None if audited is None else audited.entry_for(bundle.digest, split)
    head, method = head or HeadSettings(), method or MethodSettings()
    _check_method(head, method)
    task = read_labels(bundle, target, None if labels is None else Path(labels))
    fitted = fit_head(bundle, task, head, "exact" if "exact" in chosen else chosen[0], seed)
    for trial in fitted.trials:
        remark(
            report,
            f"noise {trial.sigma_rs:g}: validation accuracy {trial.accuracy:.3f}, certified {trial.certified:.3f}",
        )
    case = Case(bundle, split, fitted.head, sampling or Sampling(), seed)
    methods = view_methods(case, method)
    claims: dict[str, Claim] = {}
    by_view: dict[str, tuple[Row, ...]] = {}
    advance = stage(report, "deciding", len(chosen))
    for done, view in enumerate(chosen, 1):
        found = certify_view(case, view, methods, task.codes[split])
        claims[view] = found.claim
        by_view[view] = found.rows
        advance(done, view)
    rows = [row for found in by_view.values() for row in found]
    reality = check_reality(case, by_view)
    draft = _draft(case, target, task, head, fitted, claims, reality)
    draft = draft.model_copy(update={"audit": entry})
    with building(out) as partial:
        written = save_certificate(
            partial,
            draft,
            rows,
            fitted.head.tensors(),
            lambda complete: render_report(complete, rows),
        )
        publish_directory(out, force, CERTIFICATE)
    return Certificate(out, written.document, written.rows, written.head)


def _check_method(head: HeadSettings, method: MethodSettings) -> None:
    """Refuses before training what `view_methods` would refuse after it."""
    if method.radius == "closed-form" and head.head != HeadKind.LINEAR:
        raise SettingsError(
            "`radius` is closed-form, which holds for linear heads only; use auto or crown"
        )
    if method.radius == "randomized" and head.noise == 0:
        raise SettingsError(
            "`radius` is randomized, which needs noise; set `noise` above 0 or use auto"
        )


def _chosen_views(bundle: Bundle, views: Sequence[str], split: str) -> list[str]:
    if split in ("train", "valid"):
        raise SettingsError(
            f"`split` is {split}, on which head and noise are chosen: expected individuals whom nothing was chosen on"
        )
    there = [view for view, entry in bundle.manifest.views.items() if split in entry.splits]
    if missing := set(views) - set(there):
        raise SettingsError(
            f"{bundle.path}: has no {', '.join(sorted(missing))} view of {split}; it has {', '.join(there) or 'none'}"
        )
    if not there:
        raise SettingsError(
            f"{bundle.path}: bounds nobody of split {split}; ask for a bundle that does"
        )
    return [view for view in there if not views or view in views]


def _draft(
    case: Case,
    target: str,
    task: TaskLabels,
    settings: HeadSettings,
    fitted: FittedHead,
    claims: dict[str, Claim],
    reality: tuple[RealityCheck, ...],
) -> CertificateDocument:
    manifest = case.bundle.manifest
    split = manifest.splits[case.split]
    trained = settings.model_dump(mode="json", exclude={"head", "hidden"})
    return CertificateDocument(
        target=target,
        split=case.split,
        labels=task.whose,
        spec=manifest.spec,
        bundle_digest=case.bundle.digest,
        encoder_digest=manifest.encoder.digest,
        head=HeadEntry(
            **dict(case.config),
            settings=HeadTraining(**trained, training_individuals=fitted.individuals),
        ),
        claims=claims,
        reality=reality,
        skipped=split.available - split.individuals,
        tool=this_tool("lassi-consumer"),
        seed=case.seed,
    )
