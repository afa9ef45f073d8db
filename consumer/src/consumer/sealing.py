"""From decisions about everybody to the certificate: claims, page and document, whoever made the decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from consumer.case import Case
from consumer.choices import Choices
from consumer.claims import choose_method, claim_of
from consumer.deciding import Decided
from consumer.groups import GroupTally
from consumer.reality import Comparison
from consumer.report.outcomes import Outcomes
from consumer.report.page import render_report
from consumer.tally import Tally
from shared_spec.artifacts.audit import Audit, load_audit
from shared_spec.artifacts.audit_documents import AuditEntry
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.certificate import (
    Certificate,
    CertificateDocument,
    CommittedDraw,
)
from shared_spec.artifacts.certificate_writing import save_certificate
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.head_documents import HeadEntry
from shared_spec.artifacts.rows import FORM
from shared_spec.artifacts.salt import Salt, read_salt
from shared_spec.artifacts.strip import Strip, read_strip
from shared_spec.artifacts.tables import check_writable
from shared_spec.imprint import Imprint, utc_today
from shared_spec.terms import RadiusMethod
from shared_spec.trust.pins import Trust
from shared_spec.trust.subjects import bundle_subject
from shared_spec.trust.verification import Origin, origin_of

__all__ = ["Counted", "Issued", "Papers", "check_room", "gather_papers", "seal"]


@dataclass(frozen=True)
class Papers:
    """What a certificate holds besides what is decided and claimed.

    Attributes:
        origin: who signed the bundle; None without a trust file.
        audit: of the bundle, or None.
        salt: of the rows; a new one is drawn where there is none.
        strip: of the spec, for the page, or None.
        imprint: what the issuer states of itself.
        read: where they came from.
    """

    origin: Origin | None
    audit: AuditEntry | None
    salt: Salt | None
    strip: Strip | None
    imprint: Imprint
    read: tuple[Path, ...]


def gather_papers(
    bundle: Bundle,
    split: str,
    *,
    trust: Path | str | Trust | None,
    audit: Path | str | Audit | None,
    salt: Path | str | None,
    strip: Path | str | None,
    imprint: Imprint | None,
) -> Papers:
    """Reads and checks what goes into a certificate of the bundle's split; arguments as those of `certify`.

    Raises:
        SettingsError: dates in the wrong order.
        ArtifactError, ExpiredError: one of them is not what it should be, or of another bundle.
    """
    audited = None if audit is None else load_audit(audit)
    shown = None if strip is None else read_strip(Path(strip))
    if shown is not None:
        shown.require_of(bundle.manifest.spec)
    return Papers(
        origin=origin_of(bundle_subject(bundle), trust),
        audit=None if audited is None else audited.entry_for(bundle.digest, split),
        salt=None if salt is None else read_salt(Path(salt)),
        strip=shown,
        imprint=(imprint or Imprint()).dated(utc_today()),
        read=(
            *(() if audited is None else (audited.path,)),
            *(Path(path) for path in (salt, strip) if path is not None),
        ),
    )


def check_room(bundle: Bundle, choices: Choices) -> None:
    """Raises SettingsError if a certificate with so many rows cannot be written here, as `tables.check_writable`."""
    people = bundle.manifest.splits[choices.split].individuals
    check_writable(people * len(choices.views), FORM)


class Counted(Protocol):
    """The rows of one view by one method, and what they add up to."""

    @property
    def tally(self) -> Tally:
        """Of all rows."""
        ...

    def lines(self) -> Iterator[Sequence[bytes]]:
        """The lines of all rows in the order of the individuals, without their line feeds, some at a time."""
        ...


@dataclass(frozen=True, repr=False)
class Issued(Certificate):
    """A certificate that was just issued, with what is known of whom in each view."""

    outcomes: Mapping[str, Outcomes] = field(default_factory=dict)


def seal(
    folder: Path,
    case: Case,
    choices: Choices,
    methods: Sequence[RadiusMethod],
    head: HeadEntry,
    decided: Mapping[Decided, Counted],
    comparison: Comparison,
    counts: GroupTally,
    drawn: CommittedDraw | None,
    papers: Papers,
) -> Issued:
    """Writes the certificate into a partial directory.

    Args:
        folder: where.
        case: who is decided by which head.
        choices: what the consumer chose.
        methods: by which everybody was decided in each view; of those the better is kept.
        head: what the document says of the head.
        decided: the rows, per view and method.
        comparison: with counterparts.
        counts: of groups.
        drawn: what the seed follows from, if not from the consumer's free choice.
        papers: what else goes into it.
    """
    tallies = {key: rows.tally for key, rows in decided.items()}
    kept = {view: choose_method(view, methods, tallies) for view in choices.views}
    mine = {view: tallies[view, method] for view, method in kept.items()}
    keys = {view: (view, method) for view, method in kept.items()}
    manifest = case.bundle.manifest
    split = manifest.splits[case.split]
    claims = {
        view: claim_of(
            view, manifest.views[view], methods, method, case.sampling, case.config.classes, mine[view]
        )
        for view, method in kept.items()
    }  # fmt: skip
    draft = CertificateDocument(
        imprint=papers.imprint,
        target=choices.target,
        split=case.split,
        labels=choices.whose,
        spec=manifest.spec,
        bundle_digest=case.bundle.digest,
        encoder_digest=manifest.encoder.digest,
        audit=papers.audit,
        head=head,
        claims=claims,
        reality=comparison.checks(keys),
        groups=counts.tables(keys),
        skipped=split.available - split.individuals,
        tool=this_tool("lassi-consumer"),
        seed=case.seed,
        commitment=drawn,
        bundle_seed="free" if manifest.commitment is None else "committed",
        origin=papers.origin,
    )
    written = save_certificate(
        folder,
        draft,
        ((key[0], lines) for key in kept.items() for lines in decided[key].lines()),
        case.head.tensors(),
        lambda complete: render_report(complete, mine, papers.strip),
        papers.salt,
        papers.strip,
    )
    outcomes = {view: tally.outcomes for view, tally in mine.items()}
    return Issued(folder, written.document, written.weights, written.salt, written.strip, outcomes)
