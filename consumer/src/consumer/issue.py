"""`consumer.certify` and `consumer.certify_part`: from a bundle to a certificate, or to a part of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from consumer.case import Case
from consumer.choices import Choices, choose
from consumer.claims import view_methods
from consumer.deciding import decide_split, unnamed_files
from consumer.fitting import FittedHead, fit_head
from consumer.groups import GroupTally, check_groups
from consumer.labels import TaskLabels, read_labels
from consumer.parts import (
    CertificatePart,
    CertificatePartDocument,
    PartPlan,
    head_entry,
    load_certificate_part,
    named_files,
    seal_part,
)
from consumer.sealing import Issued, check_room, gather_papers, seal
from consumer.settings import HeadSettings, MethodSettings
from shared_spec.artifacts.atomic import (
    building,
    publish_directory,
    refuse_existing,
    storage_errors,
)
from shared_spec.artifacts.audit import Audit
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import certificate_parents
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.head_file import save_head
from shared_spec.artifacts.kinds import CERTIFICATE, CERTIFICATE_PART
from shared_spec.artifacts.parts import Share, parse_share
from shared_spec.class_weights import measured_accuracy
from shared_spec.errors import SettingsError
from shared_spec.imprint import Imprint
from shared_spec.progress import Report, remark, silent
from shared_spec.sampling import Sampling
from shared_spec.seeds import Seed
from shared_spec.trust.pins import Trust
from shared_spec.trust.subjects import bundle_subject
from shared_spec.trust.verification import origin_of, origin_words

__all__ = ["certify", "certify_part"]

_FEW_STEPS = 50


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
    out, own = Path(out), None if labels is None else Path(labels)
    bundle = load_bundle(reps)
    papers = gather_papers(
        bundle, split, trust=trust, audit=audit, salt=salt, strip=strip, imprint=imprint
    )
    read = [bundle.path, *papers.read, *([] if own is None else [own])]
    refuse_existing(out, force, kind=CERTIFICATE, inputs=read)
    task = read_labels(bundle, target, own)
    check_groups(bundle, groups, target)
    choices = choose(
        bundle, target, split, views, own, head, method, sampling, commitment is not None
    )
    check_room(bundle, choices)
    drawn = choices.draw(commitment, certificate_parents(bundle))
    seed = seed if drawn is None else drawn.seed
    remark(report, f"bundle {bundle.digest}: {origin_words(papers.origin)}")
    fitted = _fit(bundle, task, choices, seed, report)
    case = Case(bundle, split, fitted.head, choices.sampling, seed)
    methods = view_methods(case.config, choices.method)
    counts = GroupTally(bundle, groups)
    with building(out) as partial, ExitStack() as stack:
        with storage_errors(out):
            files = unnamed_files(partial, stack)
            ledgers, comparison = decide_split(
                case, dict.fromkeys(choices.views, methods), task.of, files, report, counts
            )
        entry = head_entry(case.config, choices, fitted.individuals)
        written = seal(
            partial, case, choices, methods, entry, ledgers, comparison, counts, drawn, papers
        )
        publish_directory(out, force, CERTIFICATE)
    return replace(written, path=out)


def certify_part(
    reps: Path | str | Bundle,
    target: str,
    shard: str | Share,
    out: Path | str,
    *,
    labels: Path | str | None = None,
    views: Sequence[str] = (),
    head: HeadSettings | None = None,
    head_from: Path | str | CertificatePart | None = None,
    method: MethodSettings | None = None,
    sampling: Sampling | None = None,
    split: str = "test",
    seed: Seed = 0,
    trust: Path | str | Trust | None = None,
    commitment: Path | str | None = None,
    force: bool = False,
    report: Report = silent,
) -> CertificatePart:
    """Decides a share of a bundle's shards; `consumer.merge` makes all of them the certificate that `certify` issues.

    Nothing is claimed yet. A finished part of the same settings is kept, so the same command again is safe.

    Args:
        reps: as in `certify`, like all that is not named here.
        target: likewise.
        shard: `I/N`, which of N equal shares of the split's shards.
        out: directory of the part.
        labels: as in `certify`.
        views: likewise.
        head: likewise.
        head_from: another part of this certificate, whose head is taken in place of training the same again: machines
            of different kinds may train to different last bits.
        method: as in `certify`.
        sampling: likewise.
        split: likewise.
        seed: likewise.
        trust: likewise; the certificate says what is found when it is merged.
        commitment: likewise.
        force: replace the part that stands at `out`.
        report: told how it goes.

    Raises:
        SettingsError: as `certify`, or `shard` is no share, or `out` or `head_from` is a part of something else.
        ArtifactError, ExpiredError, DataError: as `certify`.
    """
    out, own = Path(out), None if labels is None else Path(labels)
    bundle, share = load_bundle(reps), parse_share(shard)
    taken = None if head_from is None else load_certificate_part(head_from)
    read = [bundle.path, *([] if own is None else [own]), *([] if taken is None else [taken.path])]
    refuse_existing(out, force=True, kind=CERTIFICATE_PART, inputs=read)
    origin = origin_of(bundle_subject(bundle), trust)
    task = read_labels(bundle, target, own)
    choices = choose(
        bundle, target, split, views, own, head, method, sampling, commitment is not None
    )
    drawn = choices.draw(commitment, certificate_parents(bundle))
    seed = seed if drawn is None else drawn.seed
    remark(report, f"bundle {bundle.digest}: {origin_words(origin)}")
    plan = PartPlan(
        bundle_digest=bundle.digest, choices=choices, seed=seed, commitment=drawn,
        tool=this_tool("lassi-consumer"),
    )  # fmt: skip
    if out.exists() and not force:
        found = load_certificate_part(out)
        found.require(plan, share)
        if taken is not None and taken.document.head != found.document.head:
            raise SettingsError(
                f"{out}: was decided with another head than that of {taken.path}; pass `force` to decide again"
            )
        remark(report, f"using {out}, decided before with the same settings")
        return found
    if taken is not None:
        taken.require(plan)
        trained, entry = taken.head, taken.document.head
    else:
        fitted = _fit(bundle, task, choices, seed, report)
        trained = fitted.head
        entry = head_entry(trained.config, choices, fitted.individuals)
    case = Case(bundle, split, trained, choices.sampling, seed)
    methods = view_methods(case.config, choices.method)
    with building(out) as partial, storage_errors(out), ExitStack() as stack:
        digest = save_head(partial, entry.kind, trained.tensors())
        decide_split(
            case, dict.fromkeys(choices.views, methods), task.of, named_files(partial, stack), report,
            shards=share.of_list(bundle.manifest.shards_of(split)),
        )  # fmt: skip
        stack.close()
        entry = entry.model_copy(update={"digest": digest})
        seal_part(partial, CertificatePartDocument(shard=share, plan=plan, head=entry), methods)
        publish_directory(out, force, CERTIFICATE_PART)
    return load_certificate_part(out)


def _fit(
    bundle: Bundle, task: TaskLabels, choices: Choices, seed: Seed, report: Report
) -> FittedHead:
    """Trains the head, and tells what its choice of noise saw."""
    fitted = fit_head(bundle, task, choices.head, choices.views, seed)
    steps = choices.head.epochs * math.ceil(fitted.individuals / choices.head.batch)
    if steps < _FEW_STEPS:
        remark(
            report,
            f"note: the head was trained for {steps} steps on {fitted.individuals} individuals; more `epochs` may "
            "decide and certify better",
        )
    measured = measured_accuracy(choices.head.class_weights)
    for trial in fitted.trials:
        remark(
            report,
            f"noise {trial.sigma_rs:g}: validation {measured} {trial.accuracy:.3f}, certified {trial.certified:.3f}",
        )
    return fitted
