"""`regulator check-data`."""

from __future__ import annotations

from dataclasses import asdict

import click

from regulator.data_check import DataReport
from regulator.data_check import check_data as examine
from shared_spec.console import emit, note, progress, table
from shared_spec.errors import DataError

__all__ = ["check_data"]

_SHOWN_CLASSES = 10


@click.command("check-data")
@click.argument("data")
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME",
    help="Sensitive column; repeat for several.",
)
@click.option(
    "--target", "targets", multiple=True, metavar="NAME", help="Task column; repeat for several."
)
@click.option(
    "--every",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Decode every n-th image only.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
def check_data(
    data: str, attributes: tuple[str, ...], targets: tuple[str, ...], every: int, as_json: bool
) -> None:
    """Read a data set and report what is in it and all that is wrong, before anything is trained on it.

    Counts, label balance, unreadable and missing images, web pages saved under an image's name, and how strongly
    sensitive attributes and tasks go together: what a naive model will pick up.

    \b
    Example:
      regulator check-data fairface:fairface/ --attribute Race=Black --target Age-2
    """
    with progress("decoding images", 1) as advance:
        report = examine(
            data,
            attributes,
            targets,
            every,
            progress=lambda done, total: advance(done, f"of {total}"),
        )
    emit(asdict(report), as_json, table(f"data set {report.uri}", ["", ""], _rows(report)))
    for problem in report.problems:
        note(f"problem: {problem}")
    if report.problems:
        raise DataError(
            f"{data}: {len(report.problems)} problems found, listed above; repair them and check again"
        )


def _rows(report: DataReport) -> list[list[str]]:
    rows = [
        ["individuals", ", ".join(f"{count} {split}" for split, count in report.counts.items())]
    ]
    rows += [["splits from", report.split_rule]] if report.split_rule else []
    rows.append(["images decoded", str(report.images_checked)])
    for split, columns in report.balance.items():
        for column, classes in columns.items():
            total = sum(classes.values()) or 1
            shares = [f"{name} {100 * count / total:.1f}%" for name, count in classes.items()]
            more = ["…"] if len(shares) > _SHOWN_CLASSES else []
            rows.append([f"{split} {column}", ", ".join(shares[:_SHOWN_CLASSES] + more)])
    for found in report.associations[:20]:
        if found.cramers_v is not None:
            phi = "" if found.phi is None else f", phi {found.phi:+.3f}"
            rows.append(
                [f"{found.split} {found.first} ~ {found.second}", f"V {found.cramers_v:.3f}{phi}"]
            )
    rows += [[f"no label: {name}", reason] for name, reason in report.unserved.items()]
    return rows
