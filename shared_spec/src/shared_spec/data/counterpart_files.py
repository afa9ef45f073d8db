"""`counterparts.csv`: images of individuals of a folder with one attribute moved, by whoever made them.

A renderer, an editor or a photographer makes such images. They are no individuals: nobody is trained on them, and no
split holds them.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from shared_spec.data.individuals import Individuals
from shared_spec.data.label_files import Names, Report, read_csv
from shared_spec.data.source import SPLITS
from shared_spec.data.thresholds import parse_number

__all__ = ["read_counterparts"]

_FILE = "counterparts.csv"
_COLUMNS = ("file_name", "counterpart_of", "attribute", "value")


def read_counterparts(folder: Path, individuals: Individuals, report: Report) -> Individuals:
    """The individuals with the counterparts of `counterparts.csv`, if the folder has one.

    Each row names an image, the individual of `metadata.csv` whose counterpart it is, the column that was moved and
    where to, a number. A row whose image is the individual itself says where the individual stands.
    """
    path = folder / _FILE
    if not os.path.lexists(path):
        return individuals
    rows = _Rows(individuals, Names(report), report)
    for line, fields in read_csv(path, folder, _COLUMNS, report):
        rows.add(fields, f"{path}:{line}")
    for by_individual in rows.found.values():
        for entries in by_individual.values():
            entries.sort(key=lambda entry: entry[0])
    files = (*individuals.label_files, path)
    return replace(individuals, counterparts=rows.found, label_files=files)


class _Rows:
    """The rows that are right, by attribute and individual; of the others `report` is told."""

    def __init__(self, individuals: Individuals, names: Names, report: Report) -> None:
        self.found: dict[str, dict[str, list[tuple[float, str]]]] = {}
        self._people = {name for split in SPLITS for name in individuals.names[split]}
        self._columns = {*individuals.classes, *individuals.unserved}
        self._names = names
        self._report = report

    def add(self, fields: Mapping[str, str], where: str) -> None:
        name = self._names.spell(fields["file_name"], where)
        person = self._names.spell(fields["counterpart_of"], where)
        if name is None or person is None:
            return
        attribute, value = fields["attribute"], parse_number(fields["value"])
        fault = self._fault(name, person, attribute)
        if fault is None and value is None:
            fault = f"value {fields['value']!r:.80} is no number; expected where {attribute} was moved to"
        if fault is not None or value is None:
            self._report(f"{where}: {fault}")
        elif name == person or self._names.accept(name, where) is not None:
            self.found.setdefault(attribute, {}).setdefault(person, []).append((value, name))

    def _fault(self, name: str, person: str, attribute: str) -> str | None:
        """What is wrong with these names, and what was expected; None if nothing is."""
        if person not in self._people:
            return (
                f"counterpart_of {person!r:.200} is no individual of metadata.csv; "
                "expected a file_name from there"
            )
        if attribute not in self._columns:
            guess = difflib.get_close_matches(attribute, self._columns, 1)
            hint = f"; did you mean {guess[0]!r}?" if guess else ""
            columns = ", ".join(sorted(self._columns))
            return f"attribute {attribute!r:.80} is no column of metadata.csv{hint}; expected one of {columns}"
        if name in self._people and name != person:
            return f"{name} is an individual of metadata.csv; expected an image that is none"
        known = self.found.get(attribute, {}).get(person, [])
        if name == person and any(other == person for _, other in known):
            return f"{person} says its own {attribute} twice; remove one of the lines"
        return None
