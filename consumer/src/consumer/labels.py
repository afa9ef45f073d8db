"""The labels of a task: shared by the producer in the bundle, or the consumer's own in a CSV file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from consumer.own_labels import NAME_LENGTH, UNLABELLED, read_own_labels
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.head_documents import MOST_CLASSES
from shared_spec.artifacts.individuals import SplitRows
from shared_spec.errors import DataError, SettingsError
from shared_spec.text import is_printable

__all__ = ["UNLABELLED", "CodesOf", "TaskLabels", "read_labels"]

CodesOf: TypeAlias = Callable[[SplitRows], npt.NDArray[np.int64]]
"""The class codes [n] of individuals; -1 where unknown."""


@dataclass(frozen=True)
class TaskLabels:
    """The labels of a task.

    Attributes:
        classes: names, in the order of their codes.
        codes: of the splits on which a head is chosen, the class codes [n] of the bundle's individuals; -1 where
            unknown.
        of: those of any of the bundle's individuals.
    """

    classes: tuple[str, ...]
    codes: dict[str, npt.NDArray[np.int64]]
    of: CodesOf


def read_labels(bundle: Bundle, target: str, path: Path | None) -> TaskLabels:
    """Labels of `target` for all individuals of the bundle.

    Args:
        bundle: the producer's bundle.
        target: name of the task; a label column of the bundle unless `path` is given.
        path: CSV file with the columns sample_id and label, or sample_id and `target`. Individuals that it leaves
            out are unlabelled; ids that the bundle does not know are an error.

    Raises:
        SettingsError: if `target` is no name.
        DataError: if the labels cannot be read, are inconsistent, or leave no labelled training individual or only
            one class among them.
    """
    if not 0 < len(target) <= NAME_LENGTH or not is_printable(target):
        raise SettingsError(
            f"`target` is {target!r:.100}: expected a short name without control characters"
        )
    if path is None:
        bundle.check_label(target)
        classes, of = bundle.manifest.labels[target], _shared(target)
    else:
        classes, of = _own_labels(bundle, target, path)
    if len(classes) > MOST_CLASSES:
        raise DataError(
            f"{path or bundle.path}: {target} has {len(classes)} classes; a head tells at most {MOST_CLASSES} apart"
        )
    chosen = [split for split in bundle.manifest.splits if split in ("train", "valid")]
    parts = {split: [np.zeros(0, np.int64)] for split in chosen}
    for split, rows in bundle.individuals.together(chosen):
        parts[split].append(of(rows))
    codes = {split: np.concatenate(found) for split, found in parts.items()}
    labels = TaskLabels(classes, codes, of)
    if "train" not in labels.codes:
        raise DataError(f"{bundle.path}: has no training individuals; ask for a bundle that does")
    present = np.unique(labels.codes["train"][labels.codes["train"] != UNLABELLED])
    if len(present) < 2:
        found = ", ".join(labels.classes[code] for code in present) or "none"
        raise DataError(
            f"{path or bundle.path}: the training individuals have labels of {target}: {found}; "
            "a head needs at least two classes"
        )
    return labels


def _shared(target: str) -> CodesOf:
    return lambda rows: rows.labels[target]


def _own_labels(bundle: Bundle, target: str, path: Path) -> tuple[tuple[str, ...], CodesOf]:
    table = read_own_labels(path, target, bundle.manifest.labels.get(target))
    table.check_known(
        (rows.sample_ids for _, rows in bundle.individuals.together(bundle.manifest.splits)),
        bundle.path,
    )
    return table.classes, lambda rows: table.codes(rows.sample_ids)
