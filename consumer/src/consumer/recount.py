"""Deciding everybody of a certificate again, beside the rows that it states, in one pass over the bundle's shards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from torch import Tensor

from consumer.case import Case
from consumer.claims import choose_method, claim_of, decide_rows, require_method
from consumer.groups import GroupTally, check_groups
from consumer.head import Head
from consumer.labels import UNLABELLED
from consumer.reality import Comparison
from consumer.tally import Tally, tallies_for
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.certificate import Certificate, Claim
from shared_spec.artifacts.individuals import SplitRows
from shared_spec.artifacts.rows import COLUMNS, Row, RowReader, Rows
from shared_spec.artifacts.salt import RowTrees
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.progress import Advance, Report, in_turn, stage
from shared_spec.sampling import Sampling

__all__ = ["Recount"]

_RADIUS_TOLERANCE = 1e-6
"""Relative: another machine's d_rs may differ in its last bits. The decisions themselves have to agree."""


class Recount:
    """What the bundle and the head give for a certificate's individuals.

    Args:
        certificate: that states it.
        bundle: that it names.
        head: that it certifies.
        report: told how many are decided again.

    Raises:
        ArtifactError: naming the first row that is not what they give.

    Attributes:
        tallies: of the certificate's rows, per view.
        shared: whether its labels are those that the producer shares.
        reality: how decisions compare with those on counterparts.
        groups: how groups fare, by the labels that the certificate names.
    """

    def __init__(
        self, certificate: Certificate, bundle: Bundle, head: Head, report: Report
    ) -> None:
        self._certificate, self._bundle = certificate, bundle
        document = certificate.document
        self._code = {name: index for index, name in enumerate(document.head.classes)}
        self._code[""] = UNLABELLED
        self._shares = bundle.manifest.labels.get(document.target) == document.head.classes
        self.shared = self._shares
        self.tallies = tallies_for(document)
        self._trees = None if certificate.salt is None else RowTrees(certificate.salt)
        self._cases = {view: self._case(view, head) for view in document.claims}
        self._again = {
            (view, method): Tally(view, claim.individuals, document.seed, document.spec.epsilon)
            for view, claim in document.claims.items()
            for method in claim.methods_tried
        } | {(view, claim.radius_method): self.tallies[view] for view, claim in document.claims.items()}  # fmt: skip
        frozen = next(iter(self._cases.values())).frozen
        comparison = Comparison(bundle, document.split, frozen)
        counts = self._group_tally()
        stated = {view: RowReader(certificate.parts(view)) for view in document.claims}
        individuals = bundle.manifest.splits[document.split].individuals
        advance, done, turns = stage(report, "deciding again", individuals), 0, len(self._again)
        for people, tensors in bundle.walk(document.split):
            count = len(people.sample_ids)
            along = (in_turn(advance, done, count, turn, turns) for turn in range(turns))
            found = self._shard(people, tensors, stated, comparison, along)
            counts.add(people, found.items())
            done += count
        for rows in stated.values():
            if rows.take(1) is not None:
                raise self._others(next(iter(stated)))
        certificate.check_roots(self._trees)
        keys = {view: view for view in document.claims}
        self.reality, self.groups = comparison.checks(keys), counts.tables(keys)

    def claim(self, view: str) -> Claim:
        """The claim that follows in a view."""
        case, stated = self._cases[view], self._certificate.document.claims[view]
        methods = stated.methods_tried
        method = choose_method(view, methods, self._again)
        entry = self._bundle.manifest.views[view]
        tally = self._again[view, method]
        claim = claim_of(view, entry, methods, method, case.sampling, case.config.classes, tally)
        if stated.sampling is None and not method.sampled:
            # Written before a claim said how the methods that were not kept were sampled: as by default.
            claim = claim.model_copy(update={"sampling": None})
        return claim

    def _case(self, view: str, head: Head) -> Case:
        document = self._certificate.document
        claim = document.claims[view]
        sampling = claim.sampling or Sampling()
        case = Case(self._bundle, document.split, head, sampling, document.seed)
        try:
            for method in claim.methods_tried:
                require_method(case.config.kind, method, noisy=case.config.sigma_rs > 0)
        except SettingsError as error:
            raise ArtifactError(
                f"{self._certificate.path}: {view}: cannot be so certified: {error}"
            ) from None
        return case

    def _group_tally(self) -> GroupTally:
        document = self._certificate.document
        labels = [table.label for table in document.groups]
        try:
            check_groups(self._bundle, labels, document.target)
        except SettingsError as error:
            raise ArtifactError(f"{self._certificate.path}: groups: {error}") from None
        return GroupTally(self._bundle, labels)

    def _shard(
        self,
        people: SplitRows,
        tensors: Mapping[str, Tensor],
        stated: Mapping[str, RowReader],
        comparison: Comparison,
        along: Iterator[Advance],
    ) -> dict[str, Rows]:
        """Decides one shard and compares; returns the stated rows, per view."""
        found: dict[str, Rows] = {}
        for view, reader in stated.items():
            rows = reader.take(len(people.sample_ids))
            if rows is None or rows.sample_id != list(people.sample_ids):
                raise self._others(view)
            found[view] = rows
        codes = self._labels(people, found)
        for view, rows in found.items():
            self._compare(view, rows, people, codes, tensors, along)
        comparison.add(tensors, found.items())
        return found

    def _labels(self, people: SplitRows, stated: Mapping[str, Rows]) -> npt.NDArray[np.int64]:
        """The class codes that the rows state, the same in all views."""
        path, first = self._certificate.path, next(iter(stated.values()))
        for rows in stated.values():
            if rows.label != first.label or not set(rows.label) <= self._code.keys():
                row = next(
                    row for row, other in zip(rows, first, strict=True)
                    if row.label not in self._code or row.label != other.label
                )  # fmt: skip
                raise ArtifactError(
                    f"{path}: {row.sample_id}: label {row.label!r} is no class, or differs between views"
                )
        codes = np.array([self._code[label] for label in first.label], dtype=np.int64)
        if self._shares:
            shared = people.labels[self._certificate.document.target]
            self.shared = self.shared and np.array_equal(codes, shared)
        return codes

    def _compare(
        self,
        view: str,
        stated: Rows,
        people: SplitRows,
        codes: npt.NDArray[np.int64],
        tensors: Mapping[str, Tensor],
        along: Iterator[Advance],
    ) -> None:
        case, claim = self._cases[view], self._certificate.document.claims[view]
        for method in claim.methods_tried:
            rows = decide_rows(case, view, method, people.sample_ids, codes, tensors, next(along))
            if method == claim.radius_method:
                if stated != rows:
                    for row, expected in zip(stated, rows, strict=True):
                        self._refuse_others(view, row, expected)
                rows = stated
            self._again[view, method].add(rows)
        if self._trees is not None:
            self._trees.add(view, stated.lines())

    def _refuse_others(self, view: str, row: Row, expected: Row) -> None:
        for column in COLUMNS:
            stated, actual = getattr(row, column), getattr(expected, column)
            if not _same(column, stated, actual):
                raise ArtifactError(
                    f"{self._certificate.path}: {view}: {row.sample_id}: {column} is {stated!r}; "
                    f"the bundle and the head give {actual!r}"
                )

    def _others(self, view: str) -> ArtifactError:
        return ArtifactError(
            f"{self._certificate.path}: {view}: its individuals are not those of the bundle's split "
            f"{self._certificate.document.split}"
        )


def _same(column: str, stated: object, actual: object) -> bool:
    if column == "d_rs" and isinstance(stated, float) and isinstance(actual, float):
        return math.isclose(stated, actual, rel_tol=_RADIUS_TOLERANCE)
    return stated == actual
