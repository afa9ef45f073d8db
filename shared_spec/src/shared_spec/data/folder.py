"""Any images with labels: a folder and its `metadata.csv`, the `imagefolder` convention of Hugging Face.

The columns are `file_name`, optionally `split`, and one per label. Without a `split` column the top folder of the name
(`train/…`, `valid/…`, `validation/…`, `test/…`) decides, and without such folders a hash of the name. Where the folder
has no `metadata.csv` of its own, those of its split folders are read, with names relative to them. `counterparts.csv`
may list images of the same individuals with one attribute moved.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared_spec.data.counterpart_files import read_counterparts
from shared_spec.data.counterparts import CounterpartSet
from shared_spec.data.image_files import FileSource
from shared_spec.data.images import decode_images
from shared_spec.data.individuals import Individuals, rows_by_split
from shared_spec.data.label_columns import MAX_CLASSES, LabelColumn
from shared_spec.data.label_files import Names, Report, check_folder, read_csv, refuse
from shared_spec.data.source import SPLITS
from shared_spec.data.splits import NAME_RULE, split_of_name
from shared_spec.data.thresholds import Threshold
from shared_spec.errors import DataError
from shared_spec.terms import Shown

__all__ = ["MAX_CLASSES", "Folder", "read_folder"]

_METADATA = "metadata.csv"
_NO_COLUMN = ("file_name", "")
_SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


def read_folder(folder: Path, report: Report = refuse) -> Individuals:
    """Names, splits, labels and counterparts of an image folder; what is wrong goes to `report`, line by line.

    A column is binary if all its values are of one of the pairs 0/1, -1/1, no/yes, false/true (in any case); otherwise
    its values are class names, in the order of numbers if all are whole numbers and alphabetical if not.

    Raises:
        DataError: if the folder does not exist.
    """
    check_folder(folder, f"images and {_METADATA}")
    names = Names(report)
    accepted: list[str] = []
    header: list[str] = []
    columns: dict[str, LabelColumn] = {}
    files = _metadata_files(folder)
    for path, prefix in files:
        for line, fields in read_csv(path, folder, ["file_name"], report, released=False):
            where = f"{path}:{line}"
            if not header:
                header = list(fields)
                columns = {name: LabelColumn(name) for name in header if name not in _NO_COLUMN}
            elif header != list(fields):
                report(f"{path}:1: other columns than {files[0][0]}; give both the same header")
                break
            name = names.accept(prefix + fields["file_name"], where)
            if name is not None:
                accepted.append(name)
                for column in columns.values():
                    column.add(fields[column.name], where)
    if "split" in columns:
        splits, rule = _named_splits(columns.pop("split"), report), "the column split"
    else:
        splits, rule = _splits_of_names(accepted, names, report)
    individuals = _individuals(folder, list(zip(accepted, splits, strict=True)), columns, report)
    individuals = replace(
        individuals, split_rule=rule, label_files=tuple(path for path, _ in files)
    )
    return read_counterparts(folder, individuals, report)


def _metadata_files(folder: Path) -> list[tuple[Path, str]]:
    """The metadata files and what their names are prefixed with; the folder's own even where it is missing."""
    if not os.path.lexists(folder / _METADATA):
        nested = [(folder / name / _METADATA, f"{name}/") for name in _SPLITS]
        found = [(path, prefix) for path, prefix in nested if os.path.lexists(path)]
        if found:
            return found
    return [(folder / _METADATA, "")]


def _named_splits(column: LabelColumn, report: Report) -> list[str]:
    """The rows' splits by their words; empty, and a report, for a word that is none."""
    known = {}
    for word, where, n in column.words():
        known[word] = _SPLITS.get(word.lower(), "")
        if not known[word]:
            more = f" ({n} rows have it)" if n > 1 else ""
            report(
                f"{where}: split {word!r:.80} is no split{more}; expected one of {', '.join(SPLITS)}; correct the line"
            )
    return [known.get(word, "") for word in column.texts()]


