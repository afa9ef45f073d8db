"""The label columns of a data set, whether a source serves it or only its label files could be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared_spec.data.image_files import FileSource, Individuals
from shared_spec.data.source import SPLITS, Source
from shared_spec.errors import DataError

__all__ = ["LabelTable"]


@dataclass(frozen=True)
class LabelTable:
    """Codes of every individual in every column.

    Attributes:
        counts: Per split the number of individuals.
        codes: Per split and column the class codes, shape [counts[split]].
        classes: Per column its class names.
        derived: Columns computed from another one, with its name.
    """

    counts: Mapping[str, int]
    codes: Mapping[str, Mapping[str, npt.NDArray[np.integer]]]
    classes: Mapping[str, tuple[str, ...]]
    derived: Mapping[str, str]

    @classmethod
    def of(cls, found: Individuals | Source) -> LabelTable:
        """The labels of a source, or of what could be read of a data set; an empty split counts 0."""
        if isinstance(found, FileSource):
            found = found.individuals
        if isinstance(found, Individuals):
            counts = {split: len(found.names[split]) for split in SPLITS}
            return cls(counts, found.codes, found.classes, found.derived)
        counts = {split: _count(found, split) for split in SPLITS}
        codes: dict[str, dict[str, npt.NDArray[np.integer]]] = {split: {} for split in SPLITS}
        for split in SPLITS:
            if counts[split]:
                codes[split] = {name: found.labels(split, name) for name in found.classes}
        return cls(counts, codes, found.classes, {})

    def balance(self) -> dict[str, dict[str, dict[str, int]]]:
        """Per split and column the number of individuals of each class."""
        return {
            split: {
                name: dict(
                    zip(
                        self.classes[name],
                        np.bincount(codes, minlength=len(self.classes[name])).tolist(),
                        strict=True,
                    )
                )
                for name, codes in self.codes[split].items()
            }
            for split in SPLITS
        }


def _count(source: Source, split: str) -> int:
    try:
        return len(source.sample_ids(split))
    except DataError:  # what a source raises for an empty split
        return 0
