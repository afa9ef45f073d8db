"""What a claim says, in plain words: never more than docs/guarantees.md, A.2 to A.6, allows.

The verdict says how many are certified and what that means; the probabilities are the sentences of
`consumer.population`, which speak of being treated fairly, so what that means is said before them.
"""

from __future__ import annotations

from consumer.population import population_statement
from shared_spec.artifacts.bundle_documents import SpecEntry
from shared_spec.artifacts.certificate import Claim

__all__ = ["meaning", "probabilities", "similarity", "verdict"]

_MEANING = {
    "X": (
        "Treated fairly means here: everyone in the similarity set gets the decision that the individual gets."
    ),
    "D": (
        "Treated fairly means here: a similar person gets the decision that the individual gets, or the model abstains"
        " there. The probabilities hold for each similar person by itself, chosen without knowing the random draws;"
        " they do not hold for all similar people at once. Random draws can fail, so a certificate can be false."
    ),
    "I": (
        "Treated fairly means here: everyone in the similarity set gets the decision that the individual gets, from"
        " the ideal smoothed encoder. Any program can only approximate that encoder. Random draws can fail, so a"
        " certificate can be false."
    ),
}
_MEANING["paper"] = _MEANING["D"]  # the same kind of statement, with other constants


def verdict(claim: Claim) -> str:
    """How many individuals are certified, and of what."""
    certified, model = claim.counts["CERTIFIED"], claim.certified_model
    among = f"{certified} of {claim.individuals} individuals"
    if claim.alpha_per_individual == 0:
        if certified == 0:
            return (
                f"For none of the {claim.individuals} individuals do we prove that everyone similar to them gets the"
                f" same decision from {model}."
            )
        return (
            f"For {among} we prove that everyone similar to them gets the same decision from {model}. The proof has"
            " no failure probability."
        )
    if certified == 0:
        return f"None of the {claim.individuals} individuals is certified in this view."
    if claim.statement in ("D", "paper"):
        said = (
            f"a similar person, chosen beforehand, gets the same decision from {model}, or none where it"
            " abstains,"
        )
    elif claim.statement == "I":
        said = f"everyone similar to them gets the same decision from {model} with an ideal R̂,"
    else:
        said = f"everyone similar to them gets the same decision from {model},"
    return f"{among} are certified: {said} unless the random draws behind the certificate failed."


def meaning(claim: Claim) -> str:
    """What being treated fairly means in the sentences of `probabilities`."""
    words = _MEANING[claim.statement]
    if claim.statement == "X" and claim.alpha_per_individual > 0:
        words += " The head was sampled, and random draws can fail, so a certificate can be false."
    return words


def probabilities(claim: Claim) -> tuple[str, ...]:
    """The sentences about each individual, all of them and their population; the count is left to `verdict`."""
    statement = population_statement(
        claim.individuals, claim.counts["CERTIFIED"], claim.alpha_per_individual, claim.population.confidence
    )  # fmt: skip
    return statement.sentences()[1:]


def similarity(spec: SpecEntry) -> tuple[str, str]:
    """What the similarity set is, before and after the names of its attributes."""
    several = len(spec.attributes) > 1
    vectors = "their attribute vectors" if several else "its attribute vector"
    return (
        "Two people count as similar if one becomes the other by a change of",
        f"{', together,' if several else ''} of size at most ε = {spec.epsilon:g}: the regulator's flow turns a"
        f" person x into a latent z = E(x), and the similarity set holds every latent that is reached from z along"
        f" {vectors} with coefficients t, ‖t‖₂ ≤ ε.",
    )
