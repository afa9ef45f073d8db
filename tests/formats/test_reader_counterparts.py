"""Sources that know the counterparts of their individuals: portraits, 3D Shapes, and folders with counterparts.csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regulator import check_data
from shared_spec.data.counterparts import Counterparts
from shared_spec.data.folder import Folder, read_folder
from shared_spec.data.portraits import Portraits
from shared_spec.errors import DataError

METADATA = (
    "file_name,split,pale,tan,smiling",
    "ann.png,train,1,0.15,1",
    "bob.png,test,0,0.85,0",
    "cid.png,test,1,0.25,1",
    "dee.png,valid,0,0.95,0",
)
COUNTERPARTS = (
    "file_name,counterpart_of,attribute,value",
    "made/bob-9.png,bob.png,tan,0.9",
    "made/bob-1.png,bob.png,tan,0.1",
    "bob.png,bob.png,tan,0.85",
    "made/bob-pale.png,bob.png,pale,1",
    "made/ann-5.png,ann.png,tan,5e-1",
)


def grey(path: Path, value: int) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("L", (8, 8), value).save(path)


def write_folder(folder: Path, counterparts=COUNTERPARTS) -> Path:
    for value, row in enumerate(METADATA[1:]):
        grey(folder / row.partition(",")[0], value)
    for value, row in enumerate(COUNTERPARTS[1:]):
        if row.startswith("made"):
            grey(folder / row.partition(",")[0], 100 + value)
    (folder / "metadata.csv").write_text("\n".join(METADATA))
    (folder / "counterparts.csv").write_text("\n".join(counterparts))
    return folder


def test_a_folder_hands_out_counterparts_by_value_with_the_individual_among_them(tmp_path):
    source = Folder(write_folder(tmp_path), 8)
    assert isinstance(source, Counterparts)
    assert source.counterpart_attributes == ("tan", "pale")
    found = source.counterparts("test", 0, "tan")
    assert found.values.tolist() == [0.1, 0.85, 0.9]
    assert found.images[:, 0, 0, 0].tolist() == [101, 1, 100]
    assert found.images.shape == (3, 3, 8, 8)
    assert found.own == 1
    assert (found.images[found.own] == source.images("test", [0])[0]).all()
    assert source.counterparts("test", 0, "pale").own is None
    assert source.counterparts("train", 0, "tan>0.5").values.tolist() == [0.5], "NAME>X is of NAME"


def test_only_the_individuals_that_have_counterparts_are_listed(tmp_path):
    source = Folder(write_folder(tmp_path), 8)
    assert source.counterpart_rows("test", "tan").tolist() == [0]
    assert source.counterpart_rows("valid", "tan").tolist() == []
    with pytest.raises(DataError, match=r"cid.png has no counterparts in tan; choose a row of"):
        source.counterparts("test", 1, "tan")
    with pytest.raises(
        DataError, match=r"no counterparts in 'smiling'; there are some in tan, pale"
    ):
        source.counterparts("test", 0, "smiling")
    with pytest.raises(DataError, match="rows 0 to 1"):
        source.counterparts("test", 2, "tan")


def test_counterparts_are_no_individuals_and_the_digest_sees_them(tmp_path):
    folder = write_folder(tmp_path)
    source = Folder(folder, 8)
    assert sum(len(source.sample_ids(split)) for split in ("train", "valid", "test")) == 4
    digest = source.digest()
    grey(folder / "made/bob-9.png", 7)
    changed = Folder(folder, 8).digest()
    assert changed != digest, "a counterpart was exchanged"
    (folder / "counterparts.csv").unlink()
    plain = Folder(folder, 8)
    assert plain.digest() not in (digest, changed)
    assert plain.counterpart_attributes == ()
    grey(folder / "made/bob-9.png", 8)
    assert Folder(folder, 8).digest() == plain.digest(), "an image that nobody names counts"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            "made/bob-9.png,bob.png,tan,0.3",
            r"csv:7: 'made/bob-9.png' stands twice, first at .*csv:2",
        ),
        ("./made//bob-9.png,bob.png,tan,0.3", r"csv:7: 'made/bob-9.png' stands twice"),
        ("made/bob-9.png,cid.png,tan,0.3", r"csv:7: 'made/bob-9.png' stands twice"),
        ("bob.png,bob.png,tan,0.3", r"csv:7: bob.png says its own tan twice"),
        ("made/x.png,eve.png,tan,0.3", r"csv:7: counterpart_of 'eve.png' is no individual of meta"),
        (
            "made/x.png,bob.png,tna,1",
            r"csv:7: attribute 'tna' is no column .*; did you mean 'tan'\?",
        ),
        ("made/x.png,bob.png,tan,dark", r"csv:7: value 'dark' is no number"),
        ("made/x.png,bob.png,tan,nan", r"csv:7: value 'nan' is no number"),
        ("cid.png,bob.png,tan,0.3", r"csv:7: cid.png is an individual of metadata.csv"),
        ("./cid.png,bob.png,tan,0.3", r"csv:7: cid.png is an individual of metadata.csv"),
        ("../x.png,bob.png,tan,0.3", r"csv:7: file name '../x.png' leaves"),
        ("made/x.png,bob.png,tan,0.3", r"made/x.png: image missing \(1 of 9 are\)"),
        ("made/x.png,bob.png,tan", r"csv:7: 3 fields; expected 4"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, expected):
    folder = write_folder(tmp_path, [*COUNTERPARTS, row])
    with pytest.raises(DataError, match=expected) as caught:
        Folder(folder, 8)
    assert "\n" not in str(caught.value)


def test_good_rows_are_kept_and_all_bad_ones_told(tmp_path):
    rows = [*COUNTERPARTS, "made/x.png,eve.png,tan,1", "made/y.png,cid.png,pale,?"]
    problems: list[str] = []
    individuals = read_folder(write_folder(tmp_path, rows), problems.append)
    assert len(problems) == 2
    assert set(individuals.counterparts["tan"]) == {"ann.png", "bob.png"}
    assert set(individuals.counterparts["pale"]) == {"bob.png"}


def test_check_data_decodes_counterparts(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "made/bob-9.png").write_bytes(b"")
    (folder / "made/ann-5.png").unlink()
    report = check_data(f"folder:{folder}", ["tan>0.5"], ["smiling"])
    assert any("bob-9.png: is empty" in line for line in report.problems)
    assert any("ann-5.png: image missing" in line for line in report.problems)
    assert report.images_checked == 7, "four individuals, three counterparts"
    assert {found.first for found in report.associations} == {"tan>0.5"}


def test_portraits_know_nine_counterparts_in_every_factor():
    source = Portraits("portraits:train=4,valid=4,test=4", 32)
    assert isinstance(source, Counterparts)
    assert {"Pale_Skin", "Young", "light_side"} <= set(source.counterpart_attributes)
    assert source.counterpart_rows("test", "Young").tolist() == [0, 1, 2, 3]
    found = source.counterparts("test", 2, "Young")
    assert found.values.tolist() == np.linspace(0, 1, 9).tolist()
    assert (found.images == source.similar("test", 2, "Young")).all()
    assert found.own is None, "nobody is exactly as young as one of the nine"
    with pytest.raises(DataError, match="no factor 'Male'"):
        source.counterpart_rows("test", "Male")
