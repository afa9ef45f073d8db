"""A source whose individuals are image files: what FairFace, CelebA and image folders have in common.

Labels are held as small arrays; images are decoded when they are asked for. A reader only has to say which files
there are, in which split, with which labels.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared_spec.data.images import check_size, decode_images
from shared_spec.data.source import SPLITS, Source, UInt8Images
from shared_spec.errors import DataError

__all__ = ["BINARY", "FileSource", "Individuals", "Survey", "random_fifth", "survey"]

BINARY = ("no", "yes")
"""Class names of a binary column: codes 0 and 1."""

Codes = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Individuals:
    """Who is in a data set of image files.

    Attributes:
        root: The folder that the names are relative to.
        names: Per split the names of the image files, which are the sample ids.
        codes: Per split and column the class codes, shape [n].
        classes: Per column its class names.
        label_files: The files that names and labels came from.
        derived: Columns computed from another one, with its name (`Age-2` from `Age`).
        unserved: Columns of the label files that are no labels, with the reason.
    """

    root: Path
    names: Mapping[str, Sequence[str]]
    codes: Mapping[str, Mapping[str, Codes]]
    classes: dict[str, tuple[str, ...]]
    label_files: tuple[Path, ...]
    derived: Mapping[str, str] = field(default_factory=dict)
    unserved: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_rows(
        cls,
        root: Path,
        rows: Sequence[tuple[str, str]],
        columns: Mapping[str, npt.ArrayLike],
        classes: dict[str, tuple[str, ...]],
        label_files: Sequence[Path],
        derived: Mapping[str, str] | None = None,
        unserved: Mapping[str, str] | None = None,
    ) -> Individuals:
        """Cuts rows (name, split) and their columns of codes, shape [len(rows)], into the three splits."""
        splits = np.array([split for _, split in rows], dtype="U5")
        chosen: dict[str, list[int]] = {
            split: np.flatnonzero(splits == split).tolist() for split in SPLITS
        }
        arrays = {name: np.asarray(codes, dtype=np.int16) for name, codes in columns.items()}
        return cls(
            root=root,
            names={split: [rows[row][0] for row in chosen[split]] for split in SPLITS},
            codes={
                split: {name: codes[chosen[split]] for name, codes in arrays.items()}
                for split in SPLITS
            },
            classes=classes,
            label_files=tuple(label_files),
            derived=dict(derived or {}),
            unserved=dict(unserved or {}),
        )


@dataclass(frozen=True)
class Survey:
    """Image names for which there is no file (`missing`) or whose link leads out of the folder (`outside`)."""

    missing: list[str]
    outside: list[str]


def survey(individuals: Individuals) -> Survey:
    """Looks for every image file by listing each folder once; opens none of them."""
    root = individuals.root.resolve()
    by_folder: dict[str, list[str]] = {}
    for split in SPLITS:
        for name in individuals.names[split]:
            by_folder.setdefault(name.rpartition("/")[0], []).append(name)
    found = Survey([], [])
    for parent, names in by_folder.items():
        folder = root / parent
        try:
            inside = folder.resolve().is_relative_to(root)
            entries = {entry.name: entry for entry in os.scandir(folder)} if inside else {}
        except (OSError, RuntimeError):
            found.missing.extend(names)
            continue
        if not inside:
            found.outside.extend(names)
            continue
        for name in names:
            entry = entries.get(name.rpartition("/")[2])
            if entry is None or not entry.is_file():
                found.missing.append(name)
            elif entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
                found.outside.append(name)
    return found


def random_fifth(n: int, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Marks n // 5 of n positions, drawn uniformly without replacement: the smaller part of an 80:20 split."""
    marked = np.zeros(n, dtype=np.bool_)
    marked[generator.permutation(n)[: n // 5]] = True
    return marked


class FileSource(Source):
    """Serves `Individuals`; the sample id of an individual is the name of its image file.

    Args:
        uri: Kind of data set, for messages and artefacts.
        individuals: Who is in it.
        size: Side of the square images, in pixels: centre crop, then resize.
        settings: What else decides who is in which split (a seed), for the digest.

    Raises:
        DataError: if an image is missing, or there is no individual at all.
    """

    def __init__(
        self,
        uri: str,
        individuals: Individuals,
        size: int,
        settings: Mapping[str, int] | None = None,
    ) -> None:
        self.uri = uri
        self.size = check_size(size)
        self.classes = individuals.classes
        self.individuals = individuals
        self._settings = dict(settings or {})
        n = sum(len(individuals.names[split]) for split in SPLITS)
        if n == 0:
            files = ", ".join(map(str, individuals.label_files))
            raise DataError(f"{files}: no individual; expected one line per image")
        faults = survey(individuals)
        if faults.outside:
            raise DataError(
                f"{individuals.root / faults.outside[0]}: the link leads out of {individuals.root}; "
                "expected every image inside the data folder; copy it there"
            )
        if faults.missing:
            raise DataError(
                f"{individuals.root / faults.missing[0]}: image missing ({len(faults.missing)} of {n} are); "
                "restore the files, or remove their lines from the labels"
            )

    def check_column(self, name: str) -> tuple[str, ...]:
        """As `Source.check_column`; says why a column of the label files is not served."""
        if name in self.individuals.unserved:
            raise DataError(
                f"{self.uri}: column {name!r} is no label: {self.individuals.unserved[name]}"
            )
        return super().check_column(name)

    def sample_ids(self, split: str) -> Sequence[str]:
        """The split's image names, in the label file's order. Raises DataError if it is unknown or empty."""
        names = self.individuals.names[self.check_split(split)]
        if not names:
            raise DataError(
                f"{self.uri}: split {split} is empty; expected at least one image; "
                f"add some to {', '.join(map(str, self.individuals.label_files))}"
            )
        return names

    def labels(self, split: str, name: str) -> npt.NDArray[np.int64]:
        """Class codes, shape [n]. Raises DataError for an unknown or empty split or an unknown column."""
        self.check_column(name)
        self.sample_ids(split)
        return self.individuals.codes[split][name].astype(np.int64)

    def images(self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> UInt8Images:
        """These rows' images, [len(rows), 3, size, size], decoded now. Raises DataError, naming row or file."""
        names = self.sample_ids(split)
        positions = np.asarray(rows, dtype=np.int64).reshape(-1)
        if positions.size and not (positions.min() >= 0 and positions.max() < len(names)):
            raise DataError(
                f"{self.uri}: split {split} has rows 0 to {len(names) - 1}; asked for others"
            )
        root = self.individuals.root
        return decode_images([root / names[row] for row in positions.tolist()], self.size)

    def digest(self) -> str:
        """SHA-256 over kind, size, settings, classes, label files, and per split the images' names and contents.

        The files are read once, on the first call: 18,000 small images take half a second, or five from a cold disk.
        Raises DataError if a file has gone.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        state = {"kind": self.uri, "size": self.size, "settings": self._settings}
        header = json.dumps({**state, "classes": self.classes}, sort_keys=True)
        hasher = hashlib.sha256(header.encode())
        try:
            for path in self.individuals.label_files:
                hasher.update(hashlib.sha256(path.read_bytes()).digest())
            for split in SPLITS:
                for name in self.individuals.names[split]:
                    content = hashlib.sha256((self.individuals.root / name).read_bytes())
                    hasher.update(f"{split}\0{name}\0{content.hexdigest()}\n".encode())
        except OSError as error:
            raise DataError(f"{error.filename}: {error.strerror}; restore the file") from None
        return f"sha256:{hasher.hexdigest()}"
