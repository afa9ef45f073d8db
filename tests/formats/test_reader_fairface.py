"""The FairFace reader serves the official layout with the paper's tasks, and names whatever is wrong in it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared_spec.data.fairface import AGES, RACES, FairFace, read_fairface
from shared_spec.data.source import SPLITS
from shared_spec.errors import DataError, SettingsError

HEADER = "file,age,gender,race,service_test"
REPOSITORY = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("LASSI_FAIRFACE_DIR", REPOSITORY.parent / "shared/data/fairface"))


def colour(row: int) -> tuple[int, int, int]:
    return (10 * row % 256, 100, 255 - 10 * row % 256)


def write_fairface(folder: Path, n_train: int = 10, n_val: int = 9) -> Path:
    """FairFace as released: lines in order, races with spaces or underscores."""
    for part, n in (("train", n_train), ("val", n_val)):
        (folder / part).mkdir(parents=True)
        lines = [HEADER]
        for row in range(n):
            Image.new("RGB", (30, 20), colour(row)).save(folder / part / f"{row + 1}.png")
            age = (*AGES[:-1], "more than 70")[row % 9]
            race = RACES[row % 7].replace("_", " " if row % 2 else "_")
            gender = ("Male", "Female")[row % 2]
            lines.append(f"{part}/{row + 1}.png,{age},{gender},{race},True")
        (folder / f"fairface_label_{part}.csv").write_text("\n".join(lines) + "\n")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_columns_hold_the_paper_tasks(tmp_path):
    source = FairFace(write_fairface(tmp_path), 16)
    assert source.sample_ids("test") == [f"val/{row}.png" for row in range(1, 10)]
    assert source.labels("test", "Age").tolist() == list(range(9))
    assert source.labels("test", "Age-2").tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1], "cut after 29"
    assert source.labels("test", "Age-3").tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2], "after 19, 39"
    assert source.labels("test", "Gender").tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert source.labels("test", "Race").tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1]
    for code, race in enumerate(RACES):
        assert source.classes[f"Race={race}"] == ("no", "yes")
        binary = source.labels("test", f"Race={race}")
        assert binary.tolist() == (source.labels("test", "Race") == code).astype(int).tolist()
    assert all(source.labels(split, "Age").dtype == np.int64 for split in SPLITS)


def test_train_is_cut_80_to_20_the_same_way_whatever_the_order_of_lines(tmp_path):
    source = FairFace(write_fairface(tmp_path, n_train=25), 8)
    train, valid = (set(source.sample_ids(split)) for split in ("train", "valid"))
    assert (len(train), len(valid)) == (20, 5)
    assert not train & valid
    labels = tmp_path / "fairface_label_train.csv"
    header, *lines = labels.read_text().splitlines()
    labels.write_text("\n".join([header, *reversed(lines)]) + "\n")
    again = FairFace(tmp_path, 8)
    assert set(again.sample_ids("valid")) == valid, "the cut depends on the order of the lines"
    other = FairFace(tmp_path, 8, split_seed=1)
    assert set(other.sample_ids("valid")) != valid
    assert other.digest() != again.digest(), "the digest does not see the split"


def test_images_follow_the_rows_and_their_order(tmp_path):
    source = FairFace(write_fairface(tmp_path), 8)
    images = source.images("test", [3, 0, 3])
    assert images.shape == (3, 3, 8, 8)
    assert images.dtype == np.uint8
    for image, row in zip(images, (3, 0, 3), strict=True):
        assert (image == np.array(colour(row))[:, None, None]).all()
    batches = list(source.batches("test", 4))
    assert [len(batch) for batch in batches] == [4, 4, 1]
    assert source.images("test", []).shape == (0, 3, 8, 8)
    for rows in ([9], [-1]):
        with pytest.raises(DataError, match="rows 0 to 8"):
            source.images("test", rows)


def test_digest_sees_labels_contents_and_size(tmp_path):
    folder = write_fairface(tmp_path)
    digest = FairFace(folder, 8).digest()
    assert FairFace(folder, 8).digest() == digest
    assert FairFace(folder, 16).digest() != digest
    edit(folder / "fairface_label_val.csv", "Male", "Female")
    changed = FairFace(folder, 8).digest()
    assert changed != digest, "a changed label keeps the digest"
    image = folder / "train/1.png"
    content = bytearray(image.read_bytes())
    content[-20] ^= 1
    image.write_bytes(content)
    assert FairFace(folder, 8).digest() != changed, (
        "a replaced image of equal length keeps the digest"
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("train", "file,age", "name,age", r"fairface_label_train.csv:1: no column file"),
        ("train", "race,service", "age,service", r"train.csv:1: no column race"),
        ("val", ",3-9,", ",9-Mar,", r"val.csv:3: age '9-Mar' is no class; expected one of 0-2, "),
        ("val", "White", "Purple", r"val.csv:2: race 'Purple' is no class; expected one of White"),
        ("train", "Female", "", r"train.csv:3: gender '' is no class"),
        ("train", "train/2.png", "train/1.png", r"train.csv:3: 'train/1.png' stands twice"),
        ("train", "train/2.png", "./train//1.png", r"train.csv:3: 'train/1.png' stands twice"),
        ("val", "val/2.png", "../val/2.png", r"val.csv:3: file name .* leaves the data folder"),
        ("val", "val/2.png", "/etc/passwd", r"val.csv:3: file name .* leaves the data folder"),
        ("val", "val/2.png", "val\\2.png", r"val.csv:3: file name .* forward slashes"),
        ("val", "val/2.png", "C:2.png", r"val.csv:3: file name .* leaves the data folder"),
        ("val", "val/2.png", "", r"val.csv:3: no file name"),
        ("val", "val/2.png,", "val/2.png,,", r"val.csv:3: 6 fields; expected 5"),
        ("val", "val/2.png", '"val/2.png"x', r"val.csv:3: not CSV"),
        ("val", "val/2.png", "val/77.png", r"val/77.png: image missing \(1 of 19 are\)"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path, file, old, new, expected):
    folder = write_fairface(tmp_path)
    edit(folder / f"fairface_label_{file}.csv", old, new)
    with pytest.raises(DataError, match=expected) as caught:
        FairFace(folder, 8)
    assert "\n" not in str(caught.value)


def test_missing_and_foreign_files_are_named(tmp_path):
    with pytest.raises(DataError, match="no such folder; expected the folder with train/"):
        FairFace(tmp_path / "nowhere", 8)
    folder = write_fairface(tmp_path / "data")
    with pytest.raises(SettingsError, match="image size 0"):
        FairFace(folder, 0)
    labels = folder / "fairface_label_val.csv"
    text = labels.read_bytes()
    labels.write_text("<!DOCTYPE html><html><title>Quota exceeded</title></html>")
    with pytest.raises(DataError, match=r"val.csv: is a web page, not a label file; download"):
        FairFace(folder, 8)
    labels.write_bytes(text + b"\xff\xfe")
    with pytest.raises(DataError, match=r"val.csv: cannot be read \(not UTF-8\)"):
        FairFace(folder, 8)
    labels.unlink()
    with pytest.raises(DataError, match=r"val.csv: label file missing"):
        FairFace(folder, 8)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    folder = write_fairface(tmp_path / "data")
    Image.new("RGB", (8, 8)).save(tmp_path / "private.png")
    (folder / "val/1.png").unlink()
    (folder / "val/1.png").symlink_to(tmp_path / "private.png")
    with pytest.raises(DataError, match=r"val/1.png: the link leads out of"):
        FairFace(folder, 8)
    (folder / "val/1.png").unlink()
    (folder / "val/1.png").symlink_to(folder / "val/2.png")
    FairFace(folder, 8)
    (folder / "val/1.png").unlink()
    Image.new("RGB", (8, 8)).save(folder / "val/1.png")
    (folder / "val").rename(tmp_path / "val")
    (folder / "val").symlink_to(tmp_path / "val")
    with pytest.raises(DataError, match=r"the link leads out of"):
        FairFace(folder, 8)


def test_an_empty_split_and_unknown_names_are_refused_when_asked_for(tmp_path):
    source = FairFace(write_fairface(tmp_path / "few", n_train=4, n_val=1), 8)
    for ask in (source.sample_ids, lambda split: source.labels(split, "Age")):
        with pytest.raises(DataError, match="split valid is empty"):
            ask("valid")
    with pytest.raises(DataError, match="no split 'val'"):
        source.sample_ids("val")
    with pytest.raises(DataError, match="no label column 'Race=Green'"):
        source.labels("test", "Race=Green")
    with pytest.raises(DataError, match="no individual"):
        FairFace(write_fairface(tmp_path / "none", n_train=0, n_val=0), 8)


def test_every_problem_is_reported_when_they_are_collected(tmp_path):
    folder = write_fairface(tmp_path)
    edit(folder / "fairface_label_train.csv", "White", "Purple")
    edit(folder / "fairface_label_val.csv", "val/2.png", "../2.png")
    problems: list[str] = []
    individuals = read_fairface(folder, problems.append)
    assert len(problems) == 2
    assert sum(len(individuals.names[split]) for split in SPLITS) == 17, "good lines are kept"


@pytest.mark.skipif(not REAL.is_dir(), reason="no FairFace folder; set LASSI_FAIRFACE_DIR")
def test_the_real_release_is_read():
    source = FairFace(REAL, 32)
    counts = {split: len(source.sample_ids(split)) for split in SPLITS}
    assert counts["valid"] == (counts["train"] + counts["valid"]) // 5
    assert counts["test"] > 0
    for split in SPLITS:
        assert set(source.labels(split, "Race")) == set(range(7)), "a spelling of a race is lost"
        assert set(source.labels(split, "Age")) == set(range(9))
        black = source.labels(split, "Race=Black").mean()
        assert 0.10 < black < 0.20, f"{split}: {black:.3f} are Black; the release is balanced"
    images = source.images("test", range(8))
    assert images.shape == (8, 3, 32, 32)
    assert images.std() > 20, "photographs are not flat"
