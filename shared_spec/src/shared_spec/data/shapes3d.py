"""3D Shapes (Burgess and Kim, 2018): every combination of six factors, so the truly similar images are known.

Expected: the official `3dshapes.h5` with `images` (uint8 [n, 64, 64, 3]) and `labels` (float64 [n, 6]), n = 480,000;
a file with fewer of its rows serves as well. Images are read by slices of consecutive rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from shared_spec.data.counterparts import CounterpartSet
from shared_spec.data.files import sha256_of
from shared_spec.data.images import check_size, square
from shared_spec.data.shapes3d_file import (
    FACTORS,
    open_shapes3d,
    read_factor_codes,
    read_images,
)
from shared_spec.data.source import SPLITS, Source, UInt8Images
from shared_spec.data.splits import random_fifth
from shared_spec.errors import DataError
from shared_spec.rng import numpy_generator
from shared_spec.terms import Shown

__all__ = ["Shapes3D"]

_HUES_LOW, _ORIENTATIONS_LOW, _ORIENTATIONS_HIGH = 5, 7, 8


class Shapes3D(Source):
    """3D Shapes: columns floor_hue, wall_hue, object_hue (the paper's target), scale, shape, orientation.

    The images of a random fifth of all scenes are test (the paper's every 320th: 300 images), those of a random fifth
    of the rest valid, and what remains train: a scene is turned within its split, so that nobody who is tested is a
    counterpart in orientation of somebody in train (the paper draws images, not scenes). Test keeps every combination
    of factors. Train and valid keep only those of the paper's correlated set: object hues 0-4 with orientations 0-6,
    and 5-9 with 8-14. Sample ids are the rows of the file.

    Args:
        file: `3dshapes.h5`.
        size: Side of the square images, in pixels.
        correlated: Whether train and valid are so restricted; without, they keep every combination.
        split_seed: Seed of the random split.

    Raises:
        SettingsError: if h5py is not installed.
        DataError: if the file is missing, no HDF5 file, without the two arrays, or with labels that are no factor's.
    """

    shown = Shown.RENDERED

    def __init__(
        self, file: Path | str, size: int, correlated: bool = True, split_seed: int = 0
    ) -> None:
        self.uri = "shapes3d"
        self.size = check_size(size)
        self.classes = {name: tuple(f"{v:.4g}" for v in values) for name, values in FACTORS.items()}
        self._file = Path(file)
        self._settings = {"correlated": int(correlated), "split_seed": split_seed, "of": "scenes"}
        with open_shapes3d(self._file) as opened:
            self._codes = read_factor_codes(self._file, opened)
        self._rows = self._split(correlated, split_seed)
        self._ids: dict[str, tuple[str, ...]] = {}

    def _split(self, correlated: bool, seed: int) -> dict[str, npt.NDArray[np.int64]]:
        """Per split the rows of the file, ascending."""
        names = list(FACTORS)
        shape = [len(FACTORS[name]) for name in names if name != "orientation"]
        codes = np.delete(self._codes, names.index("orientation"), axis=1)
        scenes, scene = np.unique(np.ravel_multi_index(tuple(codes.T), shape), return_inverse=True)
        tested = random_fifth(len(scenes), numpy_generator(seed, "shapes3d test split"))
        validated = np.zeros(len(scenes), dtype=np.bool_)
        rest = np.flatnonzero(~tested)
        validated[rest[random_fifth(len(rest), numpy_generator(seed, "shapes3d valid split"))]] = (
            True
        )
        test, valid = tested[scene], validated[scene]
        low_hue = self._codes[:, names.index("object_hue")] < _HUES_LOW
        orientation = self._codes[:, names.index("orientation")]
        kept = np.where(
            low_hue, orientation < _ORIENTATIONS_LOW, orientation >= _ORIENTATIONS_HIGH
        ) | (not correlated)
        train = ~test & ~valid
        return {
            split: np.flatnonzero(marked)
            for split, marked in zip(SPLITS, (train & kept, valid & kept, test), strict=True)
        }

    def _split_rows(self, split: str) -> npt.NDArray[np.int64]:
        rows = self._rows[self.check_split(split)]
        if not len(rows):
            raise DataError(
                f"{self._file}: split {split} is empty; expected at least one image; take the official file"
            )
        return rows

    def sample_ids(self, split: str) -> Sequence[str]:
        """`000000` to `479999`: the images' rows in the file. Raises DataError for an unknown or empty split."""
        if split not in self._ids:
            self._ids[split] = tuple(f"{row:06d}" for row in self._split_rows(split).tolist())
        return self._ids[split]

    def labels(self, split: str, name: str) -> npt.NDArray[np.int64]:
        """Codes of a factor, shape [n], in the order of its values. Raises DataError for unknown names."""
        self.check_column(name)
        column = list(FACTORS).index(name)
        return np.asarray(self._codes[self._split_rows(split), column], dtype=np.int64)

    def images(self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> UInt8Images:
        """These rows' images, [len(rows), 3, size, size]. Raises DataError for an unknown split or row."""
        return self._read(self._positions(split, rows))

    def similar(self, split: str, row: int, attribute: str = "orientation") -> UInt8Images:
        """The images of `counterparts`, in the order of the factor's values (15 orientations)."""
        return self.counterparts(split, row, attribute).images

    @property
    def counterpart_attributes(self) -> tuple[str, ...]:
        """All six factors."""
        return tuple(FACTORS)

    def counterpart_rows(self, split: str, attribute: str) -> npt.NDArray[np.int64]:
        """As `Counterparts.counterpart_rows`: the positions of the whole split."""
        self.check_column(attribute)
        return np.arange(len(self._split_rows(split)))

    def counterparts(self, split: str, row: int, attribute: str) -> CounterpartSet:
        """As `Counterparts.counterparts`: all values of one factor, the other five as in this individual.

        Raises:
            DataError: for an unknown split, row or factor, or if the file lacks one of the images.
        """
        known = self.check_column(attribute)
        (position,) = self._positions(split, [row])
        column = list(FACTORS).index(attribute)
        codes = np.tile(self._codes[position], (len(known), 1))
        codes[:, column] = np.arange(len(known))
        ordered = self._row_of[tuple(codes.T)]
        if ordered.min() < 0:
            raise DataError(
                f"{self._file}: row {position} has {(ordered >= 0).sum()} images that differ in {attribute} alone; "
                f"expected one for each of its {len(known)} values; take the official file"
            )
        own = int(self._codes[position, column])
        values = np.array(FACTORS[attribute])
        return CounterpartSet(self._read(ordered), values, own, float(values[own]))

    @cached_property
    def _row_of(self) -> npt.NDArray[np.int64]:
        """The row of the file that shows each combination of the factors' codes; -1 for none."""
        rows = np.full([len(values) for values in FACTORS.values()], -1, dtype=np.int64)
        rows[tuple(self._codes.T)] = np.arange(len(self._codes))
        if (rows >= 0).sum() != len(self._codes):
            raise DataError(
                f"{self._file}: shows one combination of the factors twice; take the official file"
            )
        return rows

    def digest(self) -> str:
        """SHA-256 over size, settings and the file, which is read once, on the first call."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        try:
            content = sha256_of(self._file)
        except OSError as error:
            raise DataError(f"{self._file}: {error.strerror}; restore the file") from None
        state = {"kind": self.uri, "size": self.size, "settings": self._settings, "file": content}
        return f"sha256:{hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()}"

    def _positions(
        self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """The rows of the file; raises DataError unless each is a row of the split."""
        return self._split_rows(split)[self.check_rows(split, rows)]

    def _read(self, file_rows: npt.NDArray[np.int64]) -> UInt8Images:
        """Images of these rows of the file, in this order; each run of consecutive rows is one read."""
        unique, back = np.unique(file_rows, return_inverse=True)
        images = np.empty((len(unique), 3, self.size, self.size), dtype=np.uint8)
        if not len(unique):
            return images
        with open_shapes3d(self._file) as opened:
            done = 0
            for run in np.split(unique, np.flatnonzero(np.diff(unique) > 1) + 1):
                for image in read_images(self._file, opened, int(run[0]), int(run[-1]) + 1):
                    images[done] = square(Image.fromarray(image), self.size)
                    done += 1
        return images[back]
