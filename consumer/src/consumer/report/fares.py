"""How groups fare, as lines of a table: rates beside the certificates, and how far they differ between groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.groups import shares, spread
from shared_spec.artifacts.group_figures import FEWEST, GroupTable

__all__ = ["Fares", "fares_of"]


@dataclass(frozen=True)
class Fares:
    """The groups of one label in one view.

    Attributes:
        label: the column; other people's text.
        decision: the class whose rate is told first; other people's text. Empty if the task has more than two.
        groups: name (other people's text), people, and the rates: decided so, right, certified.
        differences: highest less lowest of each rate; nothing where there is one group.
        ratios: lowest over highest, likewise.
        few: what is left out, in words; empty if nothing.
    """

    label: str
    decision: str
    groups: tuple[tuple[str, int, tuple[str, ...]], ...]
    differences: tuple[str, ...]
    ratios: tuple[str, ...]
    few: str

    @property
    def rates(self) -> tuple[str, ...]:
        """What is told of each group, for a terminal."""
        decided = (f"decided {self.decision}",) if self.decision else ()
        return (*decided, "right", "certified")


def fares_of(table: GroupTable, view: str, classes: Sequence[str]) -> Fares | None:
    """The lines of one label's table; None where the view's decisions are not known, or nobody is left.

    Args:
        table: what was counted.
        view: of the certificate.
        classes: of the task; of two, the rate of the second is told.
    """
    counted = table.views.get(view, ())
    binary = len(classes) == 2
    found = [shares(group, classes[-1])[0 if binary else 1 :] for group in counted]
    if not found:
        return None
    between = [spread(rates) for rates in zip(*found, strict=True)] if len(found) > 1 else []
    return Fares(
        label=table.label,
        decision=classes[-1] if binary else "",
        groups=tuple(
            (group.name, group.people, tuple(_rate(*rate) for rate in rates))
            for group, rates in zip(counted, found, strict=True)
        ),
        differences=tuple(
            "–" if each is None else f"{100 * each.difference:.1f}" for each in between
        ),
        ratios=tuple("–" if each is None else f"{each.ratio:.2f}" for each in between),
        few=_few(table),
    )


def _rate(part: int, whole: int) -> str:
    """A share with one decimal, which is 100.0 of all and 0.0 of none only."""
    if not whole:
        return "unknown"
    if part in (0, whole):
        return "100.0%" if part else "0.0%"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f}%"


def _few(table: GroupTable) -> str:
    if not table.few:
        return ""
    groups = "One group" if table.few == 1 else f"{table.few} groups"
    people = "person" if table.few_people == 1 else "people"
    return (
        f"{groups} of fewer than {FEWEST} people ({table.few_people} {people} together) not shown: rates of so few say"
        " nothing."
    )
