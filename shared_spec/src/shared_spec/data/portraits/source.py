"""The source of portraits: who is in which split, with which labels, and the true similar individuals of a person.

Sensitive attributes with CelebA's names (Pale_Skin, Young, Blond_Hair, Heavy_Makeup) are continuous factors here, and
`similar` renders the true similar individuals of a person: the same face with that one factor moved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from shared_spec.data.counterparts import CounterpartSet
from shared_spec.data.portraits.draw import draw
from shared_spec.data.portraits.factors import FACTORS, LABELS, People, draw_people
from shared_spec.data.source import SPLITS, Source, UInt8Images
from shared_spec.errors import DataError, SettingsError
from shared_spec.terms import Shown

__all__ = ["Portraits"]

_DRAWING = 1
"""Raise whenever a change of the code changes a drawn image or a label."""

_DEFAULTS = {"train": 20_000, "valid": 2_000, "test": 2_000, "seed": 0}
_SIZES = (32, 64)
_MOST, _DIGITS = 10_000_000, 15


def _parse(uri: str) -> dict[str, int]:
    """The options of `portraits` or `portraits:train=N,valid=N,test=N,seed=S`, defaults filled in."""
    scheme, _, text = uri.partition(":")
    if scheme != "portraits":
        raise SettingsError(f"{uri}: not a portraits data set; expected portraits[:train=N,seed=S]")
    options = dict(_DEFAULTS)
    for part in text.split(",") if text else ():
        key, _, value = part.partition("=")
        digits = value.isascii() and value.isdigit() and len(value) <= _DIGITS
        most = 10**_DIGITS if key == "seed" else _MOST
        if key not in options or not digits or int(value) > most:
            raise SettingsError(
                f"{uri:.200}: bad option {part!r:.80}; expected NAME=NUMBER, at most {most}, NAME one of "
                f"{', '.join(options)}"
            )
        options[key] = int(value)
    for split in SPLITS:
        if options[split] < 1:
            raise SettingsError(f"{uri}: {split} holds no individual; expected {split}=1 or more")
    return options


class Portraits(Source):
    """Portraits of 32 or 64 pixels; each image is a pure function of the seed, the split and the row.

    Args:
        uri: `portraits`, optionally with `:train=N,valid=N,test=N,seed=S` (20,000, 2,000, 2,000 and 0 unless given).
            The first rows of a split are the same whatever its size.
        size: 32 or 64.

    Raises:
        SettingsError: for an unknown option or size.
    """

    shown = Shown.DRAWN

    def __init__(self, uri: str = "portraits", size: int = 32) -> None:
        self._options = _parse(uri)
        if size not in _SIZES:
            raise SettingsError(f"{uri}: no size {size}; portraits are drawn at 32 or 64 pixels")
        self.uri = uri
        self.size = size
        self.classes = {name: ("no", "yes") for name in LABELS}
        self._people: dict[str, People] = {}

    def _split(self, split: str) -> People:
        self.check_split(split)
        if split not in self._people:
            options = self._options
            self._people[split] = draw_people(options["seed"], split, options[split])
        return self._people[split]

    def sample_ids(self, split: str) -> Sequence[str]:
        """`train-000000`, `train-000001`, …; raises DataError for an unknown split."""
        self.check_split(split)
        return [f"{split}-{row:06d}" for row in range(self._options[split])]

    def labels(self, split: str, name: str) -> npt.NDArray[np.int64]:
        """Codes 0 (no) and 1 (yes), shape [n]. Raises DataError for an unknown split or column."""
        self.check_column(name)
        return self._split(split).labels[name].copy()

    def factors(self, split: str) -> dict[str, npt.NDArray[np.float64]]:
        """Per factor its values, shape [n], in [0, 1] and uniform over the population.

        The factor of a label column has the column's name and grows with it (0 deeply tanned, 1 palest); the rest
        (hair_length, pose, light, …) are listed in `factors.FACTORS`. Raises DataError for an unknown split.
        """
        return {name: values.copy() for name, values in self._split(split).factors.items()}

    def images(self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> UInt8Images:
        """These rows' portraits, [len(rows), 3, size, size]. Raises DataError for an unknown split or row."""
        positions = self._positions(split, rows)
        people = self._split(split).factors
        return draw({name: people[name][positions] for name in FACTORS}, self.size)

    def similar(
        self, split: str, row: int, attribute: str, values: int | Sequence[float] = 9
    ) -> UInt8Images:
        """The true similar individuals of one person: all but the factor `attribute` as it is.

        Args:
            split: The person's split.
            row: The person's position in it.
            attribute: The factor to move, usually a sensitive attribute such as Pale_Skin.
            values: Where to move it to, each in [0, 1]; or their number, spread evenly from 0 to 1.

        Returns:
            One image per value, [len(values), 3, size, size]; the person's own image at the person's own value.

        Raises:
            DataError: for an unknown split, row or factor.
            SettingsError: for values outside [0, 1].
        """
        (position,) = self._positions(split, [row])
        self._check_factor(attribute)
        spread = np.linspace(0, 1, max(values, 0)) if isinstance(values, int) else values
        moved = np.asarray(spread, dtype=np.float64)
        if moved.size == 0 or not ((moved >= 0) & (moved <= 1)).all():
            raise SettingsError(
                f"{self.uri}: bad values for {attribute}; expected at least one, all from 0 to 1"
            )
        people = self._split(split).factors
        person = {name: np.full(len(moved), people[name][position]) for name in FACTORS}
        return draw({**person, attribute: moved}, self.size)

    @property
    def counterpart_attributes(self) -> tuple[str, ...]:
        """All factors, those of label columns first."""
        return FACTORS

    def counterpart_rows(self, split: str, attribute: str) -> npt.NDArray[np.int64]:
        """As `Counterparts.counterpart_rows`: the positions of the whole split."""
        self.check_split(split)
        self._check_factor(attribute)
        return np.arange(self._options[split])

    def counterparts(self, split: str, row: int, attribute: str) -> CounterpartSet:
        """As `Counterparts.counterparts`: the person at nine values of the factor, from 0 to 1."""
        images = self.similar(split, row, attribute)
        values = np.linspace(0, 1, len(images))
        at = float(self._split(split).factors[attribute][row])
        own = np.flatnonzero(values == at)
        return CounterpartSet(images, values, int(own[0]) if len(own) else None, at)

    def _check_factor(self, name: str) -> None:
        if name not in FACTORS:
            raise DataError(f"{self.uri}: no factor {name!r}; expected one of {', '.join(FACTORS)}")

    def digest(self) -> str:
        """SHA-256 over the options, the drawing's version, every label and factor, and some drawn images."""
        state = {**self._options, "size": self.size, "drawing": _DRAWING}
        hasher = hashlib.sha256(json.dumps(state, sort_keys=True).encode())
        for split in SPLITS:
            people = self._split(split)
            for labels in people.labels.values():
                hasher.update(labels.astype("<i8").tobytes())
            for values in people.factors.values():
                # Grid positions, not floats: equal on every platform.
                hasher.update(np.rint(values * 1e6).astype("<i4").tobytes())
            hasher.update(self.images(split, range(min(8, self._options[split]))).tobytes())
        return f"sha256:{hasher.hexdigest()}"

    def _positions(
        self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """`rows` as an array; raises DataError unless each is a row of the split."""
        self.check_split(split)
        positions = np.asarray(rows, dtype=np.int64).reshape(-1)
        n = self._options[split]
        if positions.size and (positions.min() < 0 or positions.max() >= n):
            raise DataError(f"{self.uri}: split {split} has rows 0 to {n - 1}; asked for others")
        return positions
