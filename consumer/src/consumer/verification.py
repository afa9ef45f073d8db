"""`consumer.verify`: does a certificate follow from the bundle that it names? All of it is computed again and compared.

The bundle and the certificate are enough: neither the consumer's training data nor anybody's code is needed, and who
wrote the certificate need not be trusted. What the bundle itself states is the producer's word.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from consumer.case import require_same_encoder
from consumer.chain import Chain, follow_chain
from consumer.choices import check_choices
from consumer.head import certified_head
from consumer.recount import Recount
from consumer.report.page import render_report
from consumer.report.words import audit_words
from shared_spec.artifacts.audit import Audit, load_audit
from shared_spec.artifacts.audit_documents import AuditEntry
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import REPORT, Certificate, Claim, open_certificate
from shared_spec.artifacts.document import this_tool
from shared_spec.errors import ArtifactError
from shared_spec.progress import Report, silent
from shared_spec.trust.pins import Trust
from shared_spec.trust.trust_file import load_trust
from shared_spec.trust.verification import origin_words

__all__ = ["Check", "Verification", "verify"]


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
    report: Report = silent,
) -> Verification:
    """Computes every decision and every figure of a certificate again, and walks the chain that it stands on.

    Args:
        certificate: certificate/; its files are those that it lists.
        reps: the bundle that it names, likewise.
        spec: the regulator's spec, to compare with what bundle and certificate say of it.
        audit: of that bundle, to compare with what the certificate says of one.
        trust: trust.toml: whose artefacts are accepted. Without it the origins are not verified.
        report: told how many are decided again.

    Raises:
        ArtifactError: naming the first thing that does not follow from the bundle, or that the trust file refuses.
        ExpiredError: the certificate's last day is over, or a signature, or a key behind one, has expired or was
            retired or revoked.
        SettingsError: the trust file is none, or pins nobody in a role that is needed.
    """
    trusted = None if trust is None else load_trust(trust)
    stated = certificate if isinstance(certificate, Certificate) else open_certificate(certificate)
    bundle = load_bundle(reps)
    stated.document.require_current(stated.path)
    _check_release(stated)
    # Who issued it is asked before anything of it is computed.
    audited = None if audit is None else load_audit(audit)
    chain = follow_chain(stated, bundle, spec, audited, trusted)
    for split in bundle.manifest.splits:
        if split != stated.document.split:  # which is read and checked as it is decided
            bundle.check(split)
    checks = [Check("made from", _check_made_from(stated, bundle))]
    if audited is not None or stated.document.audit is not None:
        checks.append(Check("audit", _check_audit(stated, bundle, audited)))
    again = Recount(stated, bundle, certified_head(stated), report)
    checks.append(Check("labels", _check_labels(stated, bundle, again)))
    for view, claim in stated.document.claims.items():
        checks.append(Check(f"{view} view", _check_claim(stated, view, claim, again)))
    if stated.document.reality or bundle.manifest.counterparts:
        checks.append(Check("reality check", _check_reality(stated, again)))
    if stated.document.groups:
        checks.append(Check("groups", _check_groups(stated, again)))
    if stated.document.commitment is not None:
        checks.append(Check("seed", check_choices(stated, bundle, stated.document.commitment)))
    checks.append(Check(REPORT, _check_report(stated, again)))
    return Verification(stated, bundle, tuple(checks), chain)


def _check_release(certificate: Certificate) -> None:
    """What another release proved this one may not prove, and its page it cannot draw: said before any work."""
    issued_by, here = certificate.document.tool, this_tool("lassi-consumer")
    if (issued_by.name, issued_by.version) != (here.name, here.version):
        raise ArtifactError(
            f"{certificate.path}: {issued_by.name} {issued_by.version} issued it, whose decisions and page {here.name} "
            f"{here.version} may not make again; verify it with that release"
        )


def _check_made_from(certificate: Certificate, bundle: Bundle) -> str:
    document, manifest = certificate.document, bundle.manifest
    if document.bundle_digest != bundle.digest:
        raise ArtifactError(
            f"{certificate.path}: was made from bundle {document.bundle_digest}, but {bundle.path} has "
            f"{bundle.digest}; verify it with the bundle that it names"
        )
    require_same_encoder(certificate, bundle)
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
        # Before its rows are read, of which as many are held as the claim says there are.
        there, stated = manifest.splits[document.split].individuals, document.claims[view]
        _compare(certificate, f"{view}: individuals", stated.individuals, there)
    _compare(certificate, "head: input_dim", document.head.input_dim, bundle.dimension)
    split = manifest.splits[document.split]
    _compare(certificate, "skipped", document.skipped, split.available - split.individuals)
    seed = "free" if manifest.commitment is None else "committed"
    _compare(certificate, "bundle_seed", document.bundle_seed, seed)
    return f"{split.individuals} individuals, all of split {document.split}, {document.skipped} left out"


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


def _check_labels(certificate: Certificate, bundle: Bundle, again: Recount) -> str:
    """Whose word the labels are. A consumer may call the producer's labels its own, and not the other way round."""
    document = certificate.document
    if document.labels == "consumer":
        return "the consumer's own"
    if not again.shared:
        raise ArtifactError(
            f"{certificate.path}: its labels of {document.target} are not the producer's, as it says they are"
        )
    trained = document.head.settings.training_individuals
    train = bundle.manifest.splits["train"].individuals if "train" in bundle.manifest.splits else 0
    _compare(certificate, "head: training_individuals", trained, train)
    return "the producer's"


def _check_claim(certificate: Certificate, view: str, claim: Claim, again: Recount) -> str:
    expected = again.claim(view)
    for name in Claim.model_fields:
        _compare(certificate, f"{view}: {name}", getattr(claim, name), getattr(expected, name))
    return f"{claim.certified} certified, decided again by {claim.radius_method}"


def _check_reality(certificate: Certificate, again: Recount) -> str:
    reality = certificate.document.reality
    _compare(certificate, "reality", reality, again.reality)
    images = sum(check.counterparts for check in reality)
    return f"{images} true counterparts, counted again"


def _check_groups(certificate: Certificate, again: Recount) -> str:
    groups = certificate.document.groups
    _compare(certificate, "groups", groups, again.groups)
    return f"by {', '.join(table.label for table in groups)}, counted again"


def _compare(certificate: Certificate, name: str, stated: object, actual: object) -> None:
    if stated != actual:
        raise ArtifactError(
            f"{certificate.path}: {name} is {stated}; the bundle and the head give {actual}"
        )


def _check_report(certificate: Certificate, again: Recount) -> str:
    """A page that cannot be drawn again could say anything."""
    if certificate.read(REPORT) != render_report(
        certificate.document, again.tallies, certificate.strip
    ):
        raise ArtifactError(
            f"{certificate.path / REPORT}: is not the page of this certificate; read certificate.json instead"
        )
    return "drawn again, the same page"
