"""Image folders with a metadata.csv: columns, splits, image kinds, and names that must not leave the folder."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regulator.vectors.contrast import find_contrast
from shared_spec.data.column import Column
from shared_spec.data.folder import MAX_CLASSES, Folder, read_folder
from shared_spec.data.source import SPLITS
from shared_spec.errors import DataError

ROWS = (
    "file_name,split,smiling,glasses,happy,member,hair,grade",
    "a/1.png,train,1,-1,yes,TRUE,dark,10",
    "a/2.png,train,0,1,No,false,blond,9",
    "b/3.png,validation,1,1,YES,True,grey,10",
    "b/4.png,test,0,-1,no,False,dark,2",
)


def write_folder(folder: Path, rows=ROWS) -> Path:
    for name in ("a/1.png", "a/2.png", "b/3.png", "b/4.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 12), (50, 60, 70)).save(folder / name)
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8-sig")
    return folder


def test_binary_spellings_and_class_names_become_codes(tmp_path):
    source = Folder(write_folder(tmp_path), 8)
    assert source.sample_ids("train") == ["a/1.png", "a/2.png"]
    assert source.sample_ids("valid") == ["b/3.png"]
    expected = {"smiling": [1, 0], "glasses": [0, 1], "happy": [1, 0], "member": [1, 0]}
    for name, codes in expected.items():
        assert source.classes[name] == ("no", "yes")
        assert source.labels("train", name).tolist() == codes, name
    assert source.classes["hair"] == ("blond", "dark", "grey")
    assert source.labels("train", "hair").tolist() == [1, 0]
    assert source.classes["grade"] == ("2", "9", "10"), "numbers in numeric order"
    assert set(source.classes) == {"smiling", "glasses", "happy", "member", "hair", "grade"}


def test_the_top_folder_is_the_split_when_there_is_no_column(tmp_path):
    rows = ["file_name,smiling"]
    for part in ("train", "validation", "test"):
        (tmp_path / part).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / part / "1.jpg")
        rows.append(f"{part}/1.jpg,1")
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    source = Folder(tmp_path, 8)
    assert source.sample_ids("valid") == ["validation/1.jpg"]
    # One metadata.csv per split folder, with names relative to it, is the same data set.
    (tmp_path / "metadata.csv").unlink()
    for part in ("train", "validation", "test"):
        (tmp_path / part / "metadata.csv").write_text("file_name,smiling\n1.jpg,1\n")
    nested = Folder(tmp_path, 8)
    for split in ("train", "valid", "test"):
        assert nested.sample_ids(split) == source.sample_ids(split)
    (tmp_path / "test/metadata.csv").write_text("file_name,frowning\n1.jpg,1\n")
    with pytest.raises(DataError, match=r"test/metadata.csv:1: other columns than"):
        Folder(tmp_path, 8)


@pytest.mark.parametrize(
    ("word", "split"),
    [("Train", "train"), ("val", "valid"), ("dev", "valid"), ("valid", "valid"), ("TEST", "test")],
)
def test_splits_have_several_spellings(tmp_path, word, split):
    source = Folder(write_folder(tmp_path, ["file_name,split,happy", f"a/1.png,{word},yes"]), 8)
    assert source.sample_ids(split) == ["a/1.png"]


@pytest.mark.parametrize(
    ("line", "row", "expected"),
    [
        (
            3,
            "a/2.png,train,0,1,maybe,0,dark,1",
            r"csv:3: happy 'maybe' is no class; expected no or yes",
        ),
        (
            3,
            "a/2.png,train,0,0,no,false,dark,1",
            r"csv:3: glasses '0' is no class; expected -1 or 1",
        ),
        (
            4,
            "b/3.png,valid,1,1,no,0,dark,1",
            r"csv:4: member '0' is no class; expected false or true, of which it has",
        ),
        (3, "a/2.png,train,0,1,no,false,,1", r"csv:3: hair '' is no class; expected a class name"),
        (
            3,
            "a/2.png,dev2,0,1,no,false,dark,1",
            r"csv:3: split 'dev2' is no split; expected one of",
        ),
        (
            3,
            "a/1.png,train,0,1,no,false,dark,1",
            r"csv:3: 'a/1.png' stands twice, first at .*csv:2",
        ),
        (3, "../2.png,train,0,1,no,false,dark,1", r"csv:3: file name '../2.png' leaves"),
        (3, "a/../../2.png,train,0,1,no,false,dark,1", r"csv:3: file name 'a/../../2.png' leaves"),
        (3, "/a/2.png,train,0,1,no,false,dark,1", r"csv:3: file name '/a/2.png' leaves"),
        (3, "a/2\x1f.png,train,0,1,no,false,dark,1", r"csv:3: a control character"),
        (3, '"a/\n2.png",train,0,1,no,false,dark,1', r"csv:4: a control character"),
        (
            3,
            'a/2.png,train,0,1,no,false,"da\nrk",1',
            r"csv:4: hair 'da\\nrk' holds control characters",
        ),
        (
            3,
            f"{'x/' * 600}2.png,train,0,1,no,false,dark,1",
            r"csv:3: file name .* has 1205 .* at most 1000",
        ),
        (3, "a,train,0,1,no,false,dark,1", r"/a: image missing"),
        (3, "a/2.png,train,0,1", r"csv:3: 4 fields; expected 8"),
        (1, "name,split,smiling,glasses,happy,member,hair,grade", r"csv:1: no column file_name"),
        (1, "file_name,split,hair,glasses,happy,member,hair,grade", r"csv:1: a column name stands"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path, line, row, expected):
    rows = list(ROWS)
    rows[line - 1] = row
    with pytest.raises(DataError, match=expected) as caught:
        Folder(write_folder(tmp_path, rows), 8)
    assert "\n" not in str(caught.value)


def test_a_row_outside_the_split_folders_is_named_once_a_folder(tmp_path):
    names = ("train/1.png", "a/1.png", "a/2.png", "b/3.png")
    rows = ["file_name,smiling", *(f"{name},{len(name) % 2}" for name in names)]
    problems: list[str] = []
    individuals = read_folder(write_folder(tmp_path, rows), problems.append)
    assert len(problems) == 2
    assert (
        "csv:3: no column split, and top folder 'a' is no split (2 images are in it)" in problems[0]
    )
    assert individuals.split_rule == "the top folder of the name"
    (tmp_path / "metadata.csv").unlink()
    with pytest.raises(DataError, match=r"metadata.csv: label file missing"):
        Folder(tmp_path, 8)


def test_without_splits_a_hash_of_the_name_decides(tmp_path):
    names = [f"faces/{row}.png" for row in range(400)]
    rows = ["file_name,even", *(f"{name},{row % 2}" for row, name in enumerate(names))]
    found = read_folder(write_folder(tmp_path, rows))
    assert "80% train, 10% valid, 10% test" in found.split_rule
    assert found.names["test"][:3] == ["faces/9.png", "faces/17.png", "faces/51.png"]
    sizes = [len(found.names[split]) for split in SPLITS]
    assert sum(sizes) == 400
    # Four standard deviations of binomials of 400 with 0.8 and 0.1.
    assert abs(sizes[0] - 320) <= 32
    assert abs(sizes[1] - 40) <= 24
    assert abs(sizes[2] - 40) <= 24
    half = read_folder(write_folder(tmp_path, [rows[0], *reversed(rows[1::2])]))
    for split in SPLITS:
        kept = set(half.names[split])
        assert kept <= set(found.names[split]), "the split depends on who else is there"


def test_an_unknown_split_is_told_once_with_its_number_of_rows(tmp_path):
    rows = [ROWS[0], *(row.replace("train", "never") for row in ROWS[1:])]
    problems: list[str] = []
    read_folder(write_folder(tmp_path, rows), problems.append)
    (line,) = problems
    assert (
        "csv:2: split 'never' is no split (2 rows have it); expected one of train, valid, test"
        in line
    )


def test_a_column_of_free_text_is_left_out_with_a_reason(tmp_path):
    rows = ["file_name,split,caption,smiling"]
    for row in range(MAX_CLASSES + 1):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{row}.png")
        rows.append(f'{row}.png,train,"a, b and {row}",{row % 2}')
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    source = Folder(tmp_path, 8)
    assert set(source.classes) == {"smiling"}
    with pytest.raises(DataError, match=r"'caption' is no label: more than 256 .* for a label$"):
        source.labels("train", "caption")


def test_measurements_are_no_label_and_numbered_classes_are(tmp_path):
    rows = ["file_name,split,height,few,whole"]
    for row in range(42):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{row}.png")
        rows.append(f"{row}.png,train,{1.5 + row % 21 / 100},{row % 20 / 2},{row % 40}.0")
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    source = Folder(tmp_path, 8)
    assert set(source.classes) == {"few", "whole"}
    assert (len(source.classes["few"]), len(source.classes["whole"])) == (20, 40)
    with pytest.raises(
        DataError,
        match=r"21 different numbers, not all whole: a measurement .*, as in height>1\.6, ",
    ):
        source.labels("train", "height")


def test_a_name_in_other_letters_is_told_as_the_file_has_it(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "a/2.png").rename(folder / "a/2.PNG")
    with pytest.raises(
        DataError, match=r"a/2\.png: image missing \(1 of 4 are\); there is '2\.PNG'"
    ):
        Folder(folder, 8)


def write_numbers(folder: Path) -> Path:
    """600 images with a continuous tan, ages in whole numbers and a word."""
    folder.mkdir(exist_ok=True)
    rows = ["file_name,split,tan,age,hair,old"]
    for row in range(600):
        split = ("train", "valid", "test")[row % 3]
        rows.append(f"{row % 2}.png,{split},{row / 600},{row % 80},{'rd'[row % 2]},{row % 2}")
    for row in range(2):
        Image.new("RGB", (4, 4)).save(folder / f"{row}.png")
    # One line per image name: names are unique, so each row has its own link to one of the two images.
    for row in range(600):
        rows[row + 1] = f"n{row}.png" + rows[row + 1][rows[row + 1].index(",") :]
        os.link(folder / f"{row % 2}.png", folder / f"n{row}.png")
    (folder / "metadata.csv").write_text("\n".join(rows))
    return folder


def test_a_threshold_makes_a_binary_column_of_numbers(tmp_path):
    source = Folder(write_numbers(tmp_path), 4)
    assert set(source.classes) == {"age", "hair", "old"}, (
        "a continuous column is no label by itself"
    )
    tan = np.arange(600) / 600
    for name, values in (("tan>0.25", tan > 0.25), ("age>39", np.arange(600) % 80 > 39)):
        assert source.check_column(name) == ("no", "yes")
        assert source.classes[name] == ("no", "yes")
        for part, split in enumerate(SPLITS):
            assert source.labels(split, name).tolist() == values[part::3].tolist()
    assert source.labels("train", "age>40").sum() != source.labels("train", "age>39").sum()
    assert Column.parse("tan>5e-1:no:yes").classes(source) == ("no", "yes")
    assert set(source.classes) == {"age", "hair", "old"}, "asking for a column lists it"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tan", r"'tan' is no label: more than 256 .*; name a threshold, as in tan>0\.499, above"),
        (
            "tna>0.5",
            r"'tna>0.5': no column 'tna' of numbers; did you mean 'tan'\?; there is age, old, tan",
        ),
        (
            "hair>1",
            r"'hair' holds more than numbers \('r' at .*csv:2\); a threshold needs a number",
        ),
        ("tan>", r"no label column 'tan>'"),
        ("tan>nan", r"no label column 'tan>nan'"),
        ("tan>1e999", r"no label column 'tan>1e999'"),
        ("har", r"no label column 'har'; did you mean 'hair'\? it has age, hair, old"),
    ],
)
def test_a_wrong_column_is_told_with_the_right_one(tmp_path, name, expected):
    source = Folder(write_numbers(tmp_path), 4)
    with pytest.raises(DataError, match=expected) as caught:
        source.labels("train", name)
    assert "\n" not in str(caught.value)


def test_one_missing_number_makes_a_column_of_text(tmp_path):
    folder = write_numbers(tmp_path)
    text = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").write_text(text.replace("n300.png,train,0.5,", "n300.png,train,,"))
    with pytest.raises(DataError, match=r"'tan' holds more than numbers \('' at .*csv:302\)"):
        Folder(folder, 4).labels("train", "tan>0.5")


def test_links_out_of_the_folder_are_refused(tmp_path):
    folder = write_folder(tmp_path / "data")
    (tmp_path / "secret.png").write_bytes((folder / "a/1.png").read_bytes())
    (folder / "a/1.png").unlink()
    (folder / "a/1.png").symlink_to("../../secret.png")
    with pytest.raises(DataError, match=r"a/1.png: the link leads out of"):
        Folder(folder, 8)


def test_a_folder_reached_through_a_link_serves(tmp_path):
    folder = write_folder(tmp_path / "data")
    (tmp_path / "link").symlink_to(folder)
    assert Folder(tmp_path / "link", 8).digest() == Folder(folder, 8).digest()


def test_classes_do_not_depend_on_the_order_of_a_set(tmp_path):
    rows = [
        ROWS[0],
        *(
            row.rsplit(",", 1)[0] + f",{grade}"
            for row, grade in zip(ROWS[1:], ("01", "1", "001", "0"), strict=True)
        ),
    ]
    source = Folder(write_folder(tmp_path, rows), 8)
    assert source.classes["grade"] == ("0", "001", "01", "1")


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def deep_png(side: int) -> bytes:
    """A red PNG of 16 bits per channel, which Pillow reads but does not write."""
    header = struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 0)
    rows = (b"\0" + b"\xff\xff\0\0\0\0" * side) * side
    packed = zlib.compress(rows)
    parts = png_chunk(b"IHDR", header), png_chunk(b"IDAT", packed), png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_image_kinds_become_rgb_and_deep_ones_are_refused(tmp_path):
    folder = write_folder(tmp_path)
    red = Image.new("RGB", (12, 12), (255, 0, 0))
    palette = red.quantize()
    palette.save(folder / "a/1.png", transparency=b"\x80")
    Image.new("L", (12, 12), 77).save(folder / "a/2.png")
    red.convert("RGBA").save(folder / "b/3.png")
    source = Folder(folder, 8)
    assert (source.images("train", [0])[0] == np.array([255, 0, 0])[:, None, None]).all()
    assert (source.images("train", [1]) == 77).all()
    assert (source.images("valid", [0])[0] == np.array([255, 0, 0])[:, None, None]).all()
    Image.fromarray(np.full((12, 12), 40_000, dtype=np.uint16)).save(folder / "b/4.png")
    with pytest.raises(DataError, match=r"b/4.png: more than 8 bits per channel"):
        source.images("test", [0])
    (folder / "b/4.png").write_bytes(deep_png(12))
    with pytest.raises(DataError, match=r"b/4.png: more than 8 bits per channel"):
        source.images("test", [0])
    comment = deep_png(12).replace(
        b"\0\0\0\rIHDR", png_chunk(b"tEXt", b"Title\0red") + b"\0\0\0\rIHDR"
    )
    (folder / "b/4.png").write_bytes(comment)
    with pytest.raises(DataError, match=r"b/4.png: .*does not begin with its header"):
        source.images("test", [0])


def test_the_exif_orientation_is_followed(tmp_path):
    folder = write_folder(tmp_path)
    upright = np.zeros((12, 12, 3), dtype=np.uint8)
    upright[:6] = 255
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(upright[::-1, ::-1].copy()).save(folder / "a/1.png", exif=exif)
    served = Folder(folder, 12).images("train", [0])[0]
    assert (served == upright.transpose(2, 0, 1)).all(), "the photograph is upside down"


def test_problems_are_collected_line_by_line(tmp_path):
    rows = [*ROWS, "../x.png,train,1,1,no,true,dark,1", "b/5.png,never,1,1,no,true,dark,1"]
    problems: list[str] = []
    individuals = read_folder(write_folder(tmp_path, rows), problems.append)
    assert len(problems) == 2
    assert individuals.names["train"] == ["a/1.png", "a/2.png"]


def test_another_cut_of_an_attributes_own_column_adjusts_for_nothing(tmp_path):
    source = Folder(write_numbers(tmp_path), 4)
    alone = find_contrast(source, "tan>0.5")
    assert np.array_equal(find_contrast(source, "tan>0.5", ["tan>0.4"]).weights, alone.weights)
    assert not np.array_equal(find_contrast(source, "tan>0.5", ["age>39"]).weights, alone.weights)
