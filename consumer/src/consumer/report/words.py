"""What a claim says, in plain words: never more than docs/guarantees.md, A.2 to A.6, allows.

The verdict says how many are certified and what that means; the probabilities are the sentences of
`shared_spec.population`, which speak of being treated fairly, so what that means is said before them.
"""

from __future__ import annotations

from shared_spec.artifacts.audit_documents import CONFIDENCE, AuditEntry
from shared_spec.artifacts.bundle_documents import SpecEntry
from shared_spec.artifacts.certificate import Claim
from shared_spec.imprint import Imprint, utc_today
from shared_spec.population import population_statement
from shared_spec.statements import words_of
from shared_spec.terms import Similar

__all__ = [
    "audit_words",
    "claim_rows",
    "imprint_rows",
    "meaning",
    "probabilities",
    "similarity",
    "verdict",
]


def verdict(claim: Claim) -> str:
    """How many individuals are certified, and of what."""
    among = f"{claim.certified} of {claim.individuals} individuals"
    said = words_of(claim.statement).certified.format(model=claim.certified_model)
    if claim.alpha_per_individual == 0:
        if claim.certified == 0:
            return f"For none of the {claim.individuals} individuals do we prove that {said}."
        return f"For {among} we prove that {said}. The proof has no failure probability."
    if claim.certified == 0:
        return f"None of the {claim.individuals} individuals is certified in this view."
    return f"{among} are certified: {said}, unless the random draws behind the certificate failed."


def meaning(claim: Claim) -> str:
    """What being treated fairly means in the sentences of `probabilities`."""
    words = words_of(claim.statement)
    if not words.drawn and claim.alpha_per_individual > 0:
        return f"{words.fairly} The head was sampled, and random draws can fail, so a certificate can be false."
    return words.fairly


def probabilities(claim: Claim) -> tuple[str, ...]:
    """The sentences about each individual, all of them and their population; the count is left to `verdict`."""
    statement = population_statement(
        claim.individuals, claim.certified, claim.alpha_per_individual, claim.population.confidence,
        choices=len(claim.methods_tried),
    )  # fmt: skip
    return statement.sentences()[1:]


def audit_words(entry: AuditEntry | None) -> str:
    """What an auditor's word is worth, in one or two sentences."""
    if entry is None:
        return "none: that the distances hold which the bundle states is the producer's word"
    scope = entry.scope
    said = f"{scope.checked} of {scope.individuals} individuals of {scope.split} computed again, nothing found"
    if scope.checked < scope.individuals:
        said += (
            f"; if the producer could not know whom the auditor would draw, then with {100 * CONFIDENCE:g}% confidence"
            f" at most {scope.bad_at_most} of them are otherwise"
        )
    return f"{said}; {entry.digest}"


def similarity(spec: SpecEntry) -> tuple[str, str]:
    """What the similarity set is, before and after the names of its attributes."""
    several = len(spec.attributes) > 1
    if spec.similar == Similar.COUNTERPARTS:
        return (
            "Two people count as similar if the data set itself knows them as one person with a change of",
            f"{', in one of them at a time' if several else ''}: the similarity set of a person is a chain of segments"
            f"{' for each' if several else ''} in the flow's latent space, whose corners are the"
            " latents of these images. Every corner is an image that can be stored; between two of them the chain is"
            " straight in latent space.",
        )
    if spec.similar == Similar.EDITS:
        together = ", of one alone or of several equally strong," if several else ""
        return (
            "Somebody counts as similar to a person if the image is that person's, changed by an edit of",
            f"{together} at one of the strengths that the spec lists, of which the largest is ε = {spec.epsilon:g}"
            " times the regulator's edit: the similarity set of a person is a chain of segments in the flow's latent"
            " space, whose corners are the latents of the edited images."
            " Every corner is an image that can be stored; between two of them the chain is straight in latent space.",
        )
    vectors = "their attribute vectors" if several else "its attribute vector"
    return (
        "Two people count as similar if one becomes the other by a change of",
        f"{', together,' if several else ''} of size at most ε = {spec.epsilon:g}: the regulator's flow turns a"
        f" person x into a latent z = E(x), and the similarity set holds every latent that is reached from z along"
        f" {vectors} with coefficients t, ‖t‖₂ ≤ ε.",
    )


def claim_rows(view: str, claim: Claim) -> list[list[str]]:
    """What a claim says, line by line, for `inspect`."""
    accuracy = "unknown" if claim.accuracy is None else f"{100 * claim.accuracy:.1f}%"
    counts = ", ".join(f"{count} {status}" for status, count in claim.counts.items())
    return [
        [f"{view} view", f"certifies {claim.certified_model} by {claim.radius_method}, accuracy {accuracy}"],
        ["  counts", counts],
        [f"  statement {claim.statement}", claim.sentence],
        ["", verdict(claim)],
        ["", meaning(claim)],
        *(["", sentence] for sentence in probabilities(claim)),
    ]  # fmt: skip


def imprint_rows(imprint: Imprint) -> list[list[str]]:
    """What the issuer states of itself, of the system and of the dates, and whether it is over, line by line."""
    rows = [
        [name.replace("_", " "), str(value)]
        for name, value in imprint.model_dump(mode="json").items()
        if value is not None
    ]
    if imprint.is_over(utc_today()):
        rows.append(
            ["EXPIRED", "ask its issuer for one of today; every command but this one refuses it"]
        )
    return rows
