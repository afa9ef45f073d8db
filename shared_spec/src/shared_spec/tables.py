"""What is printed: facts one below the other, tables, and the command that comes next.

What is in them may be other people's text, which is shown and never obeyed.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared_spec.text import visible

if TYPE_CHECKING:
    from rich.table import Table

    from shared_spec.artifacts.audit_documents import AuditDocument
    from shared_spec.artifacts.bundle_documents import Manifest

__all__ = ["audit_rows", "bundle_rows", "facts", "following", "table"]


def facts(title: str, rows: Sequence[Sequence[str]]) -> str:
    """Names and what they are, one below the other, no line of which is broken: a digest can be searched and copied."""
    from rich.cells import cell_len

    names = [visible(name) for name, _ in rows]
    width = max(map(cell_len, names), default=0)
    lines = [
        f"{name}{' ' * (width - cell_len(name))}  {visible(text)}".rstrip()
        for name, (_, text) in zip(names, rows, strict=True)
    ]
    return "\n".join([visible(title), *lines])


def following(*words: object, lead: str = "Next") -> str:
    """The command that comes next, as it can be pasted into a shell."""
    return f"{lead}: {shlex.join(map(str, words))}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A plain table, its numbers to the right; the first column and those without a heading are text.

    What is too long for the terminal is folded and never cut. The words of a heading stay whole.
    """
    from rich.table import Table

    result = Table(title=visible(title), title_justify="left", box=None, pad_edge=False)
    for index, column in enumerate(map(visible, columns)):
        number = index > 0 and column != ""
        result.add_column(
            column,
            justify="right" if number else "left",
            overflow="fold",
            min_width=max(map(len, column.split()), default=None),
        )
    for row in rows:
        result.add_row(*map(visible, row))
    return result


def audit_rows(document: AuditDocument) -> list[list[str]]:
    """What an audit says, for `audit` and `inspect`."""
    rows = [["digest", document.content_digest], ["bundle", document.bundle_digest]]
    rows += [["numbers", str(scope)] for scope in document.scopes]
    for entry in document.checks:
        whose = f" of {entry.split}" if entry.split else ""
        said = f"{entry.compared} compared, {entry.findings} findings"
        rows.append([f"{entry.check}{whose}", said])
    rows += [["not checked", f"{left.what}: {left.why}"] for left in document.not_checked]
    return rows + [["FOUND", str(finding)] for finding in document.findings]


def bundle_rows(manifest: Manifest) -> list[list[str]]:
    """What a bundle's manifest says, for `inspect`."""
    encoder, spec = manifest.encoder, manifest.spec
    rows = [
        ["digest", manifest.content_digest],
        [
            "spec",
            f"{', '.join(spec.attributes)}, {spec.similar}, epsilon {spec.epsilon:g}, {spec.digest}",
        ],
        ["encoder", f"{encoder.method}, d = {encoder.output_dim}, {encoder.digest}"],
        ["trained for", ", ".join(encoder.targets) or "no task in particular"],
        ["labels shared", ", ".join(manifest.labels) or "none"],
    ]
    for split, entry in manifest.splits.items():
        views = manifest.bounding(split)
        bounds = f", bounds: {', '.join(views)}" if views else ""
        rows.append([split, f"{entry.individuals} of {entry.available} individuals{bounds}"])
    for view, bound in manifest.views.items():
        rows.append(
            [
                f"{view} view",
                f"statement {bound.statement}, alpha {bound.alpha_total:g}: {bound.sentence}",
            ]
        )
    return rows
