"""How groups fare, as lines of a table: rates beside the certificates, and how far they differ between groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from consumer.groups import Spread, shares, spread
from shared_spec.artifacts.group_figures import FEWEST, GroupCounts, GroupTable
from shared_spec.population import percent

__all__ = ["DECISION_COLUMNS", "DecisionFares", "Fares", "fares_of"]


@dataclass(frozen=True)
class DecisionFares:
    """How often one class of several is decided: in the group where that is least often, and in the other extreme.

    Attributes:
        name: the class; other people's text.
        least: a group, other people's text, and its rate.
        most: likewise.
        difference: between the two, in points; nothing where there is one group.
        ratio: likewise.
    """

    name: str
    least: tuple[str, str]
    most: tuple[str, str]
    difference: str
    ratio: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of a line, under `DECISION_COLUMNS`."""
        (low, least), (high, most) = self.least, self.most
        return self.name, f"{least} ({low})", f"{most} ({high})", self.difference, self.ratio


DECISION_COLUMNS = ("decided", "least often", "most often", "points apart", "ratio")
"""What stands above the lines of `DecisionFares`."""


@dataclass(frozen=True)
class Fares:
    """The groups of one label in one view.

    Attributes:
        label: the column; other people's text.
        decision: the class whose rate is told first; other people's text. Empty if the task has more than two, which
            have lines of their own.
        groups: name (other people's text), people, and the rates: decided so, right, certified.
        differences: highest less lowest of each rate; nothing where there is one group.
        ratios: lowest over highest, likewise.
        few: what is left out, in words; empty if nothing.
        decisions: a line per class, which of two is favourable nobody said; nothing where there is one group of two
            classes.
    """

    label: str
    decision: str
    groups: tuple[tuple[str, int, tuple[str, ...]], ...]
    differences: tuple[str, ...]
    ratios: tuple[str, ...]
    few: str
    decisions: tuple[DecisionFares, ...]

    @property
    def lines(self) -> list[tuple[str, ...]]:
        """The cells of a table under a name, people and `rates`: the groups, then how far they are apart."""
        lines = [(name, str(people), *rates) for name, people, rates in self.groups]
        if self.ratios:
            lines += [("points apart", "", *self.differences), ("ratio", "", *self.ratios)]
        return lines

    @property
    def rates(self) -> tuple[str, ...]:
        """What is told of each group, for a terminal."""
        decided = (f"decided {self.decision}",) if self.decision else ()
        return (*decided, "right", "certified")


def fares_of(table: GroupTable, view: str, classes: Sequence[str]) -> Fares | None:
    """The lines of one label's table; None where the view's decisions are not known, or there is nothing to say.

    Args:
        table: what was counted.
        view: of the certificate.
        classes: of the task; of two, the rate of the second is told for each group, and of all, where each is decided
            least and most often, for groups times classes would be a table that nobody reads.
    """
    counted = table.views.get(view, ())
    binary = len(classes) == 2
    found = [shares(group, classes[-1])[0 if binary else 1 :] for group in counted]
    if not found and not (table.few and view in table.views):
        return None
    between = [spread(rates) for rates in zip(*found, strict=True)] if len(found) > 1 else []
    return Fares(
        label=table.label,
        decision=classes[-1] if binary else "",
        groups=tuple(
            (group.name, group.people, tuple(_rate(*rate) for rate in rates))
            for group, rates in zip(counted, found, strict=True)
        ),
        differences=tuple(map(_difference, between)),
        ratios=tuple(map(_ratio, between)),
        few=_few(table),
        decisions=()
        if not found or (binary and not between)
        else tuple(_decision(counted, name) for name in classes),
    )


def _rate(part: int, whole: int) -> str:
    return f"{percent(part / whole)}%" if whole else "unknown"


def _difference(found: Spread | None) -> str:
    """In points, rounded up: 0.0 is of rates that are one."""
    return "–" if found is None else _rounded(100 * found.difference, 1, ROUND_CEILING)


def _ratio(found: Spread | None) -> str:
    """Rounded down: what is below four fifths is not shown as four fifths."""
    return "–" if found is None else _rounded(found.ratio, 2, ROUND_FLOOR)


def _rounded(value: float, places: int, rounding: str) -> str:
    # From ten digits: a difference of rates is no rounder than they are.
    return str(Decimal(f"{value:.10f}").quantize(Decimal(1).scaleb(-places), rounding))


def _decision(groups: Sequence[GroupCounts], name: str) -> DecisionFares:
    rates = [shares(group, name)[0] for group in groups]
    order = sorted(range(len(groups)), key=lambda index: rates[index][0] / rates[index][1])
    least, most = order[0], order[-1]
    between = spread(rates)
    return DecisionFares(
        name,
        (groups[least].name, _rate(*rates[least])),
        (groups[most].name, _rate(*rates[most])),
        _difference(between),
        _ratio(between),
    )


def _few(table: GroupTable) -> str:
    if not table.few:
        return ""
    groups = "One group" if table.few == 1 else f"{table.few} groups"
    people = "person" if table.few_people == 1 else "people"
    return (
        f"{groups} of fewer than {FEWEST} people ({table.few_people} {people} together) not shown: rates of so few say"
        " nothing."
    )