def _splits_of_names(
    accepted: Sequence[str], names: Names, report: Report
) -> tuple[list[str], str]:
    """The splits by top folder, if there are split folders, or else by the names' hashes; and which of the two."""
    tops = [name.partition("/")[0] if "/" in name else "" for name in accepted]
    if not any(top.lower() in _SPLITS for top in tops):
        return [split_of_name(name) for name in accepted], f"{NAME_RULE} (there is no column split)"
    sizes = Counter(tops)
    for name, top in zip(accepted, tops, strict=True):
        n = sizes.pop(top, 0)
        if n and top.lower() not in _SPLITS:
            report(
                f"{names.where(name)}: no column split, and top folder {top!r:.80} is no split "
                f"({n} images are in it); expected one of {', '.join(SPLITS)}; correct the line"
            )
    return [_SPLITS.get(top.lower(), "") for top in tops], "the top folder of the name"


def _individuals(
    folder: Path,
    rows: Sequence[tuple[str, str]],
    columns: Mapping[str, LabelColumn],
    report: Report,
) -> Individuals:
    """Who is in which split, with the classes and numbers of the columns."""
    classes: dict[str, tuple[str, ...]] = {}
    codes: dict[str, npt.NDArray[np.int16]] = {}
    unserved: dict[str, str] = {}
    numbers: dict[str, npt.NDArray[np.float64]] = {}
    for name, column in columns.items():
        reason = column.no_label()
        if reason is not None:
            unserved[name] = reason
        elif (known := column.classes(report)) is not None:
            classes[name], codes[name] = known
        if (values := column.numbers()) is not None:
            numbers[name] = values
    chosen = rows_by_split([split for _, split in rows])
    return replace(
        Individuals.from_rows(folder, rows, codes, classes, (), ""),
        unserved=unserved,
        numbers={
            split: {name: values[chosen[split]] for name, values in numbers.items()}
            for split in SPLITS
        },
        no_numbers={name: text for name, column in columns.items() if (text := column.no_number)},
    )


class Folder(FileSource):
    """Images with a `metadata.csv`; sample ids are the file names relative to the folder.

    Besides its columns it serves `NAME>X` of every column of numbers: a binary column, yes above X. Where there is a
    `counterparts.csv`, it knows the counterparts of the individuals that this lists.

    Args:
        folder: The folder with the images and `metadata.csv`.
        size: Side of the square images, in pixels.

    Raises:
        DataError: for a missing file or image, a name that leaves the folder or stands twice, a split that is none, an
            empty label, a binary column with a value of another kind, a counterpart of nobody.
    """

    shown = Shown.LICENSED  # by its owner, whose words are asked for

    def __init__(self, folder: Path | str, size: int) -> None:
        super().__init__("folder", read_folder(Path(folder)), size)

    @property
    def counterpart_attributes(self) -> tuple[str, ...]:
        """The attributes that `counterparts.csv` has; none without that file."""
        return tuple(self.individuals.counterparts)

    def counterpart_rows(self, split: str, attribute: str) -> npt.NDArray[np.int64]:
        """As `Counterparts.counterpart_rows`: positions of those who stand in `counterparts.csv`, ascending."""
        known = self._known(attribute)
        names = self.sample_ids(split)
        return np.array([row for row, name in enumerate(names) if name in known], dtype=np.int64)

    def counterparts(self, split: str, row: int, attribute: str) -> CounterpartSet:
        """As `Counterparts.counterparts`, in the unit of the column `value`; of `NAME>X` the NAME counts."""
        known = self._known(attribute)
        (position,) = self.check_rows(split, [row])
        name = self.sample_ids(split)[position]
        if name not in known:
            raise DataError(
                f"{self.uri}: {name} has no counterparts in {attribute}; choose a row of counterpart_rows, or add some"
            )
        values, files = zip(*known[name], strict=True)
        paths = [self.individuals.root / file for file in files]
        own = files.index(name) if name in files else None
        at = None if own is None else values[own]
        return CounterpartSet(decode_images(paths, self.size), np.array(values), own, at)

    def _known(self, attribute: str) -> Mapping[str, Sequence[tuple[float, str]]]:
        threshold = Threshold.parse(attribute)
        known = self.individuals.counterparts
        found = known.get(attribute) or known.get(threshold.name if threshold else "")
        if found is None:
            raise DataError(
                f"{self.uri}: no counterparts in {attribute!r}; there are some in {', '.join(known) or 'nothing'}"
            )
        return found
