"""The first thing that the page says: one verdict, in plain words, about the view that a rule chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from consumer.report.outcomes import Outcomes
from consumer.report.words import probabilities
from shared_spec.artifacts.bundle_documents import SpecEntry
from shared_spec.artifacts.certificate import Claim
from shared_spec.statements import words_of
from shared_spec.terms import Similar, Statement, ViewName

__all__ = ["Lead", "lead_of", "lead_view", "similar_words"]


@dataclass(frozen=True)
class Lead:
    """What leads the page.

    Attributes:
        view: of which view it speaks.
        headline: how many, and of what.
        outcomes: what is known of whom.
        explained: what each of the three outcomes means, in their order.
        caveats: what has to stand beside the headline.
    """

    view: str
    headline: str
    outcomes: Outcomes
    explained: tuple[tuple[str, str], ...]
    caveats: tuple[str, ...]

    @property
    def bar(self) -> tuple[tuple[str, float, float], ...]:
        """The parts of a bar 1000 wide that stand for somebody: whom, from where, how wide."""
        total, start, parts = self.outcomes.total, 0, []
        for name in ("fair", "unfair", "unknown"):
            count = getattr(self.outcomes, name)
            if count:
                parts.append((name, round(1000 * start / total, 1), round(1000 * count / total, 1)))
            start += count
        return tuple(parts)


def lead_view(views: Mapping[str, object]) -> str:
    """The view that leads: the exact one where there is one, for it speaks of all similar people at once."""
    return ViewName.EXACT if ViewName.EXACT in views else min(views)


def lead_of(view: str, claim: Claim, outcomes: Outcomes) -> Lead:
    """The lead about a claim whose rows have these outcomes."""
    certain = claim.alpha_per_individual == 0
    return Lead(
        view=view,
        headline=_headline(claim, certain),
        outcomes=outcomes,
        explained=_explained(claim, certain),
        caveats=probabilities(claim) if claim.certified else (),
    )


def _headline(claim: Claim, certain: bool) -> str:
    n, k = claim.individuals, claim.certified
    plain = words_of(claim.statement).plain
    verb = "it is proved" if certain else "it is certified"
    who = {0: f"none of the {n}", n: f"all {n}"}.get(k, f"{k} of {n}")
    return f"For {who} people {verb} that {plain}."


def _explained(claim: Claim, certain: bool) -> tuple[tuple[str, str], ...]:
    if claim.statement in (Statement.D, Statement.PAPER):
        fair = "A similar person gets the same decision, or none; this holds for each by itself."
    else:
        fair = "Everyone who counts as similar gets the same decision."
    return (
        ("Proven fair" if certain else "Certified fair", fair),
        ("Proven unfair", "Somebody who counts as similar gets another decision."),
        ("Unknown", "Neither was shown; it may be either."),
    )


def similar_words(spec: SpecEntry) -> tuple[str, str]:
    """Who counts as similar, for a reader without the terms: before and after the names of the attributes."""
    several = len(spec.attributes) > 1
    match spec.similar:
        case Similar.COUNTERPARTS:
            return (
                "Two people count as similar here if the data set itself shows one person with a change of ",
                f"{', in one of them at a time' if several else ''}; and so does everything that a straight line"
                " between neighbouring ones of these pictures passes through in the regulator's image model.",
            )
        case Similar.EDITS:
            return (
                "Somebody counts as similar to a person here if the picture is that person's after an edit of ",
                f"{', of one alone or of several equally strong' if several else ''}, at the strengths that the"
                f" regulator's spec lists, up to {spec.epsilon:g} times its edit; and so does whatever lies between"
                " neighbouring ones of these pictures in the regulator's image model.",
            )
        case _:
            return (
                "Two people count as similar here if one becomes the other when the regulator's image model changes ",
                f", by no more than the limit that the regulator set (ε = {spec.epsilon:g}).",
            )
