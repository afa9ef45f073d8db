"""A row per claim, as CSV."""

from __future__ import annotations

import csv
import io

from consumer.evidencing.facts import cell, similar_people, stated
from shared_spec.artifacts.certificate import CertificateDocument
from shared_spec.population import percent_down
from shared_spec.terms import Status

__all__ = ["CLAIM_COLUMNS", "claim_table"]

CLAIM_COLUMNS = (
    "target", "split", "view", "statement", "certified_model", "individuals", "skipped", *Status, "certified_percent",
    "alpha_per_individual", "accuracy", "labelled", "labels", "fair_percent_if_drawn_at_random", "confidence",
    "similar", "verdict", "reasoning", "certificate_digest", "bundle_digest", "spec_digest",
    "audit_digest", "issued", "valid_until",
)  # fmt: skip


def claim_table(document: CertificateDocument) -> bytes:
    """The table, in UTF-8; percentages of guarantees are rounded down.

    The figure about a population holds if the individuals were drawn at random from it, as its column says.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CLAIM_COLUMNS)
    audit = "" if document.audit is None else document.audit.digest
    for each in stated(document):
        claim = each.claim
        cells = (
            document.target, document.split, each.view, claim.statement, claim.certified_model, claim.individuals,
            document.skipped, *(claim.counts[status] for status in Status), each.percent, claim.alpha_per_individual,
            claim.accuracy, claim.labelled, document.labels,
            percent_down(claim.population.fair_at_least), claim.population.confidence, similar_people(document),
            each.verdict, each.reasoning, document.content_digest, document.bundle_digest, document.spec.digest, audit,
            document.imprint.issued, document.imprint.valid_until,
        )  # fmt: skip
        writer.writerow([cell(value) for value in cells])
    return text.getvalue().encode()
