"""check_data lists everything that is wrong with a data set, and measures what a regulator must know."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from regulator import CheckSettings, check_data
from regulator.cli.tables import data_rows
from regulator.data_check.association import associate, associations
from regulator.data_check.check import DataReport
from regulator.data_check.estimate import estimate_times
from regulator.data_check.files import archive_problems
from regulator.data_check.labels import LabelTable
from regulator.data_check.mended import mended_example
from shared_spec.data.folder import Folder, read_folder
from shared_spec.data.source import SPLITS, Source
from shared_spec.errors import DataError, SettingsError
from shared_spec.settings import resolve

NO_IMAGES = CheckSettings(every=0)
REPOSITORY = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("LASSI_FAIRFACE_DIR", REPOSITORY.parent / "shared/data/fairface"))


def write_folder(folder: Path, n: int = 40) -> Path:
    """Per split n/4 to n/2 images; `pale` follows `smiling` three times out of four in train."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["file_name,split,smiling,pale,hair"]
    for row in range(n):
        split = ("train", "valid", "train", "test")[row % 4]
        smiling = row // 4 % 2
        pale = smiling if row % 16 < 12 else 1 - smiling
        lines.append(f"{row}.jpg,{split},{smiling},{pale},{('fair', 'red', 'dark')[row % 3]}")
        noise = np.random.default_rng(row).integers(0, 255, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{row}.jpg")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_sound_folder_is_counted_and_has_no_problem(tmp_path):
    told: list[tuple[int, int]] = []
    report = check_data(
        f"folder:{write_folder(tmp_path)}", report=lambda step: told.append((step.done, step.total))
    )
    assert report.problems == ()
    assert report.counts == {"train": 20, "valid": 10, "test": 10}
    assert report.images_checked == 40
    assert told[-1] == (40, 40)
    for split in SPLITS:
        assert sum(report.balance[split]["hair"].values()) == report.counts[split]
    assert report.balance["train"]["smiling"] == {"no": 10, "yes": 10}
    assert check_data(Folder(tmp_path, 8)) == report, "a URI and its source differ"
    json.dumps(dataclasses.asdict(report))


def test_images_that_no_line_names_are_counted_and_near_misses_told(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "3.jpg").rename(folder / "3.JPG")
    for name in ("spare.jpg", "spare.png", "notes.txt"):
        (folder / name).write_bytes(b"")
    report = check_data(f"folder:{folder}")
    assert report.images_unlisted == 2
    (problem,) = report.problems
    assert "3.jpg: image missing; there is '3.JPG'; write the name as the file has it" in problem
    assert ["images left out", "2 beside these, which no line names"] in data_rows(report)


def test_associations_are_those_asked_for_with_their_sign(tmp_path):
    uri = f"folder:{write_folder(tmp_path)}"
    report = check_data(uri, ["pale"], ["smiling"], settings=NO_IMAGES)
    assert report.images_checked == 0
    assert [(a.split, a.first, a.second) for a in report.associations] == [
        (split, "pale", "smiling") for split in SPLITS
    ]
    source = Folder(tmp_path, 8)
    for found in report.associations:
        pale, smiling = (source.labels(found.split, name) for name in ("pale", "smiling"))
        expected = np.corrcoef(pale, smiling)[0, 1]
        assert found.phi == pytest.approx(expected), "phi is Pearson's correlation"
        assert found.cramers_v == pytest.approx(abs(expected))
    everything = check_data(uri, settings=NO_IMAGES).associations
    assert len(everything) == 9, "three pairs in three splits"
    strengths = [a.cramers_v for a in everything if a.split == "train"]
    assert strengths == sorted(strengths, reverse=True)


def test_association_closed_forms():
    a = np.array([0, 0, 1, 1] * 25)
    assert associate(a, a, 2, 2) == (1.0, 1.0)
    assert associate(a, 1 - a, 2, 2) == (1.0, -1.0)
    assert associate(a, np.array([0, 1] * 50), 2, 2) == (0.0, 0.0)
    assert associate(a, np.zeros(100, dtype=int), 2, 2) == (None, None), "a constant has none"
    assert associate(a, a * 3, 2, 5) == (1.0, None), "classes that do not occur do not count"
    three = np.repeat([0, 1, 2], 40)
    assert associate(three, (three + 1) % 3, 3, 3)[0] == pytest.approx(1.0)
    v, phi = associate((three == 0).astype(int), three, 2, 3)
    assert v == pytest.approx(1.0), "the smaller number of classes bounds chi-squared"
    assert phi is None
    assert associate(a[:0], a[:0], 2, 2) == (None, None)


def test_columns_computed_from_one_another_are_not_paired():
    codes = {name: np.array([0, 1, 0, 1]) for name in ("Age", "Age-2", "Race=A", "Race=B", "Happy")}
    labels = LabelTable(
        counts={"train": 4, "valid": 0, "test": 0},
        codes={"train": codes, "valid": {}, "test": {}},
        classes=dict.fromkeys(codes, ("no", "yes")),
        derived={"Age-2": "Age", "Race=A": "Race", "Race=B": "Race"},
    )
    pairs = {(a.first, a.second) for a in associations(labels)}
    assert ("Age", "Race=A") in pairs
    assert not pairs & {("Age", "Age-2"), ("Race=A", "Race=B")}
    assert len(pairs) == 8
    asked = [(a.first, a.second) for a in associations(labels, ["Happy", "Age"])]
    assert len({frozenset(pair) for pair in asked}) == len(asked), "a pair is listed twice"


def test_all_problems_are_listed_at_once(tmp_path):
    folder = write_folder(tmp_path / "data")
    (folder / "3.jpg").unlink()
    (folder / "4.jpg").write_text("<!DOCTYPE html><html><body>Quota exceeded</body></html>")
    whole = (folder / "8.jpg").read_bytes()
    (folder / "8.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "private.jpg").write_bytes(whole)
    (folder / "5.jpg").unlink()
    (folder / "5.jpg").symlink_to(tmp_path / "private.jpg")
    (folder / "images.zip").write_text("<html>Google Drive - Virus scan warning</html>")
    (folder / "good.zip").write_bytes(b"PK\x03\x04")
    with open(folder / "metadata.csv", "a") as file:
        file.write("../../etc/passwd,train,1,1,red\n0.jpg,train,1,1,red\n41.jpg,never,1,1,red\n")
    report = check_data(f"folder:{folder}", ["tall"])
    for expected in (
        "metadata.csv:42: file name '../../etc/passwd' leaves the data folder",
        "metadata.csv:43: '0.jpg' stands twice",
        "metadata.csv:44: split 'never' is no split",
        "no label column 'tall'; it has hair, pale, smiling",
        "images.zip: is a web page, not an archive; download",
        "3.jpg: image missing; restore",
        "5.jpg: the link leads out of",
        "4.jpg: is a web page, not an image; download",
        "8.jpg: truncated, damaged or no image",
    ):
        assert sum(expected in line for line in report.problems) == 1, expected
    assert len(report.problems) == 9, report.problems
    assert not any("\n" in line for line in report.problems)
    assert report.counts == {"train": 20, "valid": 10, "test": 10}, "good lines are counted"
    assert report.images_checked == 38


def test_long_lists_are_cut_and_counted(tmp_path):
    folder = write_folder(tmp_path)
    for row in range(12):
        (folder / f"{row}.jpg").unlink()
    report = check_data(f"folder:{folder}", settings=CheckSettings(limit=5))
    assert len(report.problems) == 6
    assert report.problems[-1].startswith("7 more images missing")
    for wrong in ({"every": -1}, {"limit": 0}):
        with pytest.raises(SettingsError, match=f"`{next(iter(wrong))}`"):
            resolve(CheckSettings, wrong)


def test_a_column_of_one_class_and_an_empty_split_are_problems(tmp_path):
    folder = write_folder(tmp_path)
    rows = [
        line for line in (folder / "metadata.csv").read_text().splitlines() if "valid" not in line
    ]
    rows = [
        rows[0],
        *(line.replace(",1,0,", ",0,0,").replace(",1,1,", ",0,1,") for line in rows[1:]),
    ]
    (folder / "metadata.csv").write_text("\n".join(rows))
    report = check_data(f"folder:{folder}", ["smiling"], settings=NO_IMAGES)
    assert any("split valid is empty" in line for line in report.problems)
    assert any("'smiling' is no for all of train" in line for line in report.problems)
    assert report.counts["valid"] == 0


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("folder:{}/nowhere", "nowhere: no such folder"),
        ("fairface:{}", "fairface_label_train.csv: label file missing"),
        ("celeba:{}", "list_attr_celeba.txt: label file missing"),
        ("folder:{}", "metadata.csv: label file missing"),
        ("shapes3d:{}/3dshapes.h5", "3dshapes.h5: is a web page, not an HDF5 file"),
    ],
)
def test_what_no_reader_would_open_is_reported_and_not_raised(tmp_path, uri, expected):
    (tmp_path / "3dshapes.h5").write_text("<html>404</html>")
    report = check_data(uri.format(tmp_path))
    assert any(expected in line for line in report.problems), report.problems


