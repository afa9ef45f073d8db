"""From an image file to a square array: decode, centre crop, resize; and what to say when the file is no image.

Every reader of image files goes through here, so that the flow, the producer and a third party who audits them see
the same pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from shared_spec.data.files import foreign_content, open_regular
from shared_spec.data.source import UInt8Images
from shared_spec.errors import DataError, SettingsError

__all__ = [
    "MAX_IMAGE_BYTES",
    "MAX_PIXELS",
    "check_size",
    "decode_images",
    "foreign_content",
    "load_square",
    "square",
]

MAX_PIXELS = 64 * 10**6
"""An image with more pixels is refused before it is decoded: a small file can hold gigabytes of one colour."""

MAX_IMAGE_BYTES = 256 * 2**20
"""A longer image file is refused before it is read."""

_PNG = b"\x89PNG\r\n\x1a\n"
# Pillow tries decoders for some forty formats, some of which start other programs; photographs need these alone.
_DECODERS: dict[bytes, type[ImageFile]] = {
    b"\xff\xd8\xff": JpegImageFile,
    _PNG: PngImageFile,
    b"RIFF": WebPImageFile,
    b"BM": BmpImageFile,
}
_PNG_TYPE, _PNG_SIZES, _PNG_DEPTH = 12, 16, 24
"""Where a PNG names its header, and says how many bits a channel has; Pillow reads 16 as 8 without a word."""


class _Refused(Exception):
    """A sound image that is not served, with the reason."""


def check_size(size: int) -> int:
    """`size` itself; raises SettingsError unless it is the side of an image, 1 to 4096 pixels."""
    if not 1 <= size <= 4096:
        raise SettingsError(f"image size {size}: expected a side of 1 to 4096 pixels")
    return size


def square(image: Image.Image, size: int) -> UInt8Images:
    """The largest centred square of an RGB image at `size` pixels, shape [3, size, size].

    Resized with Lanczos' filter, which averages when it shrinks; an image that is of this size already keeps its
    exact pixels. When the margins are odd, the larger one is on the right and at the bottom.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if image.size != (side, side):
        image = image.crop((left, top, left + side, top + side))
    if side != size:
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8).transpose(2, 0, 1))


def load_square(path: Path, size: int) -> UInt8Images:
    """The image file's largest centred square at `size` pixels, RGB, shape [3, size, size].

    Turned as its EXIF orientation says; grey and palette images become RGB, transparency is dropped.

    Raises:
        DataError: naming the file, if it is missing, no regular file, truncated, a web page, deeper than 8 bits,
            larger than MAX_PIXELS or no image.
    """
    try:
        with open_regular(path) as file, _open_image(file) as opened:
            image = ImageOps.exif_transpose(opened)
            # By way of RGBA, since Pillow warns about palettes with transparency otherwise.
            if image.mode == "P":
                image = image.convert("RGBA")
            return square(image.convert("RGB"), size)
    except FileNotFoundError:
        raise DataError(
            f"{path}: image missing; restore the file, or remove it from the labels"
        ) from None
    except _Refused as reason:
        raise DataError(f"{path}: {reason}") from None
    except Exception as error:  # decoders of damaged bytes raise errors of many unrelated classes
        raise DataError(_why_unreadable(path, error)) from None


def _open_image(file: BinaryIO) -> ImageFile:
    """The image with its header read and none of its pixels; raises _Refused for one that must not be decoded."""
    size = file.seek(0, 2)
    if size > MAX_IMAGE_BYTES:
        raise _Refused(f"{size} bytes; expected at most {MAX_IMAGE_BYTES}; make the image smaller")
    file.seek(0)
    head = file.read(_PNG_DEPTH + 1)
    file.seek(0)
    decoder = next((found for magic, found in _DECODERS.items() if head.startswith(magic)), None)
    if decoder is None:
        raise ValueError("of another format")
    if head.startswith(_PNG):
        if head[_PNG_TYPE:_PNG_SIZES] != b"IHDR":
            raise ValueError("a PNG that does not begin with its header")
        if head[_PNG_DEPTH:] > b"\x08":
            raise _Refused("more than 8 bits per channel; expected 8; convert the image")
    try:
        image = decoder(file)
        too_large = image.width * image.height > MAX_PIXELS
    except (
        Image.DecompressionBombError
    ):  # some of Pillow's decoders allocate at once, so they look first
        too_large = True
    if too_large:
        raise _Refused(
            f"more than {MAX_PIXELS // 10**6} million pixels; expected fewer; make the image smaller"
        )
    return image


def _why_unreadable(path: Path, error: Exception) -> str:
    try:
        content = foreign_content(path)
    except OSError as failure:
        return (
            f"{path}: cannot be read ({failure.strerror}); expected an image file that may be read"
        )
    if content is not None:
        return f"{path}: {content}, not an image; download the file again"
    reason = " ".join(str(error).replace(str(path), "it").split())
    return (
        f"{path}: truncated, damaged or no image ({reason:.200}); "
        "expected JPEG, PNG, WEBP or BMP; restore the file from its original release"
    )


def decode_images(paths: Sequence[Path], size: int) -> UInt8Images:
    """These files' images, shape [len(paths), 3, size, size]. Raises DataError as `load_square`."""
    images = np.empty((len(paths), 3, size, size), dtype=np.uint8)
    for row, path in enumerate(paths):
        images[row] = load_square(path, size)
    return images
