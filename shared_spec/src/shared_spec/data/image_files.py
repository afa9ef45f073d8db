"""A source whose individuals are image files: what FairFace, CelebA and image folders have in common.

Labels are held as small arrays; images are decoded when they are asked for. A reader only has to say which files
there are, in which split, with which labels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from shared_spec.data.files import sha256_of
from shared_spec.data.images import check_size, decode_images
from shared_spec.data.individuals import BINARY, Individuals, Survey, survey
from shared_spec.data.source import SPLITS, Source, UInt8Images
from shared_spec.data.thresholds import Threshold
from shared_spec.errors import DataError

__all__ = ["BINARY", "FileSource", "Individuals", "Survey", "survey"]


class _Classes(Mapping[str, tuple[str, ...]]):
    """The label columns, and whatever `NAME>X` is asked for; only the former are listed."""

    def __init__(self, individuals: Individuals) -> None:
        self._individuals = individuals

    def __getitem__(self, name: str) -> tuple[str, ...]:
        known = self._individuals.classes.get(name)
        if known is None:
            threshold = Threshold.parse(name)
            if threshold is None or threshold.name not in self._individuals.numbers[SPLITS[0]]:
                raise KeyError(name)
            return BINARY
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self._individuals.classes)

    def __len__(self) -> int:
        return len(self._individuals.classes)


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
        self.classes = _Classes(individuals)
        self.individuals = individuals
        self._settings = dict(settings or {})
        if not len(individuals):
            files = ", ".join(map(str, individuals.label_files))
            raise DataError(f"{files}: no individual; expected one line per image")
        faults = survey(individuals)
        if faults.outside:
            raise DataError(
                f"{individuals.root / faults.outside[0]}: the link leads out of {individuals.root}; "
                "expected every image inside the data folder; copy it there"
            )
        if faults.missing:
            n = sum(1 for _ in individuals.images())
            first = faults.missing[0]
            remedy = "restore the files, or remove their lines from the labels"
            if first in faults.near:
                remedy = f"there is {faults.near[first]!r}: write names as the files have them"
            raise DataError(
                f"{individuals.root / first}: image missing ({len(faults.missing)} of {n} are); {remedy}"
            )

    def check_column(self, name: str) -> tuple[str, ...]:
        """As `Source.check_column`, for `NAME>X` of a column of numbers as well.

        Says why a column of the label files is not served.
        """
        threshold = None if name in self.individuals.classes else Threshold.parse(name)
        if threshold is not None:
            try:
                self.individuals.check_numbers(threshold.name)
            except DataError as error:
                raise DataError(f"{self.uri}: {name!r}: {error}") from None
        elif name in self.individuals.unserved:
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
                f"add some to {', '.join(map(str, self.individuals.label_files))} "
                f"(splits come from {self.individuals.split_rule})"
            )
        return names

    def labels(self, split: str, name: str) -> npt.NDArray[np.int64]:
        """Class codes, shape [n]. Raises DataError for an unknown or empty split or an unknown column."""
        self.check_column(name)
        self.sample_ids(split)
        found = self.individuals.with_thresholds([name])
        return found.codes[split][name].astype(np.int64)

    def images(self, split: str, rows: Sequence[int] | npt.NDArray[np.int64]) -> UInt8Images:
        """These rows' images, [len(rows), 3, size, size], decoded now. Raises DataError, naming row or file."""
        names = self.sample_ids(split)
        positions = self.check_rows(split, rows)
        root = self.individuals.root
        return decode_images([root / names[row] for row in positions.tolist()], self.size)

    def digest(self) -> str:
        """SHA-256 over kind, size, settings, classes, label files, and the images' splits, names and contents.

        The files are read once, on the first call: 18,000 small images take half a second, or five from a cold disk.
        Raises DataError if a file has gone.
        """
        return self._digest

    @cached_property
    def _digest(self) -> str:
        state = {"kind": self.uri, "size": self.size, "settings": self._settings}
        header = json.dumps({**state, "classes": dict(self.individuals.classes)}, sort_keys=True)
        hasher = hashlib.sha256(header.encode())
        try:
            for path in self.individuals.label_files:
                hasher.update(bytes.fromhex(sha256_of(path)))
            for split, name in self.individuals.images():
                content = sha256_of(self.individuals.root / name)
                hasher.update(f"{split}\0{name}\0{content}\n".encode())
        except OSError as error:
            raise DataError(f"{error.filename}: {error.strerror}; restore the file") from None
        return f"sha256:{hasher.hexdigest()}"