def test_one_wrong_header_is_one_problem(tmp_path):
    folder = write_folder(tmp_path)
    text = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").write_text(text.replace("file_name", "name"))
    (line,) = check_data(f"folder:{folder}", ["pale"], ["smiling"]).problems
    assert "metadata.csv:1: no column file_name in 'name,split,smiling,pale,hair'" in line


def test_how_individuals_came_into_their_splits_is_told(tmp_path):
    folder = write_folder(tmp_path)
    assert check_data(f"folder:{folder}").split_rule == "the column split"
    text = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").write_text(text.replace("split", "part"))
    report = check_data(f"folder:{folder}", ["pale>0"])
    assert "a hash of the name: 80% train, 10% valid, 10% test" in report.split_rule
    assert ("pale>0", "smiling") in {(a.first, a.second) for a in report.associations}
    assert "'pael>0': no column 'pael'" in check_data(f"folder:{folder}", ["pael>0"]).problems[0]


def test_a_threshold_that_nobody_is_above_is_to_be_another(tmp_path):
    folder = write_folder(tmp_path)
    problems = check_data(f"folder:{folder}", ["pale>1e9"]).problems
    assert "'pale>1e9' is no for all of train" in problems[0]
    assert "cut the numbers elsewhere" in problems[0]


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("hair:fair:dark", ()),
        (
            "hair:fair:blue",
            ("'hair:fair:blue': expected hair:BEGIN:END with two of dark, fair, red",),
        ),
        ("hair:fair:fair", ("'hair:fair:fair': expected hair:BEGIN:END",)),
        ("hair:fair", ("expected NAME or NAME:BEGIN:END",)),
        ("hat:no:yes", ("no label column 'hat'; it has hair, pale, smiling",)),
    ],
)
def test_attributes_are_named_as_publish_spec_takes_them(tmp_path, attribute, expected):
    report = check_data(
        f"folder:{write_folder(tmp_path)}", [attribute], ["smiling"], settings=NO_IMAGES
    )
    assert len(report.problems) == len(expected), report.problems
    assert all(words in line for words, line in zip(expected, report.problems, strict=True))
    pairs = {(each.first, each.second) for each in report.associations}
    assert pairs == ({("hair", "smiling")} if attribute.startswith("hair:fair:") else set())


