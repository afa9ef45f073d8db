"""The facts that every form states, in one set of words; and what only the operator of the model can say."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.report.words import audit_words, meaning, probabilities, similarity, verdict
from shared_spec.artifacts.certificate import CertificateDocument, Claim
from shared_spec.population import percent_down
from shared_spec.trust.seeds import seed_words
from shared_spec.trust.verification import origin_words

__all__ = ["LIMITS", "Stated", "cell", "provenance", "similar_people", "stated", "to_fill"]

LIMITS = (
    "Individual fairness with respect to the similarity set is all that is certified.",
    "No statement is made about people without a certificate, nor about people who are not listed.",
    "Certificates hold for the stored weights, in float64; that a service runs these its operator has to show.",
    "The bundle's radii are the producer's word, or an auditor's where one has looked.",
)
"""What a certificate does not say."""


def to_fill(what: str) -> str:
    """A placeholder for what no artefact says."""
    return f"TO BE FILLED IN BY THE OPERATOR: {what}"


def cell(value: object) -> object:
    """A cell of a table that no spreadsheet takes for a formula."""
    return (
        f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
    )


@dataclass(frozen=True)
class Stated:
    """One claim, in words."""

    view: str
    claim: Claim
    verdict: str
    """What is proved of how many."""
    percent: str
    """Of the individuals, rounded down."""
    reasoning: str
    """The statement behind it, with its probabilities."""


def stated(document: CertificateDocument) -> tuple[Stated, ...]:
    """The claims, by name of their view."""
    return tuple(
        Stated(
            view,
            claim,
            verdict(claim),
            percent_down(claim.certified_fraction),
            " ".join((claim.sentence, meaning(claim), *probabilities(claim))),
        )
        for view, claim in sorted(document.claims.items())
    )


def similar_people(document: CertificateDocument) -> str:
    """Who counts as similar to whom."""
    before, after = similarity(document.spec)
    return f"{before} {' and '.join(document.spec.attributes)}{after}"


def provenance(document: CertificateDocument) -> tuple[tuple[str, str], ...]:
    """What the certificate was made from, and who said so."""
    return (
        ("certificate", document.content_digest),
        ("specification", document.spec.digest),
        ("bundle of representations", document.bundle_digest),
        ("encoder", document.encoder_digest),
        ("classifier", document.head.digest),
        ("origin of the bundle", origin_words(document.origin)),
        ("seed", seed_words(document.commitment)),
        ("audit of the bundle", audit_words(document.audit)),
    )
