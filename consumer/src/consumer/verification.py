"""`consumer.verify`: does a certificate follow from the bundle that it names? All of it is computed again and compared.

The bundle and the certificate are enough: neither the consumer's training data nor anybody's code is needed, and who
wrote the certificate need not be trusted. What the bundle itself states is the producer's word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from consumer.case import Case
from consumer.chain import Chain, follow_chain
from consumer.choices import check_choices
from consumer.claims import ViewCertificates, certify_view, require_method
from consumer.head import certified_head
from consumer.labels import UNLABELLED
from consumer.prediction import require_origin
from consumer.reality import check_reality
from consumer.report.page import render_report
from consumer.report.words import audit_words
from shared_spec.artifacts.audit import Audit, load_audit
from shared_spec.artifacts.audit_documents import AuditEntry
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import REPORT, Certificate, Claim, load_certificate
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.rows import COLUMNS
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.imprint import utc_today
from shared_spec.sampling import Sampling
from shared_spec.trust.pins import Trust
from shared_spec.trust.trust_file import load_trust
from shared_spec.trust.verification import origin_words

__all__ = ["Check", "Verification", "verify"]

_RADIUS_TOLERANCE = 1e-6
"""Relative: another machine's d_rs may differ in its last bits. The decisions themselves have to agree."""


@dataclass(frozen=True)
class Check:
    """What was checked, and what was found to hold."""

    subject: str
    finding: str


@dataclass(frozen=True)
class Verification:
    """What was computed again, in the order of the checks; whatever does not hold is an error instead."""

    certificate: Certificate
    bundle: Bundle
    checks: tuple[Check, ...]
    chain: Chain
    """Who issued what, as far as spec and trust file were passed, and what could not be checked."""

    def __repr__(self) -> str:
        subjects = ", ".join(check.subject for check in self.checks)
        origins = "; ".join(f"{each.kind} {origin_words(each.origin)}" for each in self.chain.links)
        return (
            f"Verification({self.certificate.path} from {self.bundle.path}: {subjects}; {origins})"
        )


def verify(
    certificate: Path | str | Certificate,
    reps: Path | str | Bundle,
    *,
    spec: Path | str | None = None,
    audit: Path | str | Audit | None = None,
    trust: Path | str | Trust | None = None,
) -> Verification:
    """Computes every decision and every figure of a certificate again, and walks the chain that it stands on.

    Args:
        certificate: certificate/; its files are those that it lists.
        reps: the bundle that it names, likewise.
        spec: the regulator's spec, to compare with what bundle and certificate say of it.
        audit: of that bundle, to compare with what the certificate says of one.
        trust: trust.toml: whose artefacts are accepted. Without it the origins are not verified.

    Raises:
        ArtifactError: naming the first thing that does not follow from the bundle, or that the trust file refuses.
        ExpiredError: the certificate's last day is over, or a signature, or a key behind one, has expired or was
            retired or revoked.
        SettingsError: the trust file is none, or pins nobody in a role that is needed.
    """
    trusted = None if trust is None else load_trust(trust)
    stated, bundle = load_certificate(certificate), load_bundle(reps)
    stated.document.imprint.check(utc_today(), str(stated.path))
    # Who issued it is asked before anything of it is computed.
    audited = None if audit is None else load_audit(audit)
    chain = follow_chain(stated, bundle, spec, audited, trusted)
    bundle.check()
    checks = [Check("made from", _check_origin(stated, bundle))]
    if audited is not None or stated.document.audit is not None:
        checks.append(Check("audit", _check_audit(stated, bundle, audited)))
    labels, whose = _read_labels(stated, bundle)
    checks.append(Check("labels", whose))
    for view, claim in stated.document.claims.items():
        checks.append(Check(f"{view} view", _check_view(stated, bundle, view, claim, labels)))
    if stated.document.reality or bundle.manifest.counterparts:
        checks.append(Check("reality check", _check_reality(stated, bundle)))
    if stated.document.commitment is not None:
        checks.append(Check("seed", check_choices(stated, bundle, stated.document.commitment)))
    checks.append(Check(REPORT, _check_report(stated)))
    return Verification(stated, bundle, tuple(checks), chain)


def _check_origin(certificate: Certificate, bundle: Bundle) -> str:
    document, manifest = certificate.document, bundle.manifest
    if document.bundle_digest != bundle.digest:
        raise ArtifactError(
            f"{certificate.path}: was made from bundle {document.bundle_digest}, but {bundle.path} has "
            f"{bundle.digest}; verify it with the bundle that it names"
        )
    require_origin(certificate, bundle)
    if document.split in ("train", "valid"):
        raise ArtifactError(
            f"{certificate.path}: claims something of split {document.split}, on which its head and noise are chosen; "
            "ask for a certificate about others"
        )
    for view in document.claims:
        if view not in manifest.views or document.split not in manifest.views[view].splits:
            raise ArtifactError(
                f"{certificate.path}: claims something of split {document.split} in the {view} view; "
                "the bundle bounds nobody there"
            )
    _compare(certificate, "head: input_dim", document.head.input_dim, bundle.dimension)
    split = manifest.splits[document.split]
    _compare(certificate, "skipped", document.skipped, split.available - split.individuals)
    seed = "free" if manifest.commitment is None else "committed"
    _compare(certificate, "bundle_seed", document.bundle_seed, seed)
    everybody = list(bundle.sample_ids(document.split))
    for view in document.claims:
        # In the bundle's order, so that the rows can be compared one by one.
        named = [row.sample_id for row in certificate.rows_of(view)]
        if named != everybody:
            raise ArtifactError(
                f"{certificate.path}: {view}: its individuals are not those of the bundle's split {document.split}"
            )
    if len(certificate.rows) != len(document.claims) * len(everybody):
        raise ArtifactError(f"{certificate.path}: has rows of a view about which it claims nothing")
    return (
        f"{len(everybody)} individuals, all of split {document.split}, {document.skipped} left out"
    )