def test_names_with_colons_and_signs_are_taken_as_publish_spec_takes_them(tmp_path):
    folder = write_folder(tmp_path)
    ages = ("<30", "30-50", ">50")
    lines = (folder / "metadata.csv").read_text().splitlines()
    lines = [f"{line},{ages[row % 3]}" if row else f"{line},age" for row, line in enumerate(lines)]
    text = "\n".join(lines).replace(",smiling,", ",at 8:15:00,")
    (folder / "metadata.csv").write_text(text + "\n")
    report = check_data(f"folder:{folder}", ["age:<30:>50"], ["at 8:15:00"], settings=NO_IMAGES)
    assert report.problems == ()
    assert {(each.first, each.second) for each in report.associations} == {("age", "at 8:15:00")}


def test_where_all_that_was_asked_for_is_refused_no_other_pairs_are_shown(tmp_path):
    report = check_data(
        f"folder:{write_folder(tmp_path)}", ["tan>1"], ["smiling"], settings=NO_IMAGES
    )
    assert len(report.problems) == 1
    assert report.associations == ()


def test_an_end_that_nobody_of_a_split_has_is_a_problem(tmp_path):
    folder = write_folder(tmp_path)
    text = (folder / "metadata.csv").read_text()
    lines = [
        line.replace(",fair", ",red") if ",test," in line else line for line in text.splitlines()
    ]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    (line,) = check_data(f"folder:{folder}", ["hair:fair:dark"], settings=NO_IMAGES).problems
    assert line == "column 'hair' is fair for nobody of test; expected some; add some"


def test_a_column_with_a_number_that_is_none_is_one_problem_and_mended_in_the_example(tmp_path):
    folder = write_folder(tmp_path)
    lines = (folder / "metadata.csv").read_text().splitlines()
    numbers = [f'{line},"0,{row % 10}"' if row else f"{line},tan" for row, line in enumerate(lines)]
    (folder / "metadata.csv").write_text("\n".join(numbers) + "\n")
    (line,) = check_data(f"folder:{folder}", ["tan>0.5"], ["smiling"], settings=NO_IMAGES).problems
    assert "column 'tan' holds more than numbers ('0,1' at" in line
    assert mended_example(folder).splitlines()[1].endswith(",0.1")


