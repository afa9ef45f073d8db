"""How groups fare, as a row per rate of a group, and as sentences: counted beside the certificates, never proved."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from consumer.evidencing.facts import cell
from consumer.groups import shares
from consumer.report.fares import Fares, fares_of
from shared_spec.artifacts.certificate import CertificateDocument
from shared_spec.artifacts.group_figures import GroupCounts
from shared_spec.population import percent

__all__ = [
    "COUNTED",
    "GROUP_COLUMNS",
    "GroupRate",
    "fares_in",
    "group_rates",
    "group_table",
    "spread_words",
]

COUNTED = (
    "Counted beside the certificates, by groups that are classes of labels which the producer shares; nothing of it is "
    "proved. Right: of those whose true class is known, the share who get it; an abstention is no decision and not "
    "right. Who knows the totals can work out what is not shown of small groups."
)
"""What the figures of groups are worth."""

GROUP_COLUMNS = (
    "target", "split", "label", "view", "certified_model", "group", "people", "rate", "class", "count", "of", "percent",
    "certificate_digest",
)  # fmt: skip


@dataclass(frozen=True)
class GroupRate:
    """A rate of one group in one view.

    Attributes:
        label: by which the groups are made; other people's text.
        view: of the certificate.
        group: class of the label; other people's text.
        people: of the group.
        rate: `decided`, `right` or `certified`.
        decided: the class, for `decided`; other people's text, else empty.
        count: of whom it holds.
        of: among how many.
    """

    label: str
    view: str
    group: str
    people: int
    rate: str
    decided: str
    count: int
    of: int

    @property
    def percent(self) -> str:
        """With one decimal; empty where nobody is counted."""
        return percent(self.count / self.of) if self.of else ""


def group_rates(document: CertificateDocument) -> Iterator[GroupRate]:
    """Every rate of every group that the certificate counts."""
    for table in document.groups:
        for view, groups in sorted(table.views.items()):
            for group in groups:
                for rate, decided, count, of in _rates(group, document.head.classes):
                    yield GroupRate(
                        table.label, view, group.name, group.people, rate, decided, count, of
                    )


def _rates(group: GroupCounts, classes: tuple[str, ...]) -> Iterator[tuple[str, str, int, int]]:
    for name in classes:
        yield "decided", name, *shares(group, name)[0]
    _, right, certified = shares(group, classes[-1])
    yield "right", "", *right
    yield "certified", "", *certified


def fares_in(document: CertificateDocument) -> Iterator[tuple[str, Fares]]:
    """What each view's table of each label says, as on the certificate's page."""
    for table in document.groups:
        for view in sorted(table.views):
            found = fares_of(table, view, document.head.classes)
            if found is not None:
                yield view, found


def spread_words(fares: Fares) -> str:
    """How far the rates of the groups are apart, in one line."""
    if not fares.groups:
        return fares.few
    rates = list(zip(fares.rates, fares.differences, fares.ratios, strict=False))
    # The rate of the second of two classes stands among all decisions.
    told = rates[1:] if fares.decision else rates
    said = [f"{rate}: {points} points apart, ratio {ratio}" for rate, points, ratio in told]
    said += [
        f"decided {each.name}: {each.least[1]} ({each.least[0]}) to {each.most[1]} ({each.most[0]}), "
        f"{each.difference} points apart, ratio {each.ratio}"
        for each in fares.decisions
    ]
    return "; ".join(said) or "one group, which differs from nobody"


def group_table(document: CertificateDocument) -> bytes:
    """The table, in UTF-8; a row without a rate says how many people are in groups too small to be shown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(GROUP_COLUMNS)
    rows: list[tuple[object, ...]] = [
        (each.label, each.view, document.claims[each.view].certified_model, each.group, each.people, each.rate,
         each.decided, each.count, each.of, each.percent)
        for each in group_rates(document)
    ]  # fmt: skip
    rows += [
        (table.label, "", "", "", table.few_people, "not shown", "", "", "", "")
        for table in document.groups
        if table.few
    ]
    for row in rows:
        whole = (document.target, document.split, *row, document.content_digest)
        writer.writerow([cell(value) for value in whole])
    return text.getvalue().encode()
