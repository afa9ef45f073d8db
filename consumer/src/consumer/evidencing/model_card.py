"""A model card as Hugging Face reads it: metadata in YAML, and the claims in Markdown."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence

from consumer.evidencing.facts import (
    COUNTERPARTS,
    LIMITS,
    Stated,
    labelled,
    people,
    provenance,
    reality,
    similar_people,
    stated,
    to_fill,
)
from consumer.evidencing.group_table import COUNTED, fares_in
from consumer.report.fares import DECISION_COLUMNS
from shared_spec.artifacts.certificate import CertificateDocument
from shared_spec.population import percent

__all__ = ["model_card"]


def model_card(document: CertificateDocument) -> bytes:
    """The card, in UTF-8; the same for the same certificate."""
    claims = stated(document)
    lines = [
        "---",
        *_metadata(document, claims),
        "---",
        "",
        f"# Classifier of {_plain(document.target)}",
        "",
        f"License: {to_fill('the licence, here and as `license` in the metadata')}",
        "",
        f"Intended use: {to_fill('who uses the system, and what for')}",
        "",
        "## Individual fairness",
        "",
        _plain(similar_people(document)),
    ]
    for each in claims:
        lines += ["", f"### {each.view} view: {each.percent} % certified", "", _plain(each.verdict)]
        lines += ["", _plain(each.reasoning)]
    lines += _reality(document)
    lines += _groups(document)
    lines += ["", "## Limitations", "", *(f"- {_plain(each)}" for each in LIMITS)]
    lines += [f"- {to_fill('what is done about people without a certificate')}"]
    lines += ["", "## Evidence", ""]
    lines += [f"- {name}: {_plain(value)}" for name, value in provenance(document)]
    return ("\n".join(lines) + "\n").encode()


def _reality(document: CertificateDocument) -> list[str]:
    """How many get the decision of all their true counterparts; nothing where none are known."""
    rows = reality(document)
    columns = ("counterparts in", "of whom", "people", "% (95% interval)")
    return (
        ["", "## True counterparts", "", COUNTERPARTS, "", *_table(columns, rows)] if rows else []
    )


def _groups(document: CertificateDocument) -> list[str]:
    """How groups fare, a table per label and view; nothing where none are counted."""
    lines: list[str] = []
    for view, found in fares_in(document):
        lines += ["", f"### By {_plain(found.label)}, {view} view", ""]
        if found.groups:
            lines += _table(("group", "people", *found.rates), found.lines)
        if found.decisions:
            lines += ["", *_table(DECISION_COLUMNS, [each.cells for each in found.decisions])]
        if found.few:
            lines += ["", found.few]
    return ["", "## How groups fare", "", COUNTED, *lines] if lines else []


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(map(_plain, columns))} |",
        f"|{'---|' * len(columns)}",
        *(f"| {' | '.join(map(_plain, row))} |" for row in rows),
    ]


def _metadata(document: CertificateDocument, claims: tuple[Stated, ...]) -> list[str]:
    """YAML whose every text is a JSON string, so that no name can be more than a name."""
    lines = [
        "tags:",
        "- individual-fairness",
        "- certified",
        "model-index:",
        f"- name: {_quoted(f'classifier of {document.target}')}",
        "  results:",
    ]
    for each in claims:
        claim = each.claim
        model = f"statement {claim.statement}, {claim.certified_model}"
        lines += [
            "  - task:",
            "      type: image-classification",
            f"      name: {_quoted(document.target)}",
            "    dataset:",
            f"      name: {_quoted(people(document))}",
            f"      type: {_quoted(document.bundle_digest)}",
            "    metrics:",
            "    - type: certified_individual_fairness",
            f"      name: {_quoted(f'certified, %, rounded down; {each.view} view, {model}')}",
            f"      value: {each.percent}",
        ]
        if claim.accuracy is not None:
            lines += [
                "    - type: accuracy",
                f"      name: {_quoted(f'accuracy, %; {labelled(document, claim)}; {model}')}",
                f"      value: {percent(claim.accuracy)}",
            ]
    return lines


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> str:
    """Text that Markdown and HTML show and do not obey, nor make links of."""
    escaped = re.sub(r"([\\`*_{}\[\]()#+!|~$])", r"\\\1", html.escape(text, quote=False))
    return re.sub(r"(?i)(?<=www)\.|:(?=//)|@", lambda sign: f"&#{ord(sign[0])};<!-- -->", escaped)