def _check_audit(certificate: Certificate, bundle: Bundle, audit: Audit | None) -> str:
    """Whether the certificate quotes the audit as it is; what the auditor found is the auditor's word."""
    document, stated = certificate.document, certificate.document.audit
    if audit is None:
        return f"not compared, for none was passed; {audit_words(stated)}"
    entry = audit.entry_for(bundle.digest, document.split)
    if stated is None:
        return f"of this bundle, not in the certificate; {audit_words(entry)}"
    for name in AuditEntry.model_fields:
        if getattr(stated, name) != getattr(entry, name):
            raise ArtifactError(
                f"{certificate.path}: {name} of the audit is {getattr(stated, name)}; "
                f"the audit says {getattr(entry, name)}"
            )
    return audit_words(entry)


def _read_labels(certificate: Certificate, bundle: Bundle) -> tuple[npt.NDArray[np.int64], str]:
    """Class codes in the order of the bundle's individuals, and whose word they are.

    A consumer may call the producer's labels its own, and not the other way round.
    """
    document = certificate.document
    code = {name: index for index, name in enumerate(document.head.classes)} | {"": UNLABELLED}
    stated: dict[str, int] = {}
    for row in certificate.rows:
        label = code.get(row.label)
        if label is None or stated.setdefault(row.sample_id, label) != label:
            raise ArtifactError(
                f"{certificate.path}: {row.sample_id}: label {row.label!r} is no class, or differs between views"
            )
    labels = np.array([stated[name] for name in bundle.sample_ids(document.split)], dtype=np.int64)
    if document.labels == "consumer":
        return labels, "the consumer's own"
    target, trained = document.target, document.head.settings.training_individuals
    if bundle.manifest.labels.get(target) != document.head.classes or not np.array_equal(
        labels, bundle.labels(document.split, target)
    ):
        raise ArtifactError(
            f"{certificate.path}: its labels of {target} are not the producer's, as it says they are"
        )
    _compare(certificate, "head: training_individuals", trained, len(bundle.sample_ids("train")))
    return labels, "the producer's"


def _check_view(
    certificate: Certificate,
    bundle: Bundle,
    view: str,
    claim: Claim,
    labels: npt.NDArray[np.int64],
) -> str:
    again = _certify_again(certificate, bundle, view, claim, labels)
    for row, expected in zip(certificate.rows_of(view), again.rows, strict=True):
        for column in COLUMNS:
            stated, actual = getattr(row, column), getattr(expected, column)
            if not _same(column, stated, actual):
                raise ArtifactError(
                    f"{certificate.path}: {view}: {row.sample_id}: {column} is {stated!r}; "
                    f"the bundle and the head give {actual!r}"
                )
    for name in Claim.model_fields:
        _compare(certificate, f"{view}: {name}", getattr(claim, name), getattr(again.claim, name))
    return f"{claim.certified} certified, decided again by {claim.radius_method}"


def _certify_again(
    certificate: Certificate,
    bundle: Bundle,
    view: str,
    claim: Claim,
    labels: npt.NDArray[np.int64],
) -> ViewCertificates:
    document = certificate.document
    sampling = claim.sampling or Sampling()
    case = Case(bundle, document.split, certified_head(certificate), sampling, document.seed)
    try:
        for method in claim.methods_tried:
            require_method(case, method)
    except SettingsError as error:
        raise ArtifactError(
            f"{certificate.path}: {view}: cannot be so certified: {error}"
        ) from None
    return certify_view(case, view, claim.methods_tried, labels)


def _check_reality(certificate: Certificate, bundle: Bundle) -> str:
    document = certificate.document
    case = Case(bundle, document.split, certified_head(certificate), Sampling(), document.seed)
    rows = {view: certificate.rows_of(view) for view in document.claims}
    _compare(certificate, "reality", document.reality, check_reality(case, rows))
    images = sum(check.counterparts for check in document.reality)
    return f"{images} true counterparts, counted again"


def _same(column: str, stated: object, actual: object) -> bool:
    if column == "d_rs" and isinstance(stated, float) and isinstance(actual, float):
        return math.isclose(stated, actual, rel_tol=_RADIUS_TOLERANCE)
    return stated == actual


def _compare(certificate: Certificate, name: str, stated: object, actual: object) -> None:
    if stated != actual:
        raise ArtifactError(
            f"{certificate.path}: {name} is {stated}; the bundle and the head give {actual}"
        )


def _check_report(certificate: Certificate) -> str:
    """A page that cannot be drawn again could say anything."""
    drawn_by, here = certificate.document.tool, this_tool("lassi-consumer")
    if (drawn_by.name, drawn_by.version) != (here.name, here.version):
        raise ArtifactError(
            f"{certificate.path / REPORT}: {drawn_by.name} {drawn_by.version} drew it, which {here.name} "
            f"{here.version} cannot draw again; verify it with that release"
        )
    if certificate.read(REPORT) != render_report(certificate.document, certificate.rows):
        raise ArtifactError(
            f"{certificate.path / REPORT}: is not the page of this certificate; read certificate.json instead"
        )
    return "drawn again, the same page"
