"""The consumer's own labels: what a table of names would say, from digests and codes alone."""

import random
from pathlib import Path

import numpy as np
import pytest

from consumer import own_labels
from consumer.own_labels import UNLABELLED, read_own_labels
from shared_spec.errors import DataError

NAMES = [*(f"person-{n}" for n in range(3000)), "Größe", 'a "quoted", name', " ", "x" * 900]


def table(tmp_path, rows, header="sample_id,label"):
    path = tmp_path / "labels.csv"
    lines = ['"{}",{}'.format(name.replace('"', '""'), label) for name, label in rows]
    path.write_text("\n".join([header, *lines, ""]))
    return path


@pytest.fixture(autouse=True)
def _pieces(monkeypatch):
    """Some hundred lines at a time."""
    monkeypatch.setattr(own_labels, "_TOGETHER", 256)


@pytest.mark.parametrize("classes", [None, ("yes", "no", "perhaps", "never")])
def test_codes_are_those_of_a_table_of_names_in_whatever_order_they_come(tmp_path, classes):
    draw = random.Random(1)
    labels = {name: draw.choice(["yes", "no", "perhaps"]) for name in NAMES if draw.random() < 0.8}
    rows = list(labels.items())
    draw.shuffle(rows)
    found = read_own_labels(table(tmp_path, rows), "task", classes)
    assert found.classes == (classes or ("no", "perhaps", "yes"))
    for asked in (NAMES, NAMES[::-1], ["nobody"]):
        expected = [
            found.classes.index(labels[name]) if name in labels else UNLABELLED for name in asked
        ]
        assert found.codes(asked).tolist() == expected
    found.check_known([NAMES[:1000], NAMES[1000:]], Path("reps"))
    missing = rows[777][0]
    with pytest.raises(DataError, match="is not in reps") as refused:
        found.check_known([[name for name in NAMES if name != missing]], Path("reps"))
    assert f": {missing} is" in str(refused.value)


def test_who_is_labelled_twice_is_named_with_the_second_line(tmp_path):
    rows = [(f"p{n}", "yes") for n in range(1000)]
    path = table(tmp_path, [*rows, ("p17", "no"), ("q", "no")])
    with pytest.raises(DataError, match=":1002: p17 is labelled twice"):
        read_own_labels(path, "task", None)


def test_nobody_and_too_many_classes_are_refused(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="labels nobody"):
        read_own_labels(table(tmp_path, []), "task", None)
    monkeypatch.setattr(own_labels, "MOST_CLASSES", 3)
    with pytest.raises(DataError, match="4 different labels"):
        read_own_labels(table(tmp_path, [(str(n), str(n)) for n in range(4)]), "task", None)


def test_of_a_person_twenty_bytes_are_held(tmp_path):
    found = read_own_labels(table(tmp_path, [(name, "yes") for name in NAMES]), "task", None)
    assert found.known.nbytes + found.labels.nbytes == 20 * len(NAMES)
    assert np.all(found.known[:-1] < found.known[1:])


def test_a_table_as_spreadsheets_write_it_is_read_or_told_what_to_do(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("sample_id,label\np1,yes\np2,no\n", encoding="utf-8-sig")
    assert read_own_labels(path, "task", None).codes(["p1", "p2"]).tolist() == [1, 0]
    path.write_text("sample_id;label\np1;yes\n")
    with pytest.raises(DataError, match="its separators are semicolons: save it with commas"):
        read_own_labels(path, "task", None)


def test_a_measurement_is_no_label(tmp_path):
    path = tmp_path / "labels.csv"
    for sizes, refused in (
        ([i / 2 for i in range(21)], True),
        ([i / 2 for i in range(20)], False),
        (range(40), False),
    ):
        rows = "".join(f"p{i},{size}\n" for i, size in enumerate(sizes))
        path.write_text(f"sample_id,label\n{rows}")
        if refused:
            with pytest.raises(
                DataError, match="21 different numbers, not all whole: a measurement"
            ):
                read_own_labels(path, "size", None)
        else:
            assert len(read_own_labels(path, "size", None).classes) == len(sizes)
