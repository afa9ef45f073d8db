"""What each statement says, in words: the one place from which manifests, commands, tables and reports take them.

Never more than docs/guarantees.md, A.2 to A.6, allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from shared_spec.terms import Reason, Statement, Status

if TYPE_CHECKING:
    from shared_spec.artifacts.claim_documents import Claim
    from shared_spec.artifacts.rows import Row

__all__ = ["REALITY", "StatementWords", "row_words", "words_of"]

REALITY = (
    "True counterparts are images of the same person with one attribute changed, made by whoever made the data. "
    "Counted are the people whom the head itself, at each image's own representation, gives the decision of all their "
    "counterparts. It is a count and no proof, and no certificate depends on it; the intervals (95%, each by itself) "
    "hold for a population only if these people were drawn from it at random."
)
"""What the comparison with true counterparts says, and does not say."""


@dataclass(frozen=True)
class StatementWords:
    """The words of one statement.

    Attributes:
        sentence: what is stated of the radii; stands in the manifest and in the certificate.
        certified: what CERTIFIED means, to follow "CERTIFIED means that" or "we prove that"; `{model}` is its model.
        plain: the same for a reader without the terms: what follows "certified:" on the page.
        fairly: what being treated fairly means in the sentences about probabilities.
        scope: of whom it speaks, in a few words, for tables.
        drawn: whether it rests on random draws, so that a certificate can be false.
    """

    sentence: str
    certified: str
    plain: str
    fairly: str
    scope: str
    drawn: bool


_EXACT = (
    "For every point z' of the similarity set, without exception or failure probability, the representation R(z') of "
    "the stored encoder, evaluated in float64 or exactly and handed over in float32 or as it is, lies within the "
    "radius of the centre, and in the tube where there is one."
)
_DEPLOYED = (
    "For each fixed similar individual x', chosen independently of the random draws, the probability over the draws "
    "made for x and for x' that the deployed smoothed encoder answers at x' with a representation further than the "
    "radius from the centre of x is at most alpha. The deployed encoder may abstain at x'."
)
_IDEAL = (
    "With probability at least 1 - alpha over the draws made for x, simultaneously for all similar individuals x', the "
    "ideal smoothed representation of x' (the centre of a smallest ball that holds half of the mass) lies within the "
    "radius of the centre of x. The ideal smoothed encoder cannot be evaluated exactly."
)
_PUBLISHED = (
    "For each fixed similar individual x', chosen independently of the random draws, the probability over the draws "
    "made for x and for x' that the center-smoothed encoder, with the published constants, answers at x' with a "
    "representation further than the radius from the centre of x is at most alpha. It may abstain at x'."
)
_EVERYONE = "everyone in the similarity set gets the same decision from {model}"
_CHOSEN = "a similar person, chosen beforehand, gets the same decision from {model}, or none where it abstains"
_ALL_SIMILAR = "everyone who counts as similar gets the same decision"
_ONE_SIMILAR = (
    "a similar person, chosen beforehand, gets the same decision, or none where the model abstains"
)
_FAIRLY = "Treated fairly means here: everyone in the similarity set gets the decision that the individual gets"
_ONE_BY_ONE = (
    "Treated fairly means here: a similar person gets the decision that the individual gets, or the model abstains"
    " there. The probabilities hold for each similar person by itself, chosen without knowing the random draws;"
    " they do not hold for all similar people at once."
)
_DRAWS = " Random draws can fail, so a certificate can be false."


def words_of(statement: Statement) -> StatementWords:
    """The words of a statement."""
    each, everyone = "each similar person by itself", "all of the similarity set"
    match statement:
        case Statement.X:
            return StatementWords(
                _EXACT, _EVERYONE, _ALL_SIMILAR, f"{_FAIRLY}.", everyone, drawn=False
            )  # fmt: skip
        case Statement.D:
            return StatementWords(
                _DEPLOYED, _CHOSEN, _ONE_SIMILAR, _ONE_BY_ONE + _DRAWS, each, drawn=True
            )  # fmt: skip
        case Statement.PAPER:
            return StatementWords(
                _PUBLISHED, _CHOSEN, _ONE_SIMILAR, _ONE_BY_ONE + _DRAWS, each, drawn=True
            )  # fmt: skip
        case Statement.I:
            ideal = f"{_FAIRLY}, from the ideal smoothed encoder. Any program can only approximate that encoder."
            return StatementWords(
                _IDEAL,
                f"{_EVERYONE} with an ideal R̂",
                f"{_ALL_SIMILAR}, from an ideal encoder that programs can only approximate",
                ideal + _DRAWS,
                f"{everyone}, ideal encoder",
                drawn=True,
            )
        case _:
            assert_never(statement)


def row_words(row: Row, claim: Claim) -> str:
    """What a certificate says of one person in one view."""
    decided = f"decided {row.prediction}" if row.prediction else "without a decision"
    if row.status == Status.CERTIFIED:
        said = words_of(claim.statement).certified.format(model=claim.certified_model)
        doubt = ", unless the random draws failed" if claim.alpha_per_individual > 0 else ""
        return f"{row.status}, {decided}: {said}{doubt}."
    if row.reason == Reason.WITNESS:
        return (
            f"{row.status}, {decided}: somebody who counts as similar gets another decision from "
            f"{claim.certified_model}. The producer states that person's representation, and the head decides it so."
        )
    return f"{row.status}, {decided}: {row.reason or 'not certified'}. No statement is made about this person."
