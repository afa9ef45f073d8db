"""strip.png: a film strip of the spec's similarity sets that may be shown to anybody, and what it says of itself.

Who counts as similar is understood at a glance, or not at all; so a certificate may hold the regulator's picture of it.
Only pictures that show no person unasked are drawn for that: people who never were, or people under a licence.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from shared_spec.artifacts.bundle_documents import Names, SpecEntry
from shared_spec.artifacts.canonical import canonical_json, parse_json
from shared_spec.artifacts.document import Digest, Name, Strict, first_fault
from shared_spec.artifacts.png import parse_png
from shared_spec.artifacts.reading import read_regular
from shared_spec.errors import ArtifactError
from shared_spec.terms import Shown

__all__ = [
    "MOST_ROWS",
    "MOST_STEPS",
    "STRIP",
    "Strip",
    "StripEntry",
    "StripRow",
    "parse_strip",
    "read_strip",
]

STRIP = "strip.png"
"""Name of the file in a certificate."""

MOST_ROWS, MOST_STEPS = 24, 15
"""Beyond these nobody sees anything on a page."""

_BYTES = 2 * 2**20


class StripRow(Strict):
    """One person's pictures: which attributes are moved, together if several, and which picture is the person."""

    attributes: Names = Field(min_length=1)
    own: int = Field(ge=0)


class StripEntry(Strict):
    """What a film strip shows; stands in the picture itself and in the certificate that holds it."""

    media_type: Literal["application/vnd.lassi.film-strip.v1+png"] = (
        "application/vnd.lassi.film-strip.v1+png"
    )
    spec_digest: Digest
    shown: Shown
    licence: Name | None
    """Under which the pictures may be shown, in the words of whoever drew the strip; null unless they are licensed."""
    steps: int = Field(ge=2, le=MOST_STEPS)
    """Pictures of each row; all are squares of one size."""
    reach: Annotated[tuple[float, ...], Field(max_length=MOST_STEPS)]
    """Along vectors and edits, t of each picture of a row of one attribute; else empty."""
    rows: Annotated[tuple[StripRow, ...], Field(min_length=1, max_length=MOST_ROWS)]

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if (self.shown == Shown.LICENSED) != (self.licence is not None):
            raise ValueError("pictures are licensed if and only if there is a licence")
        if self.reach and len(self.reach) != self.steps:
            raise ValueError(f"{len(self.reach)} steps of t for {self.steps} pictures")
        if any(row.own >= self.steps for row in self.rows):
            raise ValueError("the individual is none of the pictures of its row")
        return self

    def to_bytes(self) -> bytes:
        """The comment of the picture."""
        return canonical_json(self.model_dump(mode="json"))

    def check_of(self, spec: SpecEntry) -> None:
        """Raises ValueError unless it was drawn of this spec and of its attributes."""
        if self.spec_digest != spec.digest:
            raise ValueError(f"it shows the spec {self.spec_digest}, not {spec.digest}")
        for row in self.rows:
            if stray := set(row.attributes) - set(spec.attributes):
                raise ValueError(f"it shows {min(stray)!r}, which is no attribute of the spec")


@dataclass(frozen=True)
class Strip:
    """A film strip that was checked.

    Attributes:
        entry: what it says of itself.
        content: the file.
        width: in pixels.
        height: in pixels.
    """

    entry: StripEntry
    content: bytes
    width: int
    height: int

    def require_of(self, spec: SpecEntry) -> None:
        """Raises ArtifactError unless it shows this spec."""
        try:
            self.entry.check_of(spec)
        except ValueError as error:
            raise ArtifactError(
                f"the film strip: {error}; draw it of the spec of this bundle"
            ) from None


def parse_strip(content: bytes, where: str) -> Strip:
    """The film strip in a file's bytes.

    Raises:
        ArtifactError: it is none, or larger than 2 MiB, or says of itself what cannot be.
    """
    if len(content) > _BYTES:
        raise ArtifactError(
            f"{where}: has {len(content)} bytes; expected at most {_BYTES}; draw fewer rows"
        )
    png = parse_png(content, where)
    try:
        stated = parse_json(png.comment, where)
        entry = StripEntry.model_validate_json(canonical_json(stated), strict=True)
    except ValidationError as error:
        raise ArtifactError(
            f"{where}: {first_fault(error)}; draw it again with this release"
        ) from error
    if png.width % entry.steps or png.width * len(entry.rows) != png.height * entry.steps:
        raise ArtifactError(f"{where}: its pictures are not as many as it says; ask for it again")
    return Strip(entry, content, png.width, png.height)


def read_strip(path: Path) -> Strip:
    """The film strip in a file. Raises ArtifactError as `parse_strip` does."""
    return parse_strip(read_regular(path, _BYTES), str(path))
