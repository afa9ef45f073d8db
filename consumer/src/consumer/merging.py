"""`consumer.merge`: a certificate from the parts that several machines decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from torch import Tensor

from consumer.case import Case
from consumer.deciding import Decided
from consumer.groups import GroupTally, check_groups
from consumer.parts import CertificatePart, load_certificate_part
from consumer.reality import Comparison
from consumer.sealing import Issued, check_room, gather_papers, seal
from consumer.tally import Tally
from shared_spec.artifacts.atomic import building, publish_directory, refuse_existing
from shared_spec.artifacts.audit import Audit
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.individuals import SplitRows
from shared_spec.artifacts.kinds import CERTIFICATE
from shared_spec.artifacts.parts import in_order
from shared_spec.artifacts.rows import RowReader, Rows
from shared_spec.errors import ArtifactError
from shared_spec.imprint import Imprint
from shared_spec.progress import Report, remark, silent, stage
from shared_spec.trust.pins import Trust
from shared_spec.trust.verification import origin_words

__all__ = ["merge"]

_REMEDIES = (
    ("head", "train the head once: make the other parts with --head-from and the first part"),
    ("plan.tool", "decide all parts with one release of the packages and of torch"),
    ("plan.bundle_digest", "decide all parts of one bundle"),
    ("shard.of", "decide all parts of the same number"),
)


def merge(
    parts: Sequence[Path | str | CertificatePart],
    reps: Path | str | Bundle,
    out: Path | str,
    *,
    audit: Path | str | Audit | None = None,
    trust: Path | str | Trust | None = None,
    salt: Path | str | None = None,
    imprint: Imprint | None = None,
    strip: Path | str | None = None,
    groups: Sequence[str] = (),
    force: bool = False,
    report: Report = silent,
) -> Issued:
    """Issues the certificate of parts; it has the bytes of one that `certify` issues at once with the same salt.

    Guarantee: as `certify`. Everything that is claimed is counted here, from the rows of all parts; that the rows are
    those of the bundle's individuals is checked, and the decisions in them are the word of whoever made the parts:
    `verify` makes them again.

    Args:
        parts: all of them, in any order; a part may be given twice if both have the same bytes.
        reps: the bundle that they decide.
        out: directory to write.
        audit: as in `certify`.
        trust: likewise.
        salt: likewise.
        imprint: likewise.
        strip: likewise.
        groups: likewise.
        force: replace what stands at `out`.
        report: told how it goes.

    Raises:
        SettingsError: `out` exists, or is one of what is read.
        ArtifactError, ExpiredError: a part is missing, changed, of something else, or not what it should be; or as
            `certify`.
    """
    out, bundle = Path(out), load_bundle(reps)
    found = in_order([load_certificate_part(part) for part in parts], _REMEDIES)
    first = found[0]
    plan, case = first.document.plan, first.case(bundle)
    papers = gather_papers(
        bundle, case.split, trust=trust, audit=audit, salt=salt, strip=strip, imprint=imprint
    )
    read = [bundle.path, *papers.read, *(part.path for part in found)]
    refuse_existing(out, force, kind=CERTIFICATE, inputs=read)
    if plan.tool != (here := this_tool("lassi-consumer")):
        raise ArtifactError(
            f"{first.path}: was decided by {plan.tool.name} {plan.tool.version} on torch {plan.tool.torch}, this is "
            f"{here.version} on {here.torch}; merge it with that release"
        )
    check_groups(bundle, groups, plan.choices.target)
    check_room(bundle, plan.choices)
    remark(report, f"bundle {bundle.digest}: {origin_words(papers.origin)}")
    counts = GroupTally(bundle, groups)
    decided, comparison = _count(found, case, counts, report)
    with building(out) as folder:
        written = seal(
            folder, case, plan.choices, first.methods, first.document.head, decided, comparison,
            counts, plan.commitment, papers,
        )  # fmt: skip
        publish_directory(out, force, CERTIFICATE)
    return replace(written, path=out)


@dataclass(frozen=True)
class _Decided:
    """The rows of one view by one method in all parts, and what they add up to."""

    parts: Sequence[CertificatePart]
    key: Decided
    tally: Tally

    def lines(self) -> Iterator[list[bytes]]:
        """As they are written here, however a part spells its numbers."""
        return (rows.lines() for part in self.parts for rows in part.rows(*self.key))


def _count(
    parts: Sequence[CertificatePart], case: Case, counts: GroupTally, report: Report
) -> tuple[Mapping[Decided, _Decided], Comparison]:
    """Reads all rows once, beside the individuals whose they must be."""
    manifest, choices = case.bundle.manifest, parts[0].document.plan.choices
    individuals = manifest.splits[case.split].individuals
    made = partial(Tally, individuals=individuals, seed=case.seed, epsilon=manifest.spec.epsilon)
    decided = {
        (view, method): _Decided(parts, (view, method), made(view))
        for view in choices.views
        for method in parts[0].methods
    }
    comparison = Comparison(case.bundle, case.split, case.frozen)
    walk = _walk(case)
    advance, done = stage(report, "counting", individuals), 0
    for part in parts:
        readers = {key: RowReader(part.rows(*key)) for key in decided}
        for people, tensors in islice(walk, len(part.shards_of(manifest))):
            found = {key: _take(part, key, people, reader) for key, reader in readers.items()}
            _check(part, case, people, found.values())
            for key, rows in found.items():
                decided[key].tally.add(rows)
            comparison.add(tensors, found.items())
            counts.add(people, found.items())
            done += len(people.sample_ids)
            advance(done, f"{part.document.shard}")
        for (view, _), reader in readers.items():
            if reader.take(1) is not None:
                raise _others(part, view)
    for _ in walk:  # to the end of the bundle's file, where it shows if that was changed
        pass
    return decided, comparison


def _walk(case: Case) -> Iterator[tuple[SplitRows, Mapping[str, Tensor]]]:
    """Whose each shard is; and what it holds, if there are counterparts to compare with."""
    bundle, split = case.bundle, case.split
    if bundle.manifest.counterparts_of(split):
        return iter(bundle.walk(split))
    return ((people, {}) for people in bundle.individuals.shards(split))


def _take(part: CertificatePart, key: Decided, people: SplitRows, reader: RowReader) -> Rows:
    """The next rows, which must be of these people. Raises ArtifactError."""
    rows = reader.take(len(people.sample_ids))
    if rows is None or rows.sample_id != list(people.sample_ids):
        raise _others(part, key[0])
    return rows


def _check(part: CertificatePart, case: Case, people: SplitRows, found: Iterable[Rows]) -> None:
    """Raises ArtifactError unless predictions and labels are classes, and each person's label is theirs everywhere."""
    classes, choices = {"", *case.config.classes}, part.document.plan.choices
    found = list(found)
    labels = found[0].label
    if choices.whose == "producer":
        codes = people.labels[choices.target].tolist()
        labels = [case.config.classes[code] for code in codes]
    for rows in found:
        if rows.label != labels or not {*labels, *rows.prediction} <= classes:
            raise ArtifactError(
                f"{part.path}: {rows.view}: labels or predictions of {rows.sample_id[0]} and those after are not what "
                "they can be; decide this part again"
            )


def _others(part: CertificatePart, view: str) -> ArtifactError:
    return ArtifactError(
        f"{part.path}: {view}: its rows are not those of share {part.document.shard} of the bundle's individuals; "
        "decide this part again"
    )
