"""FairFace (Kärkkäinen and Joo, 2021) in its official layout, with the paper's splits and tasks.

Expected: `train/N.jpg`, `val/N.jpg`, `fairface_label_train.csv`, `fairface_label_val.csv` with the columns file, age,
gender, race, service_test. Images of any size serve.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from shared_spec.data.image_files import FileSource
from shared_spec.data.individuals import BINARY, Individuals
from shared_spec.data.label_files import Names, Report, check_folder, read_csv, refuse
from shared_spec.data.splits import random_fifth
from shared_spec.rng import numpy_generator

__all__ = ["AGES", "RACES", "FairFace", "read_fairface"]

AGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+")
GENDERS = ("Female", "Male")
RACES = (
    "White",
    "Black",
    "Latino_Hispanic",
    "East_Asian",
    "Southeast_Asian",
    "Indian",
    "Middle_Eastern",
)
_AGE_2 = (0, 0, 0, 0, 1, 1, 1, 1, 1)
_AGE_3 = (0, 0, 0, 1, 1, 2, 2, 2, 2)
_CLASSES: dict[str, tuple[str, ...]] = {
    "Age": AGES,
    "Age-2": ("0-29", "30+"),
    "Age-3": ("0-19", "20-39", "40+"),
    "Gender": GENDERS,
    "Race": RACES,
    **{f"Race={race}": BINARY for race in RACES},
}
_DERIVED = {"Age-2": "Age", "Age-3": "Age", **{f"Race={race}": "Race" for race in RACES}}
_COLUMNS = ("file", "age", "gender", "race")


def _spelling(label: str) -> str:
    return label.strip().lower().replace(" ", "_").replace("-", "_")


_AGE_CODES = {_spelling(age): code for code, age in enumerate(AGES)} | {"more_than_70": 8}
_GENDER_CODES = {_spelling(gender): code for code, gender in enumerate(GENDERS)}
_RACE_CODES = {_spelling(race): code for code, race in enumerate(RACES)}
_FIELDS = (
    ("age", _AGE_CODES, AGES),
    ("gender", _GENDER_CODES, GENDERS),
    ("race", _RACE_CODES, RACES),
)


def read_fairface(folder: Path, report: Report = refuse, split_seed: int = 0) -> Individuals:
    """Names, splits and labels of a FairFace folder; what is wrong goes to `report`, line by line.

    The official train list is cut 80:20 at random into train and valid (the paper's Sec. 5); the official val list is
    test. The cut is drawn over the sorted names, so it does not depend on the order of the lines.

    Raises:
        DataError: if the folder does not exist.
    """
    check_folder(folder, "train/, val/, fairface_label_train.csv and fairface_label_val.csv")
    names = Names(report)
    rows: list[tuple[str, str]] = []
    codes: list[tuple[int, int, int]] = []
    label_files = [folder / f"fairface_label_{part}.csv" for part in ("train", "val")]
    for path, split in zip(label_files, ("train", "test"), strict=True):
        for line, row in read_csv(path, folder, _COLUMNS, report):
            name = names.accept(row["file"], f"{path}:{line}")
            labels = _labels(row, f"{path}:{line}", report)
            if name is not None and labels is not None:
                rows.append((name, split))
                codes.append(labels)
    train = [row for row, (_, split) in enumerate(rows) if split == "train"]
    train.sort(key=lambda row: rows[row][0])
    held_out = random_fifth(len(train), numpy_generator(split_seed, "fairface train/valid split"))
    for row in np.array(train, dtype=np.int64)[held_out]:
        rows[row] = (rows[row][0], "valid")
    age, gender, race = np.array(codes, dtype=np.int16).reshape(-1, 3).T
    columns = {
        "Age": age,
        "Age-2": np.array(_AGE_2)[age],
        "Age-3": np.array(_AGE_3)[age],
        "Gender": gender,
        "Race": race,
        **{f"Race={name}": race == code for code, name in enumerate(RACES)},
    }
    rule = "the official lists, the train list cut 80:20 at random into train and valid"
    individuals = Individuals.from_rows(folder, rows, columns, dict(_CLASSES), label_files, rule)
    return replace(individuals, derived=_DERIVED)


def _labels(row: dict[str, str], where: str, report: Report) -> tuple[int, int, int] | None:
    """Codes of age, gender and race; None, and a report, if one of them is no class."""
    codes = []
    for column, known, classes in _FIELDS:
        code = known.get(_spelling(row[column]))
        if code is None:
            report(
                f"{where}: {column} {row[column]!r:.80} is no class; expected one of {', '.join(classes)}; "
                "correct the line (spreadsheets turn 3-9 into a date)"
            )
            return None
        codes.append(code)
    return codes[0], codes[1], codes[2]


class FairFace(FileSource):
    """FairFace: columns Age-2, Age-3, Age, Gender, Race and the binary Race=White, Race=Black, ….

    Args:
        folder: The folder with the four parts of the official layout.
        size: Side of the square images, in pixels.
        split_seed: Seed of the random 80:20 cut of the official train list.

    Raises:
        DataError: for a missing file or image, a line that is not as the layout has it, a label that is no class.
    """

    def __init__(self, folder: Path | str, size: int, split_seed: int = 0) -> None:
        individuals = read_fairface(Path(folder), refuse, split_seed)
        super().__init__("fairface", individuals, size, {"split_seed": split_seed})
