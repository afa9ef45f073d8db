"""Figures of groups beside the certificates: running counts by a shared label, and what they come to.

The rates are those of fairlearn's MetricFrame (selection rate, accuracy; difference and ratio between groups), counted
here because its libraries would make the installation half as large again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.group_figures import FEWEST, GroupCounts, GroupTable
from shared_spec.artifacts.individuals import SplitRows
from shared_spec.artifacts.rows import Rows
from shared_spec.errors import SettingsError
from shared_spec.terms import Statement, Status

__all__ = ["MOST_GROUPS", "GroupTally", "Spread", "check_groups", "shares", "spread"]

MOST_GROUPS = 50
"""Classes of a label beyond which it is no label of groups."""


class _Cell(NamedTuple):
    """What people have in common who are counted together."""

    key: Hashable
    group: int
    label: str
    prediction: str
    status: str


class GroupTally:
    """Counts by the classes of shared labels, shard by shard; memory does not depend on how many people there are.

    Args:
        bundle: whose labels.
        labels: columns of it.
    """

    def __init__(self, bundle: Bundle, labels: Sequence[str]) -> None:
        self._classes = {label: bundle.manifest.labels[label] for label in labels}
        self._statements = {view: entry.statement for view, entry in bundle.manifest.views.items()}
        self._cells: dict[str, Counter[_Cell]] = {label: Counter() for label in labels}

    def add(self, people: SplitRows, rows: Iterable[tuple[Hashable, Rows]]) -> None:
        """One shard: its people's rows per set of certificates, each under a key of its own."""
        for key, found in rows if self._cells else ():
            for label, cells in self._cells.items():
                groups = people.labels[label].tolist()
                counted = Counter(
                    zip(groups, found.label, found.prediction, found.status, strict=True)
                )
                for cell, count in counted.items():
                    cells[_Cell(key, *cell)] += count

    def tables(self, chosen: Mapping[str, Hashable]) -> tuple[GroupTable, ...]:
        """What was counted, per label.

        Args:
            chosen: per view the key of the certificates that it issues.
        """
        # The ideal encoder of statement I was never evaluated, so nobody knows its decisions.
        known = {view: key for view, key in chosen.items() if self._statements[view] != Statement.I}
        return tuple(self._table(label, known) for label in self._cells)

    def _table(self, label: str, chosen: Mapping[str, Hashable]) -> GroupTable:
        cells, sizes = self._cells[label], Counter[int]()
        first = next(iter(chosen.values()), None)
        for cell, count in cells.items():
            sizes[cell.group] += count * (cell.key == first)
        few = [group for group, size in sizes.items() if 0 < size < FEWEST]
        shown = sorted(group for group, size in sizes.items() if size >= FEWEST)
        return GroupTable(
            label=label,
            few=len(few),
            few_people=sum(sizes[group] for group in few),
            views={
                view: tuple(self._counts(label, key, group) for group in shown)
                for view, key in chosen.items()
            },
        )

    def _counts(self, label: str, key: Hashable, group: int) -> GroupCounts:
        mine = {
            cell: count
            for cell, count in self._cells[label].items()
            if (cell.key, cell.group) == (key, group)
        }
        predicted: Counter[str] = Counter()
        for cell, count in mine.items():
            if cell.prediction:
                predicted[cell.prediction] += count
        return GroupCounts(
            name=self._classes[label][group],
            people=sum(mine.values()),
            predicted=dict(sorted(predicted.items())),
            labelled=sum(count for cell, count in mine.items() if cell.label),
            correct=sum(
                count
                for cell, count in mine.items()
                if cell.label and cell.label == cell.prediction
            ),
            certified=sum(count for cell, count in mine.items() if cell.status == Status.CERTIFIED),
        )


def check_groups(bundle: Bundle, labels: Sequence[str], target: str) -> None:
    """Raises SettingsError unless these are labels of the bundle, each once, whose classes may be groups."""
    shared = bundle.manifest.labels
    others = [name for name in shared if name != target]
    if labels and all(entry.statement == Statement.I for entry in bundle.manifest.views.values()):
        raise SettingsError(
            "`groups` counts decisions, and statement I is about an encoder that nobody evaluates: leave it out, "
            "or ask the producer for another view"
        )
    for index, label in enumerate(labels):
        if label not in others or label in labels[:index]:
            raise SettingsError(
                f"`groups` {label!r:.100}: expected, each once, a label that the producer shares, other than the "
                f"target; there is {', '.join(others) or 'none: ask the producer to export with `share`'}"
            )
        if len(shared[label]) > MOST_GROUPS:
            raise SettingsError(
                f"`groups` {label!r:.100}: has {len(shared[label])} classes; expected at most {MOST_GROUPS}"
            )


@dataclass(frozen=True)
class Spread:
    """How far a rate differs between groups: the largest difference, and the lowest over the highest (0 of 0 is 1)."""

    difference: float
    ratio: float


def shares(counts: GroupCounts, decision: str) -> tuple[tuple[int, int], ...]:
    """Of whom, of how many: who is decided so, whose known class was met, who is certified.

    Of fewer than `FEWEST` known classes nothing is told, as of fewer people.
    """
    told = counts.labelled >= FEWEST
    return (
        (counts.predicted.get(decision, 0), counts.people),
        (counts.correct, counts.labelled) if told else (0, 0),
        (counts.certified, counts.people),
    )


def spread(rates: Sequence[tuple[int, int]]) -> Spread | None:
    """Of the rates of groups in which there is somebody; None for fewer than two of them."""
    known = [part / whole for part, whole in rates if whole]
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    return Spread(high - low, low / high if high else 1.0)
