"""What `regulator check-data` finds: counts, label balance, associations, and all that is wrong, at once.

A reader stops at the first problem; this goes on and lists them, since people repair a data set in one round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from regulator.data_check.association import Association, associations
from regulator.data_check.files import archive_problems, image_problems
from regulator.data_check.grouping import Cause, by_cause
from regulator.data_check.labels import LabelTable
from regulator.data_check.settings import CheckSettings
from shared_spec.data import open_source
from shared_spec.data.celeba import read_celeba
from shared_spec.data.column import Column
from shared_spec.data.fairface import read_fairface
from shared_spec.data.folder import read_folder
from shared_spec.data.image_files import FileSource, Individuals
from shared_spec.data.shapes3d import Shapes3D
from shared_spec.data.source import SPLITS, Source
from shared_spec.errors import DataError
from shared_spec.progress import Report, silent, stage

__all__ = ["DataReport", "check_data"]

_READERS: dict[str, Callable[[Path, Callable[[str], None]], Individuals]] = {
    "fairface": read_fairface,
    "celeba": read_celeba,
    "folder": read_folder,
}
_SIZE = 64
_BATCH = 256


@dataclass(frozen=True)
class DataReport:
    """What is in a data set, and what is wrong with it.

    Attributes:
        uri: Kind of the data set.
        counts: Per split the number of individuals.
        balance: Per split and label column the number of individuals of each class.
        associations: Per split the association of sensitive attributes and targets, strongest first.
        unserved: Columns of the label files that are no labels, with the reason.
        split_rule: How individuals came into their splits, in words; empty where a data set has its own way.
        images_checked: Number of images that were decoded.
        images_unlisted: Number of images in the same folders that no line names, so nobody looks at them.
        problems: One line each: what, where, expected, remedy. A data set without one is fit for use.
        causes: The problems by their causes, all of which are here even where `problems` was cut.
        seconds_per_image: How long it took to decode one; 0 if none was decoded.
    """

    uri: str
    counts: Mapping[str, int]
    balance: Mapping[str, Mapping[str, Mapping[str, int]]]
    associations: tuple[Association, ...]
    unserved: Mapping[str, str]
    split_rule: str
    images_checked: int
    problems: tuple[str, ...]
    causes: tuple[Cause, ...]
    images_unlisted: int = 0
    seconds_per_image: float = field(default=0.0, compare=False)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {split}" for split, count in self.counts.items())
        return f"DataReport({self.uri}: {counts or 'unreadable'}; {len(self.problems)} problems)"


class _Problems:
    """Collects problems and their causes; of each stage at most `limit` are listed, and the rest counted."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.lines: list[str] = []
        self.causes: list[Cause] = []

    def extend(self, lines: Sequence[str], what: str) -> None:
        self.causes.extend(by_cause(lines))
        self.lines.extend(lines[: self.limit])
        if len(lines) > self.limit:
            self.lines.append(
                f"{len(lines) - self.limit} more {what}; repair those above and check again"
            )


def check_data(
    data: str | Source,
    attributes: Sequence[str] = (),
    targets: Sequence[str] = (),
    *,
    settings: CheckSettings | None = None,
    report: Report = silent,
) -> DataReport:
    """Reads a data set as far as it can be read and reports what is in it and what is wrong.

    Label files that a reader would refuse are read past their bad lines; the counts are then those of the good ones.

    Args:
        data: A URI as `open_source` takes it, or an opened source.
        attributes: Sensitive columns, as `publish_spec` takes them, to associate with the targets; all columns with
            each other unless given.
        targets: Columns to associate the attributes with; all others unless given.
        settings: How thoroughly; every image is decoded unless given.
        report: Told the number of images done.

    Raises:
        SettingsError: for a URI of an unknown kind, or a missing extra.
    """
    settings = settings or CheckSettings()
    problems = _Problems(settings.limit)
    found = _open(data, problems)
    if found is None:
        return DataReport(
            _kind(data), {}, {}, (), {}, "", 0, tuple(problems.lines), tuple(problems.causes)
        )
    if isinstance(found, FileSource):
        found = found.individuals
    sensitive = _attributes(attributes, problems)
    tasks = [Column(name, name, None) for name in targets]
    if isinstance(found, Individuals):
        names = [column.name for column in (*sensitive, *tasks)]
        found, refused = _with_thresholds(found, names, problems)
        sensitive, tasks = (
            [column for column in columns if column.name not in refused]
            for columns in (sensitive, tasks)
        )
    labels = LabelTable.of(found)
    individuals = found if isinstance(found, Individuals) else None
    unlisted = 0
    started = time.monotonic()
    if any(labels.counts.values()) or not problems.lines:
        # What follows from an unreadable list is said already, by its cause.
        _label_problems(labels, sensitive, tasks, problems)
    if individuals is not None:
        told = {line.partition(": ")[0] for line in problems.lines}
        archives = archive_problems(individuals.root)
        problems.extend([a for a in archives if a.partition(": ")[0] not in told], "archives")
        faults, checked = image_problems(individuals, settings.every, report)
        problems.extend(faults.absent, "images missing or outside the folder")
        problems.extend(faults.unreadable, "unreadable images")
        unlisted = faults.unlisted
    else:
        assert isinstance(found, Source)
        unreadable, checked = _served_problems(found, labels, settings.every, report)
        problems.extend(unreadable, "unreadable batches of images")
    named, asked = [column.name for column in sensitive], [column.name for column in tasks]
    # Where all that was asked for is refused, pairs of other columns are no answer.
    answered = (named or not attributes) and (asked or not targets)
    pairs = associations(labels, named, asked) if answered else ()
    return DataReport(
        uri=_kind(data),
        counts=labels.counts,
        balance=labels.balance(),
        associations=tuple(pairs),
        unserved={} if individuals is None else individuals.unserved,
        split_rule="" if individuals is None else individuals.split_rule,
        images_checked=checked,
        problems=tuple(problems.lines),
        causes=tuple(problems.causes),
        images_unlisted=unlisted,
        seconds_per_image=(time.monotonic() - started) / checked if checked else 0.0,
    )


