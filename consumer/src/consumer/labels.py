"""The labels of a task: shared by the producer in the bundle, or the consumer's own in a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.individuals import SplitRows
from shared_spec.artifacts.reading import TABLE_BYTES, read_regular
from shared_spec.errors import DataError, SettingsError
from shared_spec.text import is_printable

__all__ = ["UNLABELLED", "CodesOf", "TaskLabels", "read_labels"]

UNLABELLED = -1

CodesOf: TypeAlias = Callable[[SplitRows], npt.NDArray[np.int64]]
"""The class codes [n] of individuals; -1 where unknown."""

_NAME_LENGTH, _CLASSES = 200, 10_000


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
    if not 0 < len(target) <= _NAME_LENGTH or not is_printable(target):
        raise SettingsError(
            f"`target` is {target!r:.100}: expected a short name without control characters"
        )
    if path is None:
        bundle.check_label(target)
        classes, of = bundle.manifest.labels[target], _shared(target)
    else:
        classes, of = _own_labels(bundle, target, path)
    codes = {
        split: np.concatenate([np.zeros(0, np.int64), *map(of, bundle.individuals.shards(split))])
        for split in bundle.manifest.splits
        if split in ("train", "valid")
    }
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
    named = _read_table(path, target)
    unknown = set(named)
    for split in bundle.manifest.splits:
        for rows in bundle.individuals.shards(split):
            unknown.difference_update(rows.sample_ids)
    if unknown:
        first = next(sample_id for sample_id in named if sample_id in unknown)
        raise DataError(
            f"{path}: {first} is not in {bundle.path}; label individuals of this bundle"
        )
    classes = bundle.manifest.labels.get(target) or tuple(sorted(set(named.values())))
    if len(classes) > _CLASSES:
        raise DataError(f"{path}: {len(classes)} different labels; expected at most {_CLASSES}")
    code = {label: index for index, label in enumerate(classes)}
    stray = next((label for label in named.values() if label not in code), None)
    if stray is not None:
        raise DataError(
            f"{path}: label {stray!r} is no class of {target}; expected one of {', '.join(classes)}"
        )

    def codes(rows: SplitRows) -> npt.NDArray[np.int64]:
        known = [code[named[i]] if i in named else UNLABELLED for i in rows.sample_ids]
        return np.array(known, dtype=np.int64)

    return classes, codes


def _read_table(path: Path, target: str) -> dict[str, str]:
    """The label of each sample id."""
    named: dict[str, str] = {}
    try:
        text = read_regular(path, TABLE_BYTES, DataError).decode("utf-8")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns = next(reader, [])
        column = target if target in columns else "label"
        if columns.count("sample_id") != 1 or columns.count(column) != 1:
            raise DataError(
                f"{path}: columns are {', '.join(columns):.300}; expected sample_id and {target} (or label)"
            )
        at, label_at = columns.index("sample_id"), columns.index(column)
        for line, cells in enumerate(reader, 2):
            if len(cells) != len(columns):
                raise DataError(f"{path}:{line}: {len(cells)} cells, expected {len(columns)}")
            sample_id, label = cells[at], cells[label_at]
            if not sample_id or not label:
                raise DataError(
                    f"{path}:{line}: a cell is empty; leave out individuals without a label"
                )
            if not is_printable(label) or len(label) > _NAME_LENGTH:
                raise DataError(f"{path}:{line}: the label is too long or holds control characters")
            if sample_id in named:
                raise DataError(
                    f"{path}:{line}: {sample_id} is labelled twice; keep one line for each"
                )
            named[sample_id] = label
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a readable CSV file ({error})") from error
    return named
