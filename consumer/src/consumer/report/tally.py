"""Counts of one view's rows: why individuals are not certified, and which share of each class is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from consumer.tally import Group
from shared_spec.population import percent_down
from shared_spec.terms import Reason, Status

__all__ = ["MOST_CLASSES", "ClassRow", "ReasonCount", "Share", "class_table", "count_reasons"]

MOST_CLASSES = 20
"""Classes with a line of their own; the rarest of more are taken together."""


@dataclass(frozen=True)
class Share:
    """How many of a group are certified."""

    certified: int
    total: int

    @property
    def percent(self) -> str:
        """With one decimal, rounded down: never 100.0 unless all are."""
        if self.certified == self.total:
            return "100.0%" if self.total else ""
        return f"{percent_down(self.certified / self.total)}%"


@dataclass(frozen=True)
class ReasonCount:
    """Why individuals are not certified, and how many."""

    status: Status
    reason: Reason
    count: int

    @property
    def words(self) -> str:
        """The reason for people."""
        return _words(self.reason)

    @property
    def remedy(self) -> str:
        """What can be done about it, by whom."""
        return _remedy(self.reason)


@dataclass(frozen=True)
class ClassRow:
    """One line of the table of classes; None where the question does not arise.

    Attributes:
        name: of the class, or what stands for one.
        is_class: whether `name` is the name of a class, so text of somebody else.
        predicted: among the individuals for whom the model decides so.
        labelled: among those of whom it is true.
    """

    name: str
    is_class: bool
    predicted: Share | None
    labelled: Share | None


def _words(reason: Reason) -> str:
    match reason:
        case Reason.NONE:
            return "No reason is given."
        case Reason.FAR:
            return "Similar people can be further away than the head's decision is known to hold (d_cs ≥ d_rs)."
        case Reason.NOT_PROVED:
            return "The bounds on the head were not tight enough for a proof."
        case Reason.WITNESS:
            return "Somebody in the similarity set gets another decision: the column witness says where."
        case Reason.PRODUCER_ABSTAINED:
            return "The producer gives no bound: its encoder abstains."
        case Reason.PRODUCER_UNDECIDED:
            return "The producer's bound was not settled within the effort that it allowed."
        case Reason.HEAD_ABSTAINED:
            return "The samples of the head did not favour one class clearly enough."
        case Reason.HEAD_UNDECIDED:
            return "The samples of the head were used up before a decision."
        case _:
            assert_never(reason)


def _remedy(reason: Reason) -> str:
    match reason:
        case Reason.NONE:
            return "Ask the issuer for the reason."
        case Reason.FAR:
            return "Train the head longer, or ask for an encoder that keeps similar people closer together."
        case Reason.NOT_PROVED:
            return "Certify a linear head, which is decided exactly, or a smaller network."
        case Reason.WITNESS:
            return (
                "Do not leave these decisions to the system; ask the producer for an encoder that keeps similar people"
                " closer together, and certify that one."
            )
        case Reason.PRODUCER_ABSTAINED | Reason.PRODUCER_UNDECIDED:
            return "Ask the producer to export them with more samples or effort."
        case Reason.HEAD_ABSTAINED | Reason.HEAD_UNDECIDED:
            return "Certify again with more samples of the head."
        case _:
            assert_never(reason)


def count_reasons(groups: Mapping[Group, int]) -> list[ReasonCount]:
    """The reasons of all rows that are not CERTIFIED, the most frequent first."""
    counts: Counter[tuple[Status, Reason]] = Counter()
    for group, count in groups.items():
        if group.status != Status.CERTIFIED:
            counts[group.status, group.reason] += count
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [ReasonCount(status, reason, count) for (status, reason), count in ordered]


def class_table(groups: Mapping[Group, int], classes: Sequence[str]) -> list[ClassRow]:
    """Shares by predicted class and, if any label is known, by label; in the order of the classes."""
    predicted = _shares((group.prediction, group, count) for group, count in groups.items())
    labelled = _shares((group.label, group, count) for group, count in groups.items())
    has_labels = any(name != "" for name in labelled)
    nobody = Share(0, 0)
    size = {
        name: predicted.get(name, nobody).total + labelled.get(name, nobody).total
        for name in classes
    }
    own = set(classes)
    if len(classes) > MOST_CLASSES:
        own = set(sorted(classes, key=lambda name: -size[name])[:MOST_CLASSES])
    rest = [name for name in classes if name not in own]
    table = [
        ClassRow(
            name,
            True,
            predicted.get(name, nobody),
            labelled.get(name, nobody) if has_labels else None,
        )
        for name in classes
        if name in own
    ]
    if rest:
        table.append(
            ClassRow(
                f"{len(rest)} rarer classes",
                False,
                _total(predicted, rest),
                _total(labelled, rest) if has_labels else None,
            )
        )
    if "" in predicted:
        table.append(ClassRow("no decision", False, predicted[""], None))
    if has_labels and "" in labelled:
        table.append(ClassRow("label unknown", False, None, labelled[""]))
    return table


def _shares(named: Iterable[tuple[str, Group, int]]) -> dict[str, Share]:
    totals: Counter[str] = Counter()
    certified: Counter[str] = Counter()
    for name, group, count in named:
        totals[name] += count
        certified[name] += count * (group.status == Status.CERTIFIED)
    return {name: Share(certified[name], total) for name, total in totals.items()}


def _total(shares: Mapping[str, Share], names: Sequence[str]) -> Share:
    found = [shares[name] for name in names if name in shares]
    return Share(sum(share.certified for share in found), sum(share.total for share in found))
