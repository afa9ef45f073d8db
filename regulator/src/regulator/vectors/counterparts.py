"""Counterparts as similarity sets: what a spec says of chains that the data set itself knows."""

from __future__ import annotations

import numpy as np

from shared_spec.artifacts.spec_documents import AttributeEntry
from shared_spec.counterpart_chains import counterpart_chain
from shared_spec.data.counterparts import Counterparts
from shared_spec.data.source import SPLITS, Source
from shared_spec.errors import DataError
from shared_spec.progress import Report, silent, stage

__all__ = ["known_chains"]


def known_chains(
    source: Source, attributes: tuple[str, ...], report: Report = silent
) -> tuple[tuple[AttributeEntry, ...], int]:
    """What a spec says of each attribute's chains, and the length of the longest chain.

    Every individual of every split is looked at: similarity has to be known of everybody.

    Raises:
        DataError: if somebody's counterparts, or place among them, are not known.
    """
    if not isinstance(source, Counterparts):
        raise DataError(
            f"{source.uri}: knows no counterparts; publish edits, or list them (docs/own-data.md)"
        )
    people = {split: len(source.sample_ids(split)) for split in SPLITS}
    advance = stage(report, "reading counterparts", len(attributes) * sum(people.values()))
    entries, longest, done = [], 2, 0
    for name in attributes:
        images, squares = 0, 0.0
        for split, count in people.items():
            for row in range(count):
                chain = counterpart_chain(source, split, row, name)
                longest = max(longest, len(chain))
                own = source.images(split, np.array([row]))
                away = chain.astype(np.float64) - own
                squares += float(np.sqrt(np.square(away).sum(axis=(1, 2, 3))).sum())
                images += len(chain) - 1
                done += 1
                advance(done, name)
        if not squares > 0:
            raise DataError(
                f"{source.uri}: nobody's counterparts in {name} differ; choose another attribute"
            )
        entries.append(
            AttributeEntry(
                name=name, method="counterparts", unit="counterpart", norm=squares / max(images, 1),
                counts={"counterparts": images}, settings={},
            )
        )  # fmt: skip
    return tuple(entries), longest
