"""PNG files of strangers, checked without being drawn: whatever a browser will decode has been looked at before.

Only what a picture of ours needs is let through: eight bits of red, green, blue and alpha, one comment of ours, pixels.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from shared_spec.errors import ArtifactError

__all__ = ["COMMENT", "MOST_SIDE", "Png", "parse_png"]

MOST_SIDE = 4096
"""Most pixels of a side."""

COMMENT = "lassi"
"""Keyword of the comment, in UTF-8."""

_MAGIC = b"\x89PNG\r\n\x1a\n"
_SOFTWARE = b"Software\0LASSI"
_COMMENT_HEAD = (
    COMMENT.encode() + b"\0\0\0\0\0"
)  # not compressed, no language, no translated keyword
_RGBA = bytes([8, 6, 0, 0, 0])  # bits, colour type, and one way each to compress, filter and order
_FILTERS = 4


@dataclass(frozen=True)
class Png:
    """What is in a picture that was checked: its sides in pixels, and its comment."""

    width: int
    height: int
    comment: bytes


def parse_png(content: bytes, where: str) -> Png:
    """Checks a picture down to its last byte, and reads its comment.

    Raises:
        ArtifactError: it is no PNG of 8-bit RGBA with the parts that ours have, in their order and whole.
    """
    try:
        header, software, comment, *pixels, end = _chunks(content)
        _need(
            [header[0], software, comment[0], end]
            == [b"IHDR", (b"tEXt", _SOFTWARE), b"iTXt", (b"IEND", b"")]
        )
        _need(comment[1].startswith(_COMMENT_HEAD) and all(kind == b"IDAT" for kind, _ in pixels))
        _need(len(header[1]) == 13 and header[1][8:] == _RGBA)
        width, height = (int.from_bytes(header[1][at : at + 4]) for at in (0, 4))
        _need(0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE)
        _check_pixels(b"".join(data for _, data in pixels), width, height)
    except (ValueError, zlib.error) as error:
        why = f" ({error})" if str(error) else ""
        raise ArtifactError(
            f"{where}: is no picture as `regulator preview --for-report` writes them{why}; ask for it again"
        ) from None
    return Png(width, height, comment[1].removeprefix(_COMMENT_HEAD))


def _need(condition: bool) -> None:
    if not condition:
        raise ValueError


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and data of each part; the file is nothing else."""
    _need(content.startswith(_MAGIC))
    found, at = [], len(_MAGIC)
    while at < len(content):
        length, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        data = content[at + 8 : at + 8 + length]
        check = content[at + 8 + length : at + 12 + length]
        _need(len(check) == 4 and int.from_bytes(check) == zlib.crc32(kind + data))
        found.append((kind, data))
        at += 12 + length
    _need(len(found) >= 5)
    return found


def _check_pixels(packed: bytes, width: int, height: int) -> None:
    """Raises ValueError unless these are the filtered lines of so many pixels, and nothing follows them."""
    line = 1 + 4 * width
    unpacking = zlib.decompressobj()
    lines = unpacking.decompress(packed, height * line + 1)
    _need(len(lines) == height * line and unpacking.eof and not unpacking.unused_data)
    _need(max(lines[::line]) <= _FILTERS)