def _kind(data: str | Source) -> str:
    return data.partition(":")[0] if isinstance(data, str) else data.uri


def _open(data: str | Source, problems: _Problems) -> Individuals | Source | None:
    """The data set with its problems collected; None if nothing of it can be read."""
    if isinstance(data, Source):
        return data
    scheme, _, place = data.partition(":")
    lines: list[str] = []
    found: Individuals | Source | None = None
    try:
        if scheme in _READERS and place:
            found = _READERS[scheme](Path(place), lines.append)
        elif scheme == "shapes3d" and place:
            found = Shapes3D(Path(place), _SIZE)
        else:
            found = open_source(data, _SIZE)
    except DataError as error:
        lines.append(str(error))
    problems.extend(lines, "problems in the label files")
    return found


def _with_thresholds(
    individuals: Individuals, names: Sequence[str], problems: _Problems
) -> tuple[Individuals, set[str]]:
    """The individuals with the columns `NAME>X` that were asked for, and those for which there are no numbers."""
    refused = set()
    for name in names:
        try:
            individuals = individuals.with_thresholds([name])
        except DataError as error:
            problems.extend([f"{name!r}: {error}"], "thresholds")
            refused.add(name)
    return individuals, refused


def _attributes(names: Sequence[str], problems: _Problems) -> list[Column]:
    """The attributes in the forms that `publish-spec` takes; others are problems."""
    found, lines = [], []
    for name in names:
        try:
            found.append(Column.parse(name))
        except DataError as error:
            lines.append(str(error))
    problems.extend(lines, "attributes")
    return found


def _label_problems(
    labels: LabelTable, sensitive: Sequence[Column], tasks: Sequence[Column], problems: _Problems
) -> None:
    """Empty splits, no columns, unknown columns, attributes without two ends, and splits with one class of a column."""
    lines = [
        f"split {split} is empty; expected at least one image; add some, or their split is wrong"
        for split in SPLITS
        if not labels.counts[split]
    ]
    if not labels.classes:
        lines.append("no label column; expected at least one attribute and one target")
    for column in dict.fromkeys([*sensitive, *tasks]):
        name, known = column.name, labels.classes.get(column.name, ())
        if not known:
            lines.append(f"no label column {name!r}; it has {', '.join(sorted(labels.classes))}")
            continue
        ends = column.ends or ()
        if column in sensitive and not ends and len(known) > 2:
            lines.append(
                f"{name!r} has {len(known)} classes; expected two ends of an attribute, as in "
                f"{name}:{known[0]}:{known[-1]}"
            )
            continue
        if len(set(ends)) == 1 or not set(ends) <= set(known):
            lines.append(
                f"{column.text!r}: expected {name}:BEGIN:END with two of {', '.join(known)}"
            )
            continue
        for split in SPLITS:
            codes = labels.codes[split].get(name, np.zeros(0, dtype=np.int64))
            there = {known[code] for code in np.unique(codes)}
            if not labels.counts[split]:
                continue
            if missing := [end for end in ends if end not in there]:
                lines.append(
                    f"column {name!r} is {missing[0]} for nobody of {split}; expected some; add some"
                )
            elif len(there) < 2:
                remedy = "cut the numbers elsewhere" if ">" in name else "add some"
                lines.append(
                    f"column {name!r} is {''.join(there)} for all of {split}; expected examples of two classes; "
                    f"{remedy}"
                )
    problems.extend(lines, "problems of splits and columns")


def _served_problems(
    source: Source, labels: LabelTable, every: int, report: Report
) -> tuple[list[str], int]:
    """Asks a source that is no folder for its images, a batch at a time; failures, and how many were asked for."""
    if not every:
        return [], 0
    rows = {split: np.arange(0, labels.counts[split], every) for split in SPLITS}
    total = sum(map(len, rows.values()))
    advance = stage(report, "decoding images", total)
    lines: list[str] = []
    done = 0
    for split in SPLITS:
        for start in range(0, len(rows[split]), _BATCH):
            batch = rows[split][start : start + _BATCH]
            try:
                source.images(split, batch)
            except DataError as error:
                lines.append(str(error))
            done += len(batch)
            advance(done, split)
    return lines, total
