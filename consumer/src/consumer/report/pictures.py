"""What a certificate's film strip shows, in words: beside the picture, and in its place for who cannot see it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from itertools import groupby

from shared_spec.artifacts.bundle_documents import SpecEntry
from shared_spec.artifacts.strip import Strip, StripRow
from shared_spec.terms import Shown, Similar

__all__ = ["Picture", "picture_of"]


@dataclass(frozen=True)
class Picture:
    """A film strip on the page.

    Attributes:
        data: the PNG, as a URI.
        width: in pixels.
        height: in pixels.
        alt: what it shows.
        steps: what stands under each column; nothing where that differs from row to row.
        caption: how to read it.
        rows: which rows move which attributes, where there are several.
        whose: why these people may be shown.
        licence: under which, if they are licensed; other people's words.
    """

    data: str
    width: int
    height: int
    alt: str
    steps: tuple[str, ...]
    caption: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    whose: str
    licence: str | None


def picture_of(strip: Strip, spec: SpecEntry) -> Picture:
    """The strip, and its words."""
    entry = strip.entry
    own = {row.own for row in entry.rows}
    alone = {len(row.attributes) for row in entry.rows} == {1}
    groups = [
        (names, [index for index, _ in found])
        for names, found in groupby(enumerate(entry.rows, 1), key=_moved)
    ]
    rows = tuple((_span(indices), names) for names, indices in groups)
    count = f"{len(entry.rows)} {'row' if len(entry.rows) == 1 else 'rows'}"
    moved = " and ".join(spec.attributes)
    return Picture(
        data=f"data:image/png;base64,{base64.b64encode(strip.content).decode()}",
        width=strip.width,
        height=strip.height,
        alt=(
            f"Film strip in {count} of {entry.steps} pictures: in each row one person, framed, beside pictures of the"
            f" same person with a change of {moved}, which count as similar."
        ),
        steps=_steps(entry.reach, own.pop()) if len(own) == 1 and alone else (),
        caption=_caption(spec),
        rows=rows if len(rows) > 1 else (),
        whose=_whose(entry.shown),
        licence=entry.licence,
    )


def _moved(numbered: tuple[int, StripRow]) -> tuple[str, ...]:
    return numbered[1].attributes


def _span(indices: list[int]) -> str:
    first, last = indices[0], indices[-1]
    return f"Row {first}" if first == last else f"Rows {first} to {last}"


def _steps(reach: tuple[float, ...], own: int) -> tuple[str, ...]:
    """How far each picture lies from the person, in the unit of epsilon."""
    signed = [f"{t:+.2g}".replace("-", "−") for t in reach]
    return tuple("person" if index == own else text for index, text in enumerate(signed))


def _caption(spec: SpecEntry) -> str:
    """What is beside whom; everything that is said is about the regulator's spec, nothing about who is certified."""
    match spec.similar:
        case Similar.COUNTERPARTS:
            made = "the pictures that the data set itself has of the same person"
        case Similar.EDITS:
            made = f"that picture edited, up to {spec.epsilon:g} times as strongly as the regulator's edit"
        case Similar.VECTORS:
            made = (
                "that person changed step by step by the regulator's image model, which drew them all, up to the limit"
                f" ε = {spec.epsilon:g}"
            )
    return (
        f"Each row is one person: framed, the person; beside it, {made}. All pictures of a row count as similar to the"
        " framed one, and so does what lies between them. They are examples of the rule; nothing is"
        " said here of the decisions on them. If somebody here does not look similar to you, ask the regulator."
    )


def _whose(shown: Shown) -> str:
    match shown:
        case Shown.DRAWN:
            return "These people were drawn by a program; nobody was photographed."
        case Shown.RENDERED:
            return "These pictures were rendered by a program; nobody was photographed."
        case Shown.LICENSED:
            return "Shown under a licence, in the words of whoever drew the strip:"
