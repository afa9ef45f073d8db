"""`consumer.certify`: from a bundle to a certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from consumer.case import Case
from consumer.choices import Choices, choose
from consumer.claims import choose_method, claim_of, view_methods
from consumer.deciding import decide_split, unnamed_files
from consumer.fitting import FittedHead, fit_head
from consumer.groups import GroupTally, check_groups
from consumer.labels import read_labels
from consumer.report.outcomes import Outcomes
from consumer.report.page import render_report
from consumer.settings import HeadSettings, MethodSettings
from shared_spec.artifacts.atomic import (
    building,
    publish_directory,
    refuse_existing,
    storage_errors,
)
from shared_spec.artifacts.audit import Audit, load_audit
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import (
    Certificate,
    CertificateDocument,
    Claim,
    CommittedDraw,
    certificate_parents,
    save_certificate,
)
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.head_documents import HeadEntry, HeadTraining
from shared_spec.artifacts.kinds import CERTIFICATE
from shared_spec.artifacts.reality import RealityCheck
from shared_spec.artifacts.salt import read_salt
from shared_spec.artifacts.strip import read_strip
from shared_spec.imprint import Imprint, utc_today
from shared_spec.progress import Report, remark, silent
from shared_spec.rng import Seed
from shared_spec.sampling import Sampling
from shared_spec.trust.pins import Trust
from shared_spec.trust.subjects import bundle_subject
from shared_spec.trust.verification import Origin, origin_of, origin_words

__all__ = ["Issued", "certify"]


@dataclass(frozen=True, repr=False)
class Issued(Certificate):
    """A certificate that was just issued, with what is known of whom in each view."""

    outcomes: Mapping[str, Outcomes] = field(default_factory=dict)


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
    trust: Path | str | Trust | None = None,
    commitment: Path | str | None = None,
    salt: Path | str | None = None,
    imprint: Imprint | None = None,
    strip: Path | str | None = None,
    groups: Sequence[str] = (),
    force: bool = False,
    report: Report = silent,
) -> Issued:
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
        trust: trust.toml: whose bundle is accepted. Without it the origin is not verified, which the certificate says.
        commitment: of `consumer.commit` to this very certificate, with its nonce and answer beside it: they give the
            seed in place of `seed`.
        salt: salt.json of another certificate, for the very bytes of that one; a new one is drawn unless given.
        imprint: issuer, system, contact and dates, to be kept in the certificate; dated today if it has no date.
        strip: film strip of `regulator.preview`, drawn for a report: the page shows who counts as similar.
        groups: labels that the producer shares: selection rate, accuracy and certificates are counted by their classes.
        force: replace what stands at `out`.
        report: told how it goes.

    Raises:
        SettingsError: `out` exists, a view, method or label that there is not, or a commitment to something else.
        ArtifactError, ExpiredError, DataError: the bundle, its signature or the labels are not what they should be, or
            the audit is of another bundle or found something, or the strip is none of this spec.
    """
    out, imprint = Path(out), (imprint or Imprint()).dated(utc_today())
    bundle = load_bundle(reps)
    audited = None if audit is None else load_audit(audit)
    read = [bundle.path, *([] if labels is None else [Path(labels)])]
    read += [] if audited is None else [audited.path]
    read += [] if strip is None else [Path(strip)]
    refuse_existing(out, force, kind=CERTIFICATE, inputs=read)
    origin = origin_of(bundle_subject(bundle), trust)
    salted = None if salt is None else read_salt(Path(salt))
    shown = None if strip is None else read_strip(Path(strip))
    if shown is not None:
        shown.require_of(bundle.manifest.spec)
    own = None if labels is None else Path(labels)
    entry = None if audited is None else audited.entry_for(bundle.digest, split)
    task = read_labels(bundle, target, own)
    check_groups(bundle, groups, target)
    choices = choose(bundle, target, split, views, own, head, method, sampling)
    chosen, drawn = choices.views, choices.draw(commitment, certificate_parents(bundle))
    seed = seed if drawn is None else drawn.seed
    remark(report, f"bundle {bundle.digest}: {origin_words(origin)}")
    fitted = fit_head(bundle, task, choices.head, "exact" if "exact" in chosen else chosen[0], seed)
    for trial in fitted.trials:
        remark(
            report,
            f"noise {trial.sigma_rs:g}: validation accuracy {trial.accuracy:.3f}, certified {trial.certified:.3f}",
        )
    case = Case(bundle, split, fitted.head, choices.sampling, seed)
    methods = view_methods(case, choices.method)
    counts = GroupTally(bundle, groups)
    with building(out) as partial, ExitStack() as stack:
        with storage_errors(out):
            files = unnamed_files(partial, stack)
            ledgers, comparison = decide_split(
                case, dict.fromkeys(chosen, methods), task.of, files, report, counts
            )
        counted = {decided: ledger.tally for decided, ledger in ledgers.items()}
        kept = {view: choose_method(view, methods, counted) for view in chosen}
        tallies = {view: counted[view, method] for view, method in kept.items()}
        claims = {
            view: claim_of(
                view, bundle.manifest.views[view], methods, method, case.sampling, case.config.classes, tallies[view]
            )
            for view, method in kept.items()
        }  # fmt: skip
        keys = {view: (view, method) for view, method in kept.items()}
        reality, fares = comparison.checks(keys), counts.tables(keys)
        draft = _draft(case, choices, fitted, claims, reality, drawn, origin)
        draft = draft.model_copy(update={"audit": entry, "imprint": imprint, "groups": fares})
        written = save_certificate(
            partial,
            draft,
            (
                (view, lines)
                for view, method in kept.items()
                for lines in ledgers[view, method].lines()
            ),
            fitted.head.tensors(),
            lambda complete: render_report(complete, tallies, shown),
            salted,
            shown,
        )
        publish_directory(out, force, CERTIFICATE)
    outcomes = {view: tally.outcomes for view, tally in tallies.items()}
    return Issued(out, written.document, written.head, written.salt, written.strip, outcomes)


def _draft(
    case: Case,
    choices: Choices,
    fitted: FittedHead,
    claims: dict[str, Claim],
    reality: tuple[RealityCheck, ...],
    drawn: CommittedDraw | None,
    origin: Origin | None,
) -> CertificateDocument:
    manifest = case.bundle.manifest
    split = manifest.splits[case.split]
    trained = choices.head.model_dump(mode="json", exclude={"head", "hidden"})
    return CertificateDocument(
        target=choices.target,
        split=case.split,
        labels=choices.whose,
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
        commitment=drawn,
        bundle_seed="free" if manifest.commitment is None else "committed",
        origin=origin,
    )
