"""The layout of `3dshapes.h5`: opening it, and its six factors as class codes."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shared_spec.data.files import foreign_content
from shared_spec.errors import DataError, SettingsError

if TYPE_CHECKING:
    import h5py

__all__ = ["FACTORS", "open_shapes3d", "read_factor_codes", "read_images"]

FACTORS: dict[str, tuple[float, ...]] = {
    "floor_hue": tuple(np.linspace(0, 0.9, 10).tolist()),
    "wall_hue": tuple(np.linspace(0, 0.9, 10).tolist()),
    "object_hue": tuple(np.linspace(0, 0.9, 10).tolist()),
    "scale": tuple(np.linspace(0.75, 1.25, 8).tolist()),
    "shape": (0.0, 1.0, 2.0, 3.0),
    "orientation": tuple(np.linspace(-30, 30, 15).tolist()),
}
"""Values of each factor as the official labels have them, in the order of the labels' columns."""

_TOLERANCE = 1e-4
_IMAGE_SHAPE = (64, 64, 3)
_ROWS = math.prod(map(len, FACTORS.values()))
_CHUNK_BYTES = 64 * 2**20
"""A chunk is read as a whole, so its size bounds what reading one image takes."""

_INFLATION = 1032
"""Bytes that deflate can make of one."""

_CHECKSUM = 4

_FAULTS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, zlib.error)
"""What h5py raises for damaged files, depending on where the damage is."""


def open_shapes3d(path: Path) -> h5py.File:
    """The opened file, checked to hold `images` and `labels` of the official types, themselves and not elsewhere.

    Raises:
        SettingsError: if h5py is not installed.
        DataError: if the file is missing, no regular file, empty, a web page, no HDF5 file or another one.
    """
    try:
        import h5py
    except ImportError:
        raise SettingsError(
            f"{path}: reading 3D Shapes needs h5py; install it with pip install 'lassi-shared-spec[shapes3d]'"
        ) from None
    try:
        content = foreign_content(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; expected the official 3dshapes.h5") from None
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); expected the official 3dshapes.h5"
        ) from None
    if content is not None:
        raise DataError(f"{path}: {content}, not an HDF5 file; download 3dshapes.h5 again")
    try:
        opened = h5py.File(path, "r")
    except _FAULTS as error:
        raise DataError(
            f"{path}: truncated or no HDF5 file ({_reason(error)}); download 3dshapes.h5 again"
        ) from None
    try:
        fault = _layout_fault(opened)
    except _FAULTS as error:
        fault = f"damaged ({_reason(error)})"
    if fault is not None:
        opened.close()
        raise DataError(f"{path}: {fault}; take the official 3dshapes.h5")
    return opened


def _reason(error: Exception) -> str:
    return f"{' '.join(str(error).split()):.200}"


def _layout_fault(opened: h5py.File) -> str | None:
    """What is not as in the official file, and what was expected; None if nothing is."""
    for name in ("images", "labels"):
        fault = _array_fault(opened, name)
        if fault is not None:
            return fault
    images, labels = opened["images"], opened["labels"]
    if images.dtype != np.uint8 or images.shape[1:] != _IMAGE_SHAPE:
        return f"images are {images.dtype} {images.shape}; expected uint8 [n, 64, 64, 3]"
    if not 0 < len(images) <= _ROWS:
        return f"{len(images)} images; expected 1 to {_ROWS}"
    if labels.dtype not in (np.float32, np.float64) or labels.shape != (len(images), len(FACTORS)):
        return f"labels are {labels.dtype} {labels.shape}; expected float64 [{len(images)}, 6]"
    return None


