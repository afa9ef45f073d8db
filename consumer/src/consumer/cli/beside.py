"""What a certificate counts beside its claims, as tables: nothing of it is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_spec.console import table

if TYPE_CHECKING:
    from rich.table import Table

    from consumer.report.fares import Fares
    from shared_spec.artifacts.certificate import CertificateDocument

__all__ = ["beside"]


def beside(document: CertificateDocument) -> list[Table | str]:
    """True counterparts, and groups in the view that the page leads with."""
    from consumer.report.fares import fares_of
    from consumer.report.lead import lead_view
    from consumer.report.reality import interval, reality_lines

    tables: list[Table | str] = [
        table(
            f"Reality check: people who get the decision of all their true counterparts in {check.attribute}; "
            "counted, not proved",
            ["", "people", "% (95% interval)"],
            [[group, f"{found.alike} of {found.people}", interval(found)] for group, found in reality_lines(check)],
        )
        for check in document.reality
    ]  # fmt: skip
    view = lead_view(document.claims)
    for each in document.groups:
        found = fares_of(each, view, document.head.classes)
        if found is not None:
            tables += _groups(found, view)
    return tables


def _groups(found: Fares, view: str) -> list[Table | str]:
    from consumer.report.fares import DECISION_COLUMNS

    title = f"Groups by {found.label}, {view} view; counted, not proved. {found.few}".rstrip()
    if not found.lines:
        return [title]
    tables: list[Table | str] = [table(title, ["", "people", *found.rates], found.lines)]
    if found.decisions:
        lines = [each.cells for each in found.decisions]
        tables.append(table(f"Decisions by {found.label}", DECISION_COLUMNS, lines))
    return tables
