"""individuals.csv: what is written is read, whatever the order in which labels were named."""

from __future__ import annotations

import io

import numpy as np
import pytest

from shared_spec.artifacts.cells import csv_lines, read_blocks
from shared_spec.artifacts.individuals import Individuals, form_of, list_individuals
from shared_spec.errors import ArtifactError

SPLITS = {"train": ["a", "b", "c"], "test": ["d"]}
LABELS = {
    "Young": {"train": ["no", "yes", "no"], "test": ["yes"]},
    "Age": {"train": ["1", "2", "3"], "test": ["4"]},
}


CLASSES = {"Young": ("no", "yes"), "Age": ("1", "2", "3", "4")}
COUNTS = {split: len(ids) for split, ids in SPLITS.items()}


def read(content, labels=CLASSES, splits=COUNTS):
    header, where = [name for name, _ in form_of(labels)], "individuals.csv"
    found = Individuals(
        where, lambda: read_blocks(io.BytesIO(content), header, where), splits, labels, 2
    )
    found.check()
    return found


def written(labels):
    header = [name for name, _ in form_of(labels)]
    rows = list_individuals(SPLITS, labels, 2)
    return csv_lines([header]) + b"".join(csv_lines(zip(*cells, strict=True)) for cells in rows)


@pytest.mark.parametrize("named", [["Young", "Age"], ["Age", "Young"]])
@pytest.mark.parametrize("asked", [["Young", "Age"], ["Age", "Young"]])
def test_every_label_stays_with_its_column(named, asked):
    content = written({name: LABELS[name] for name in named})
    found = read(content, {name: CLASSES[name] for name in asked})
    for split, ids in SPLITS.items():
        rows = found.of(split)
        assert rows.sample_ids == tuple(ids)
        for name, classes in CLASSES.items():
            assert np.array(classes)[rows.labels[name]].tolist() == LABELS[name][split]


@pytest.mark.parametrize("names", [["Age"], ["Age", "Young", "Smiling"], ["Age", "Old"]])
def test_other_columns_than_the_manifest_names_are_refused(names):
    content = written(LABELS)
    with pytest.raises(ArtifactError, match="header is"):
        read(content, {name: ("a", "b") for name in names})


GOOD = written(LABELS)


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda text: text.replace(b"b,train", b"a,train"), "'a' stands twice"),
        (lambda text: text.replace(b"b,train", b",train"), "is empty or too long"),
        (lambda text: text.replace(b"b,train", b"b" * 2000 + b",train"), "is empty or too long"),
        (lambda text: text.replace(b"b,train", b"b" * 3_000_000 + b",train"), "a line is longer than"),
        (lambda text: text.replace(b"b,train", b"b" * 1_100_000 + b",train"), "a line is longer than"),
        (lambda text: text.replace(b"b,train", b"b\x1b,train"), "control characters"),
        (lambda text: text.replace(b"b,train", b"b\x00,train"), "control characters|cannot be read"),
        (lambda text: text.replace(b"b,train", b'"b\n",train'), "cannot be read"),
        (lambda text: text.replace(b"b,train", "b\u202e,train".encode()), "control characters"),
        (lambda text: text.replace(b"b,train", b"\xff,train"), "cannot be read"),
        (lambda text: text.replace(b"c,train,1,0", b"c,train,0,2"), "out of order"),
        (lambda text: text.replace(b"c,train,1,0", b"c,train,01,0"), "'01' is no count"),
        (lambda text: text.replace(b"d,test", b"d,ghost"), "no split 'ghost'"),
        (lambda text: text.replace(b",4,yes", b",5,yes"), "'5' of Age is no class"),
        (lambda text: text.replace(b",4,yes", b",4,yes,yes"), "7 cells, expected 6"),
        (lambda text: text.removesuffix(b"d,test,0,0,4,yes\n"), "test lists 0 individuals, expected 1"),
        (lambda text: text + b"e,test,0,1,4,yes\n", "test lists 2 individuals, expected 1"),
        (lambda text: b"", "is empty"),
        (lambda text: b"\xef\xbb\xbf" + text, "header is"),
    ],
)  # fmt: skip
def test_whatever_is_not_that_table_is_refused(change, pattern):
    changed = change(GOOD)
    assert changed != GOOD
    with pytest.raises(ArtifactError, match=pattern):
        read(changed)