def test_a_folder_that_nobody_may_read_is_a_problem(tmp_path, monkeypatch):
    """Root may read all, so the refusal is made here."""

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    folder = write_folder(tmp_path)
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert archive_problems(folder) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "label file missing; write it: a line file_name and the labels' names"),
        ("", "not a label file; write it"),
        ("file_name;smiling\n1.jpg;yes\n", "its separators are semicolons: save it with commas"),
        ("file_name\tsmiling\n1.jpg\tyes\n", "its separators are tabs: save it with commas"),
    ],
)
def test_a_label_file_of_ones_own_is_not_downloaded_again(tmp_path, text, words):
    folder = write_folder(tmp_path)
    (folder / "metadata.csv").unlink()
    if text is not None:
        (folder / "metadata.csv").write_text(text)
    assert words in check_data(f"folder:{folder}", settings=NO_IMAGES).problems[0]


def test_an_unknown_kind_is_a_setting(tmp_path):
    with pytest.raises(SettingsError, match="unknown kind"):
        check_data(f"imagenet:{tmp_path}")


def test_celeba_whose_archive_is_a_web_page_is_told_once(tmp_path):
    (tmp_path / "list_attr_celeba.txt").write_text("1\nSmiling Young\n000001.jpg 1 -1\n")
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    (tmp_path / "img_align_celeba.zip").write_text("<html>Quota exceeded</html>")
    problems = check_data(f"celeba:{tmp_path}").problems
    assert sum("img_align_celeba.zip" in line for line in problems) == 1
    assert sum("000001.jpg: image missing" in line for line in problems) == 1


def test_damaged_images_in_a_shapes_file_are_reported(tmp_path):
    from shared_spec.data.shapes3d_file import FACTORS

    # Six scenes: a fifth of them is one, and of what is left as well.
    labels = np.zeros((90, 6))
    labels[:, 0] = np.repeat(FACTORS["floor_hue"][:6], 15)
    labels[:, 3], labels[:, 5] = 0.75, np.tile(FACTORS["orientation"], 6)
    path = tmp_path / "3dshapes.h5"
    images = np.random.default_rng(0).integers(0, 255, (90, 64, 64, 3), dtype=np.uint8)
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=images, chunks=(1, 64, 64, 3), compression="gzip")
        file.create_dataset("labels", data=labels)
    report = check_data(f"shapes3d:{path}")
    assert report.problems == ()
    assert sum(report.counts.values()) == report.images_checked
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        for row in range(90):
            chunk = file["images"].id.get_chunk_info(row)
            content[chunk.byte_offset + 2 : chunk.byte_offset + chunk.size] = bytes(chunk.size - 2)
    path.write_bytes(bytes(content))
    report = check_data(f"shapes3d:{path}")
    assert len(report.problems) == 3, "one per split"
    assert "the file is damaged" in report.problems[0]


class Faulty(Source):
    """A source of another kind, with an empty split, whose test images cannot be read."""

    uri, size = "faulty", 8
    classes = {"a": ("no", "yes"), "b": ("no", "yes")}  # noqa: RUF012

    def sample_ids(self, split):
        if split == "valid":
            raise DataError("valid is empty")
        return [f"{split}{row}" for row in range(300)]

    def labels(self, split, name):
        return np.arange(300) // (1 if name == "a" else 2) % 2

    def images(self, split, rows):
        if split == "test":
            raise DataError("test images: gone")
        return np.zeros((len(rows), 3, 8, 8), dtype=np.uint8)

    def digest(self):
        return "sha256:0"


def test_any_source_is_checked():
    report = check_data(Faulty(), settings=CheckSettings(every=2))
    assert report.counts == {"train": 300, "valid": 0, "test": 300}
    assert report.images_checked == 300
    assert any("split valid is empty" in line for line in report.problems)
    assert "test images: gone" in report.problems
    assert [a.split for a in report.associations] == ["train", "test"]


@pytest.mark.skipif(not REAL.is_dir(), reason="no FairFace folder; set LASSI_FAIRFACE_DIR")
def test_the_real_release_has_no_problem():
    report = check_data(f"fairface:{REAL}", settings=CheckSettings(every=64))
    assert report.problems == ()
    pairs = {frozenset((a.first, a.second)) for a in report.associations}
    assert frozenset(("Age-2", "Race=Black")) in pairs
    assert frozenset(("Age", "Age-2")) not in pairs, "a column is paired with what it came from"
    assert frozenset(("Race=Black", "Race=White")) not in pairs


