"""From an image file to a square array: decode, centre crop, resize; and what to say when the file is no image.

Every reader of image files goes through here, so that the flow, the producer and a third party who audits them see
the same pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from shared_spec.data.source import UInt8Images
from shared_spec.errors import DataError, SettingsError

__all__ = ["check_size", "decode_images", "foreign_content", "load_square", "square"]

# Pillow tries decoders for some forty formats, some of which start other programs; photographs need these alone.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
_DEEP_MODES = ("I", "F")
_HEAD_BYTES = 1024


def check_size(size: int) -> int:
    """`size` itself; raises SettingsError unless it is the side of an image, 1 to 4096 pixels."""
    if not 1 <= size <= 4096:
        raise SettingsError(f"image size {size}: expected a side of 1 to 4096 pixels")
    return size


def foreign_content(path: Path) -> str | None:
    """What stands in the file in place of data, or None: "is empty", "is a web page", "is a Git LFS pointer".

    Download sites answer with a page (a quota, a virus warning, a login) that clients save under the name of the
    image or archive that was asked for. Raises OSError if the file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        return "is empty"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<") and any(
        tag in text for tag in (b"<html", b"<!doctype html", b"<head")
    ):
        return "is a web page"
    if text.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer"
    return None


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
        DataError: naming the file, if it is missing, truncated, a web page, deeper than 8 bits or no image.
    """
    try:
        with Image.open(path, formats=_FORMATS) as file:
            deep = file.mode.startswith(_DEEP_MODES)
            image = ImageOps.exif_transpose(file)
            # By way of RGBA, since Pillow warns about palettes with transparency otherwise.
            image = (
                image.convert("RGBA").convert("RGB") if image.mode == "P" else image.convert("RGB")
            )
    except FileNotFoundError:
        raise DataError(
            f"{path}: image missing; restore the file, or remove it from the labels"
        ) from None
    except Exception as error:  # decoders of damaged bytes raise errors of many unrelated classes
        raise DataError(_why_unreadable(path, error)) from None
    if deep:
        raise DataError(f"{path}: more than 8 bits per channel; expected 8; convert the image")
    return square(image, size)


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
        f"{path}: truncated, damaged or no image ({reason}); "
        f"expected {', '.join(_FORMATS)}; restore the file from its original release"
    )


def decode_images(paths: Sequence[Path], size: int) -> UInt8Images:
    """These files' images, shape [len(paths), 3, size, size]. Raises DataError as `load_square`."""
    images = np.empty((len(paths), 3, size, size), dtype=np.uint8)
    for row, path in enumerate(paths):
        images[row] = load_square(path, size)
    return images
