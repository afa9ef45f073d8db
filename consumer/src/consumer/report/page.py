"""From a certificate's document and rows to the bytes of report.html."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from consumer.report.axis import LogAxis, common_axis
from consumer.report.curve import BINS, draw_curve
from consumer.report.fares import fares_of
from consumer.report.figure import Figure, draw_scatter, scatter_points
from consumer.report.lead import lead_of, lead_view, similar_words
from consumer.report.outcomes import Outcomes
from consumer.report.pictures import picture_of
from consumer.report.reality import interval, reality_lines
from consumer.report.tally import ClassRow, ReasonCount, Share, class_table, count_reasons
from consumer.report.unchecked import not_checked
from consumer.report.words import meaning, probabilities, similarity, verdict
from consumer.tally import Tally
from shared_spec.artifacts.certificate import REPORT, CertificateDocument, Claim
from shared_spec.artifacts.strip import Strip
from shared_spec.statements import REALITY
from shared_spec.terms import Status
from shared_spec.trust.seeds import FREE_SEED, seed_words
from shared_spec.trust.verification import origin_words

__all__ = ["REPORT", "render_report"]


@dataclass(frozen=True)
class _View:
    """What the page says about one view: the claim beside what is counted on that view's own rows."""

    name: str
    claim: Claim
    verdict: str
    meaning: str
    probabilities: tuple[str, ...]
    share: Share
    outcomes: Outcomes
    labelled: int
    counts: list[tuple[str, int]]
    reasons: list[ReasonCount]
    classes: list[ClassRow]
    figure: Figure | None
    curve: str | None
    certified_at_half: int


def render_report(
    document: CertificateDocument, tallies: Mapping[str, Tally], strip: Strip | None = None
) -> bytes:
    """The page, in UTF-8.

    Reads neither the document's `files` nor its `content_digest`: both cover the page. Names of classes, attributes
    and the like are other people's text and are escaped.

    Args:
        document: what is claimed.
        tallies: per view, of its rows.
        strip: the film strip, if the certificate has one.
    """
    points = [point for tally in tallies.values() for point in scatter_points(tally.sample)]
    # One axis for all views, so that their figures can be compared by eye.
    axis = common_axis(distance for point in points for distance in (point.d_cs, point.d_rs))
    views = [
        _view(name, claim, document, tallies[name], axis)
        for name, claim in sorted(document.claims.items())
    ]
    chosen = lead_view(document.claims)
    leading = next(view for view in views if view.name == chosen)
    text = _template().render(
        document=document,
        views=views,
        leading=leading,
        lead=lead_of(chosen, leading.claim, leading.outcomes),
        similar=similar_words(document.spec),
        picture=None if strip is None else picture_of(strip, document.spec),
        unchecked=not_checked(document),
        reality=[
            (check, [(group, found, interval(found)) for group, found in reality_lines(check)])
            for check in document.reality
        ],
        reality_words=REALITY,
        fares=[
            found
            for table in document.groups
            if (found := fares_of(table, chosen, document.head.classes)) is not None
        ],
        similarity=similarity(document.spec),
        origin=origin_words(document.origin),
        free_seed=FREE_SEED,
        seed=seed_words(document.commitment),
        settings=[
            (key.replace("_", " "), _setting(value))
            for key, value in sorted(dict(document.head.settings).items())
        ],
        drawn=any(view.claim.alpha_per_individual > 0 for view in views),
        sampled=any(view.claim.radius_method.sampled for view in views),
    )
    return text.encode()


def _view(
    name: str,
    claim: Claim,
    document: CertificateDocument,
    tally: Tally,
    axis: LogAxis,
) -> _View:
    points = scatter_points(tally.sample)
    return _View(
        name=name,
        claim=claim,
        verdict=verdict(claim),
        meaning=meaning(claim),
        probabilities=probabilities(claim),
        share=Share(claim.certified, claim.individuals),
        outcomes=tally.outcomes,
        labelled=tally.groups.total() - tally.count(label=""),
        counts=[(status, claim.counts[status]) for status in Status],
        reasons=count_reasons(tally.groups),
        classes=class_table(tally.groups, document.head.classes),
        figure=draw_scatter(points, axis, len(tally.sample), claim.individuals) if points else None,
        curve=draw_curve(tally.epsilons) if tally.epsilons.says_more else None,
        certified_at_half=tally.epsilons.certified[BINS // 2 - 1],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("consumer.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = _percent
    return environment.get_template("page.html")


def _percent(fraction: float | None) -> str:
    return "unknown" if fraction is None else f"{100 * fraction:.1f}%"


def _setting(value: float | int | str | bool) -> str:
    """As text; 1.0, which is read back from JSON as 1, is the same text."""
    if isinstance(value, bool | str):
        return str(value)
    return str(int(value)) if value == int(value) else repr(value)
