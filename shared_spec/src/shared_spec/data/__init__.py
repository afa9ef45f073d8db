"""Data sets behind one interface, opened by a URI such as `portraits` or `fairface:DIR`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from shared_spec.data.source import SPLITS, Source, UInt8Images
from shared_spec.errors import SettingsError

__all__ = ["SPLITS", "Source", "UInt8Images", "open_source"]

_READERS = {
    "portraits": "Portraits",
    "fairface": "FairFace",
    "celeba": "CelebA",
    "shapes3d": "Shapes3D",
    "folder": "Folder",
}


def open_source(data: str | Source, size: int) -> Source:
    """The data set that `data` names, at `size` × `size` pixels; one that is open already is passed on.

    Args:
        data: `portraits[:OPTIONS]`, `fairface:DIR`, `celeba:DIR`, `shapes3d:FILE.h5` or `folder:DIR`, or a source.
        size: Side of the square images, in pixels.

    Raises:
        SettingsError: for an unknown scheme, a missing place, or a size that the data set does not have.
        DataError: if the files are missing or not as the data set's layout has them.
    """
    if isinstance(data, Source):
        if data.size != size:
            raise SettingsError(f"data set {data.uri}: has {data.size} pixels; open it with {size}")
        return data
    scheme, _, place = data.partition(":")
    if scheme not in _READERS:
        raise SettingsError(
            f"data set {data!r}: unknown kind {scheme!r}; expected portraits, fairface:DIR, celeba:DIR, "
            "shapes3d:FILE.h5 or folder:DIR"
        )
    if scheme != "portraits" and not place:
        raise SettingsError(f"data set {data!r}: names no place; expected {scheme}:PATH")
    # Imported on demand: a reader's libraries (Pillow, h5py) are needed by that reader alone.
    reader = getattr(import_module(f"shared_spec.data.{scheme}"), _READERS[scheme])
    return cast(Source, reader(data if scheme == "portraits" else Path(place), size))
