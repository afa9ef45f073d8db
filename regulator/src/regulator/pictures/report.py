"""The film strip that a certificate holds: pictures alone, for a page that says in words what they show."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from shared_spec.artifacts.png import COMMENT, MOST_SIDE
from shared_spec.artifacts.strip import MOST_ROWS, MOST_STEPS, StripEntry, StripRow
from shared_spec.errors import SettingsError
from shared_spec.strips import Strip
from shared_spec.terms import Shown, Similar

__all__ = ["draw_for_report"]

_CELL, _MARGIN, _FRAME = 112, 5, 3
"""Pixels: about what a picture is enlarged to, what is left free around it, and how much of that frames the person."""

_ELSEWHERE = "this spec's chains do not fit on one; look at them without `for_report`"

_INK = (0, 114, 178, 255)  # seen on white and on black


def draw_for_report(
    strips: Sequence[Strip],
    spec_digest: str,
    similar: Similar,
    shown: Shown,
    licence: str | None,
) -> bytes:
    """A PNG with a row per strip, all cells as large as each other, the ground between them transparent.

    Args:
        strips: of as many pictures each.
        spec_digest: of the spec that they show.
        similar: what the similar people of the spec are found along.
        shown: why the pictures may be shown to anybody.
        licence: under which, if they are licensed.

    Raises:
        SettingsError: more rows or pictures than a page can show.
    """
    steps, side = len(strips[0].t), strips[0].images.shape[-1]
    scale = max(1, round(_CELL / side))
    cell = scale * side + 2 * _MARGIN
    if steps > MOST_STEPS or steps * cell > MOST_SIDE:
        fewer = "choose fewer `points`" if similar == Similar.VECTORS else _ELSEWHERE
        raise SettingsError(f"{steps} pictures beside each other are too many for a page; {fewer}")
    if len(strips) > MOST_ROWS or len(strips) * cell > MOST_SIDE:
        several = len({strip.sample_id for strip in strips}) > 1
        fewer = "choose fewer `individuals`" if several else _ELSEWHERE
        raise SettingsError(f"{len(strips)} rows are too many for a page; {fewer}")
    page = np.zeros((len(strips) * cell, steps * cell, 4), dtype=np.uint8)
    for row, strip in enumerate(strips):
        for column, image in enumerate(strip.images):
            at = page[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]
            _place(at, image, scale, framed=column == strip.own)
    entry = StripEntry(
        spec_digest=spec_digest,
        shown=shown,
        licence=licence,
        steps=steps,
        reach=() if similar == Similar.COUNTERPARTS else tuple(strips[0].t.tolist()),
        rows=tuple(StripRow(attributes=strip.attributes, own=strip.own) for strip in strips),
    )
    return _png(page, entry)


def _place(
    cell: npt.NDArray[np.uint8], image: npt.NDArray[np.uint8], scale: int, *, framed: bool
) -> None:
    if framed:
        cell[:, :] = _INK
        cell[_FRAME:-_FRAME, _FRAME:-_FRAME] = 0
    inside = cell[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    inside[..., :3] = image.transpose(1, 2, 0).repeat(scale, 0).repeat(scale, 1)
    inside[..., 3] = 255


def _png(page: npt.NDArray[np.uint8], entry: StripEntry) -> bytes:
    info = PngInfo()
    info.add_text("Software", "LASSI")
    info.add_itxt(COMMENT, entry.to_bytes().decode())
    file = io.BytesIO()
    Image.fromarray(page).save(file, "PNG", optimize=True, pnginfo=info)
    return file.getvalue()
