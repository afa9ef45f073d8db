"""Who is in a data set of image files, as its label files say, before any image is looked at."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared_spec.data.files import leads_outside
from shared_spec.data.source import SPLITS
from shared_spec.data.thresholds import Threshold
from shared_spec.errors import DataError

__all__ = ["BINARY", "Individuals", "Survey", "survey"]

BINARY = ("no", "yes")
"""Class names of a binary column: codes 0 and 1."""

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

Codes = npt.NDArray[np.int16]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Individuals:
    """Who is in a data set of image files.

    Attributes:
        root: The folder that the names are relative to.
        names: Per split the names of the image files, which are the sample ids.
        codes: Per split and column the class codes, shape [n].
        classes: Per column its class names.
        label_files: The files that names and labels came from.
        split_rule: How individuals came into their splits, in words.
        derived: Columns computed from another one, with its name (`Age-2` from `Age`).
        unserved: Columns of the label files that are no labels, with the reason.
        numbers: Per split and column of numbers its values, shape [n]; `NAME>X` makes a binary column of them.
        no_numbers: Columns that hold something else, with the first value that is no number and where it stands.
        counterparts: Per attribute and individual its counterparts as (value, name of the image), by value.
    """

    root: Path
    names: Mapping[str, Sequence[str]]
    codes: Mapping[str, Mapping[str, Codes]]
    classes: Mapping[str, tuple[str, ...]]
    label_files: tuple[Path, ...]
    split_rule: str
    derived: Mapping[str, str] = field(default_factory=dict)
    unserved: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, Mapping[str, Numbers]] = field(default_factory=dict)
    no_numbers: Mapping[str, str] = field(default_factory=dict)
    counterparts: Mapping[str, Mapping[str, Sequence[tuple[float, str]]]] = field(
        default_factory=dict
    )

    @classmethod
    def from_rows(
        cls,
        root: Path,
        rows: Sequence[tuple[str, str]],
        columns: Mapping[str, npt.ArrayLike],
        classes: Mapping[str, tuple[str, ...]],
        label_files: Sequence[Path],
        split_rule: str,
    ) -> Individuals:
        """Cuts rows (name, split) and their columns of codes, shape [len(rows)], into the three splits."""
        chosen = rows_by_split([split for _, split in rows])
        arrays = {name: np.asarray(codes, dtype=np.int16) for name, codes in columns.items()}
        return cls(
            root=root,
            names={split: [rows[row][0] for row in chosen[split].tolist()] for split in SPLITS},
            codes={
                split: {name: codes[chosen[split]] for name, codes in arrays.items()}
                for split in SPLITS
            },
            classes=classes,
            label_files=tuple(label_files),
            split_rule=split_rule,
        )

    def __len__(self) -> int:
        return sum(len(self.names[split]) for split in SPLITS)

    def images(self) -> Iterator[tuple[str, str]]:
        """Of all image files the split, or `counterpart`, and the name: individuals first, split by split."""
        for split in SPLITS:
            yield from ((split, name) for name in self.names[split])
        for by_individual in self.counterparts.values():
            for individual, found in by_individual.items():
                yield from (("counterpart", name) for _, name in found if name != individual)

    def with_thresholds(self, names: Iterable[str]) -> Individuals:
        """These individuals with a binary column for each of `names` that is a threshold and no column yet.

        Raises:
            DataError: if the column of a threshold is unknown or holds something else than numbers.
        """
        asked = {name: Threshold.parse(name) for name in names if name not in self.classes}
        made = {name: threshold for name, threshold in asked.items() if threshold is not None}
        for threshold in made.values():
            self.check_numbers(threshold.name)
        return replace(
            self,
            classes={**self.classes, **dict.fromkeys(made, BINARY)},
            derived={**self.derived, **{name: cut.name for name, cut in made.items()}},
            codes={
                split: {
                    **codes,
                    **{
                        name: threshold.codes(self.numbers[split][threshold.name])
                        for name, threshold in made.items()
                    },
                }
                for split, codes in self.codes.items()
            },
        )

    def check_numbers(self, name: str) -> None:
        """Raises DataError unless `name` is a column of numbers."""
        known = self.numbers.get(SPLITS[0], {})
        if name in known:
            return
        if name in self.no_numbers:
            raise DataError(
                f"column {name!r} holds more than numbers ({self.no_numbers[name]}); "
                "a threshold needs a number in every row"
            )
        guess = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {guess[0]!r}?" if guess else ""
        raise DataError(
            f"no column {name!r} of numbers{hint}; there is {', '.join(sorted(known)) or 'none'}"
        )


def rows_by_split(splits: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Per split the rows that are in it, ascending."""
    array = np.array(splits, dtype="U5")
    return {split: np.flatnonzero(array == split) for split in SPLITS}


@dataclass(frozen=True)
class Survey:
    """What is found on the disk of the images that a data set names.

    Attributes:
        missing: Names for which there is no file.
        outside: Names whose link leads out of the folder.
        near: Of missing names the file that differs in upper and lower case alone.
        unlisted: How many images lie in the same folders that nobody names.
    """

    missing: list[str]
    outside: list[str]
    near: dict[str, str]
    unlisted: int


def survey(individuals: Individuals) -> Survey:
    """Looks for every image file by listing each folder once; opens none of them."""
    by_folder: dict[str, list[str]] = {}
    for _, name in individuals.images():
        by_folder.setdefault(name.rpartition("/")[0], []).append(name)
    missing: list[str] = []
    outside: list[str] = []
    near: dict[str, str] = {}
    unlisted = 0
    for parent, names in by_folder.items():
        folder = individuals.root / parent
        if leads_outside(folder, individuals.root):
            outside.extend(names)
            continue
        try:
            entries = {entry.name: entry for entry in os.scandir(folder)}
        except OSError:
            entries = {}
        lowered = {name.lower(): name for name in entries}
        for name in names:
            bare = name.rpartition("/")[2]
            entry = entries.get(bare)
            if entry is None or not _is_file(entry):
                missing.append(name)
                if (other := lowered.get(bare.lower(), bare)) != bare:
                    near[name] = other
            elif entry.is_symlink() and leads_outside(Path(entry.path), individuals.root):
                outside.append(name)
        named = {name.rpartition("/")[2] for name in names}
        others = entries.keys() - named - set(near.values())
        unlisted += sum(Path(name).suffix.lower() in _IMAGES for name in others)
    return Survey(missing, outside, near, unlisted)


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether a regular file is at the end of the entry's links; links in a circle have no end."""
    try:
        return entry.is_file()
    except OSError:
        return False