def _array_fault(opened: h5py.File, name: str) -> str | None:
    """Why `name` is no array whose numbers stand in this very file; None if it is one."""
    import h5py

    if name not in opened.keys():  # noqa: SIM118 - `in opened` follows links
        return f"no array {name!r}; expected images and labels"
    if not isinstance(opened.get(name, getlink=True), h5py.HardLink):
        return f"{name!r} is a link; expected the array itself"
    found = opened[name]
    if not isinstance(found, h5py.Dataset) or not found.shape:
        return f"no array {name!r}; expected images and labels"
    if found.is_virtual or found.external:
        return f"the numbers of {name!r} stand in other files; expected them in this one"
    if math.prod(found.chunks or ()) * found.dtype.itemsize > _CHUNK_BYTES:
        return f"{name!r} is stored in pieces of {found.chunks}; expected at most {_CHUNK_BYTES} bytes each"
    return _packing_fault(found, name)


def _packing_fault(found: h5py.Dataset, name: str) -> str | None:
    """What HDF5 would make too much of; None if its pieces become no more than they say.

    It inflates until the stream ends, however small a piece is said to be, and each further filter would multiply that.
    """
    import h5py

    made = found.id.get_create_plist()
    filters = [made.get_filter(number)[0] for number in range(made.get_nfilters())]
    known = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
    if len(set(filters)) != len(filters) or not known.issuperset(filters):
        return f"{name!r} is packed by the filters {filters}; expected gzip alone"
    if h5py.h5z.FILTER_DEFLATE not in filters:
        return None
    skipped = 1 << filters.index(h5py.h5z.FILTER_DEFLATE)
    large: list[h5py.h5d.StoreInfo] = []

    def look(stored: h5py.h5d.StoreInfo) -> None:
        if stored.size * _INFLATION > _CHUNK_BYTES and not stored.filter_mask & skipped:
            large.append(stored)

    found.id.chunk_iter(look)
    whole = math.prod(found.chunks) * found.dtype.itemsize + _CHECKSUM
    for stored in large:
        if stored.size > 2 * whole:
            return f"a piece of {name!r} is larger packed than it can be"
        packed = found.id.read_direct_chunk(stored.chunk_offset)[1]
        if len(zlib.decompressobj().decompress(packed, whole + 1)) > whole:
            return f"a piece of {name!r} holds more than it says"
    return None


def read_factor_codes(path: Path, opened: h5py.File) -> npt.NDArray[np.int16]:
    """Class codes of all rows, shape [n, 6]: the index of each label among its factor's values.

    Raises:
        DataError: naming the row and the factor, if a label is none of the factor's values.
    """
    try:
        labels = np.asarray(opened["labels"][:], dtype=np.float64)
    except _FAULTS as error:
        raise DataError(
            f"{path}: labels cannot be read ({_reason(error)}); download 3dshapes.h5 again"
        ) from None
    codes = np.empty(labels.shape, dtype=np.int16)
    for column, (name, values) in enumerate(FACTORS.items()):
        known = np.array(values)
        step = known[1] - known[0]
        # NaN must not reach the cast to integers, nor huge labels the division; any code will do, since the comparison
        # below refuses it.
        within = np.nan_to_num(np.clip(labels[:, column], known[0], known[-1]), nan=known[0])
        code = np.rint((within - known[0]) / step).astype(np.int16)
        right = np.abs(labels[:, column] - known[code]) <= _TOLERANCE
        if not right.all():
            row = int(np.argmin(right))
            raise DataError(
                f"{path}: row {row}: {name} {labels[row, column]:g} is no class; expected one of "
                f"{', '.join(f'{value:.4g}' for value in values)}; take the official file"
            )
        codes[:, column] = code
    return codes


def read_images(path: Path, opened: h5py.File, start: int, stop: int) -> npt.NDArray[np.uint8]:
    """The images of rows `start` to `stop` - 1, shape [n, 64, 64, 3]; raises DataError if they are damaged."""
    try:
        return np.asarray(opened["images"][start:stop], dtype=np.uint8)
    except _FAULTS as error:
        raise DataError(
            f"{path}: images {start} to {stop - 1} cannot be read ({_reason(error)}); "
            "the file is damaged; download it again"
        ) from None