def test_problems_are_grouped_by_cause_and_none_is_hidden_behind_another(tmp_path):
    folder = write_folder(tmp_path, 40)
    for row in range(0, 24, 2):
        (folder / f"{row}.jpg").unlink()
    (folder / "1.jpg").write_text("<!DOCTYPE html>")
    text = (folder / "metadata.csv").read_text()
    for row in (5, 9, 13):
        text = text.replace(f"\n{row}.jpg,", f"\n{row}.jpg,extra,")
    (folder / "metadata.csv").write_text(text + "30.jpg,train,1,1,red\n31.jpg,train,1,1,red\n")
    report = check_data(f"folder:{folder}", settings=CheckSettings(limit=2))
    counts = [(cause.count, cause.first.partition(": ")[2][:20]) for cause in report.causes]
    assert counts == [
        (3, "6 fields; expected 5"), (2, "'30.jpg' stands twic"), (12, "image missing; resto"),
        (1, "is a web page, not a"),
    ]  # fmt: skip
    assert report.causes[0].others == (f"{folder}/metadata.csv:11", f"{folder}/metadata.csv:15")
    assert len(report.causes[2].others) == 5, "some places are named, not all"
    json.dumps(dataclasses.asdict(report))


BROKEN = {
    "another name for the images": ("image,smiling,pale", lambda row: f"{row}.jpg,{row % 2},no"),
    "an index before the images": ("id,name,smiling", lambda row: f"{row},{row}.jpg,{row % 2}"),
    "words that are no split": ("file_name,split,pale", lambda row: f"{row}.jpg,eval,{row % 2}"),
    "empty classes": ("file_name,hair", lambda row: f"{row}.jpg,{'' if row < 3 else 'red'}"),
    "names twice": ("file_name,pale", lambda row: f"{row // 4}.jpg,{row % 2}"),
    "places outside": ("file_name,pale", lambda row: f"{'../' if row % 2 else ''}{row}.jpg,{row % 2}"),
    "no images at all": ("name,pale", lambda row: f"Ada,{row % 2}"),
    "control characters": ("file_name,\x1bpale", lambda row: f"{row}.jpg,{row % 2}"),
    "nothing": ("", lambda row: ""),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_the_mended_example_is_one_that_the_reader_takes(what, tmp_path):
    header, line = BROKEN[what]
    folder = write_folder(tmp_path)
    (folder / "metadata.csv").write_text("\n".join([header, *map(line, range(40))]) + "\n")
    assert check_data(f"folder:{folder}", settings=NO_IMAGES).causes, "this was broken"
    example = mended_example(folder)
    (folder / "metadata.csv").write_text(example + "\n")
    found = read_folder(folder)  # raises at the first problem
    assert sum(len(names) for names in found.names.values()) == 3
    assert all((folder / name).exists() for names in found.names.values() for name in names)
    assert len(found.classes) >= 1


def test_without_a_file_the_example_names_the_images_that_are_there(tmp_path):
    folder = write_folder(tmp_path, 8)
    (folder / "metadata.csv").unlink()
    assert mended_example(folder).splitlines() == [
        "file_name,smiling",
        "0.jpg,no",
        "1.jpg,yes",
        "2.jpg,no",
    ]


def test_the_estimate_grows_with_the_individuals():
    small, large = (
        DataReport(
            "folder", {"train": n, "valid": n, "test": n}, {}, (), {}, "", n, (), (), seconds_per_image=0.01
        )
        for n in (100, 100_000)
    )  # fmt: skip
    few, many = estimate_times(small), estimate_times(large)
    assert 0 < few.fit < few.publish_spec, "the flow's training dominates a small data set"
    assert many.publish_spec - few.publish_spec > 0.9 * 2 * 99_900 * 0.01
    assert many.fit > 10 * few.fit


def test_an_attribute_of_three_classes_needs_two_ends_and_a_task_does_not(tmp_path):
    uri = f"folder:{write_folder(tmp_path)}"
    (problem,) = check_data(uri, ["hair"], ["smiling"], settings=NO_IMAGES).problems
    assert problem == "'hair' has 3 classes; expected two ends of an attribute, as in hair:dark:red"
    assert check_data(uri, ["pale"], ["hair"], settings=NO_IMAGES).problems == ()
