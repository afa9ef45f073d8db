"""The CelebA reader serves the owners' files as they are, and names whatever is wrong in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared_spec.data.celeba import CelebA, read_celeba
from shared_spec.data.source import SPLITS
from shared_spec.errors import DataError

NAMES = ("5_o_Clock_Shadow", "Pale_Skin", "Smiling", "Young")
N = 12


def sign(row: int, column: int) -> int:
    return 1 if (row * 7 + column * 3) % 5 < 2 else -1


def write_celeba(folder: Path) -> Path:
    """CelebA's lists in the owners' columns of fixed width, with aligned images of 178 × 218."""
    (folder / "img_align_celeba").mkdir(parents=True)
    attributes, partition = [str(N), " ".join(NAMES) + " "], []
    for row in range(N):
        name = f"{row + 1:06d}.jpg"
        grey = np.full((218, 178, 3), 15 * row, dtype=np.uint8)
        grey[:20], grey[198:] = 255, 255
        Image.fromarray(grey).save(folder / "img_align_celeba" / name, quality=95)
        values = " ".join(f"{sign(row, column):2d}" for column in range(len(NAMES)))
        attributes.append(f"{name} {values}")
        partition.append(f"{name} {0 if row < 6 else 1 if row < 9 else 2}")
    (folder / "list_attr_celeba.txt").write_text("\r\n".join(attributes) + "\r\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_lists_become_binary_columns_and_the_official_splits(tmp_path):
    source = CelebA(write_celeba(tmp_path), 32)
    assert {split: len(source.sample_ids(split)) for split in SPLITS} == {
        "train": 6,
        "valid": 3,
        "test": 3,
    }
    assert source.sample_ids("test") == ["000010.jpg", "000011.jpg", "000012.jpg"]
    for column, name in enumerate(NAMES):
        assert source.classes[name] == ("no", "yes")
        expected = [int(sign(row, column) == 1) for row in range(6, 9)]
        assert source.labels("valid", name).tolist() == expected


def test_images_are_the_centred_square(tmp_path):
    images = CelebA(write_celeba(tmp_path), 64).images("train", range(6))
    assert images.shape == (6, 3, 64, 64)
    # The bands of 20 white rows above and below lie outside the centred 178 x 178 square.
    for row in range(6):
        assert np.abs(images[row].astype(int)[:, 2:-2] - 15 * row).max() <= 3, (
            "the crop is off centre"
        )


def test_the_layout_of_the_original_download_and_images_in_the_folder_itself_serve(tmp_path):
    flat = write_celeba(tmp_path / "flat")
    expected = CelebA(flat, 16).digest()
    nested = tmp_path / "nested"
    for subfolder, name in (
        ("Img", "img_align_celeba"),
        ("Anno", "list_attr_celeba.txt"),
        ("Eval", "list_eval_partition.txt"),
    ):
        (nested / subfolder).mkdir(parents=True)
        copy = shutil.copytree if (flat / name).is_dir() else shutil.copy
        copy(flat / name, nested / subfolder / name)
    assert CelebA(nested, 16).digest() == expected
    for image in list((flat / "img_align_celeba").iterdir()):
        image.rename(flat / image.name)
    (flat / "img_align_celeba").rmdir()
    assert CelebA(flat, 16).digest() == expected


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("attr", "12\n", "13\n", r"attr_celeba.txt:1: announces 13 images, but 12 lines follow"),
        (
            "attr",
            "12\n",
            "9" * 5000 + "\n",
            r"attr_celeba.txt:1: '9+ does not name the attributes",
        ),
        ("attr", "12\n", "12\n\n", r"attr_celeba.txt:2: '' does not name the attributes"),
        (
            "attr",
            f"12\n{' '.join(NAMES)} \n",
            "",
            r"attr_celeba.txt:1: '000001.jpg .*' does not name the attributes",
        ),
        ("attr", "12\n", "image_id,Smiling\n", r"attr_celeba.txt:2: 0 labels; expected 1"),
        (
            "attr",
            "Smiling Young",
            "Young Young",
            r"attr_celeba.txt:2: an attribute name stands twice",
        ),
        ("attr", "000002.jpg -1", "000002.jpg", r"attr_celeba.txt:4: 3 labels; expected 4"),
        (
            "attr",
            "000002.jpg -1",
            "000002.jpg 0",
            r":4: 5_o_Clock_Shadow '0' is no class; .* -1 or 1",
        ),
        ("attr", "000002.jpg", "000001.jpg", r"attr_celeba.txt:4: '000001.jpg' stands twice"),
        ("attr", "000002.jpg", "../000002.jpg", r"attr_celeba.txt:4: file name .* leaves the data"),
        (
            "attr",
            "000002.jpg",
            "000099.jpg",
            r"attr_celeba.txt:4: 000099.jpg is not in .*partition",
        ),
        (
            "part",
            "000002.jpg 0",
            "000002.jpg 3",
            r"partition.txt:2: '000002.jpg 3'; expected .* 0 \(",
        ),
        ("part", "000002.jpg 0", "000002.jpg", r"partition.txt:2: '000002.jpg'; expected"),
        ("part", "000002.jpg 0\n", "", r"attr_celeba.txt:4: 000002.jpg is not in .*partition"),
        ("part", "000002.jpg", "000001.jpg", r"partition.txt:2: '000001.jpg' stands twice"),
        ("part", "000001.jpg 0", "000001.jpg 0\n000088.jpg 0", r"000088.jpg has no usable line in"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path, file, old, new, expected):
    folder = write_celeba(tmp_path)
    name = "list_attr_celeba.txt" if file == "attr" else "list_eval_partition.txt"
    edit(folder / name, old, new)
    with pytest.raises(DataError, match=expected) as caught:
        CelebA(folder, 16)
    assert "\n" not in str(caught.value)


def test_missing_files_and_images_are_named(tmp_path):
    folder = write_celeba(tmp_path)
    (folder / "img_align_celeba/000003.jpg").unlink()
    with pytest.raises(DataError, match=r"000003.jpg: image missing \(1 of 12 are\)"):
        CelebA(folder, 16)
    (folder / "list_attr_celeba.txt").unlink()
    with pytest.raises(DataError, match=r"list_attr_celeba.txt: label file missing"):
        CelebA(folder, 16)


def rewritten(folder: Path, count: bool, commas: bool, index: str) -> Path:
    """The lists as copies of CelebA have them."""
    path = folder / "list_attr_celeba.txt"
    n, header, *rows = path.read_text().splitlines()
    lines = [f"{index} {header}", *rows]
    parts = [f"{index} partition"] if index else []
    parts += (folder / "list_eval_partition.txt").read_text().splitlines()
    if commas:
        lines, parts = ([",".join(line.split()) for line in text] for text in (lines, parts))
    path.write_text("\n".join([n, *lines] if count else lines))
    (folder / "list_eval_partition.txt").write_text("\n".join(parts))
    return folder


@pytest.mark.parametrize("count", [False, True])
@pytest.mark.parametrize(
    ("commas", "index"), [(False, ""), (False, "image_id"), (True, "image_id"), (True, "File_Name")]
)
def test_copies_without_the_count_or_with_commas_hold_the_same(tmp_path, count, commas, index):
    original = CelebA(write_celeba(tmp_path / "original"), 16)
    copy = CelebA(rewritten(write_celeba(tmp_path / "copy"), count, commas, index), 16)
    assert list(copy.classes) == list(original.classes)
    for split in SPLITS:
        assert copy.sample_ids(split) == original.sample_ids(split)
        for name in NAMES:
            assert copy.labels(split, name).tolist() == original.labels(split, name).tolist()


def test_lists_named_csv_and_a_folder_within_the_folder_serve(tmp_path):
    folder = rewritten(write_celeba(tmp_path), False, True, "image_id")
    before = CelebA(folder, 16)
    images, digest = before.images("train", range(6)), before.digest()
    for name in ("list_attr_celeba", "list_eval_partition"):
        (folder / f"{name}.txt").rename(folder / f"{name}.csv")
    (folder / "img_align_celeba").rename(folder / "inner")
    (folder / "img_align_celeba").mkdir()
    (folder / "inner").rename(folder / "img_align_celeba/img_align_celeba")
    assert CelebA(folder, 16).digest() == digest
    assert (CelebA(folder, 16).images("train", range(6)) == images).all()


def test_without_the_partition_a_hash_of_the_name_decides(tmp_path):
    folder = write_celeba(tmp_path)
    (folder / "list_eval_partition.txt").unlink()
    individuals = read_celeba(folder)
    assert "80% train, 10% valid, 10% test" in individuals.split_rule
    # What `printf 000001.jpg | sha256sum` and so on say; an individual may never change its split.
    assert individuals.names["test"] == ["000008.jpg", "000011.jpg", "000012.jpg"]
    assert individuals.names["valid"] == ["000002.jpg"]
    assert len(individuals.names["train"]) == 8


def test_an_archive_that_is_packed_or_a_web_page_is_named(tmp_path):
    folder = write_celeba(tmp_path)
    shutil.rmtree(folder / "img_align_celeba")
    archive = folder / "img_align_celeba.zip"
    archive.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(DataError, match=r"img_align_celeba.zip: unpack it there"):
        CelebA(folder, 16)
    archive.write_text("\n <!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>")
    with pytest.raises(DataError, match=r"zip: is a web page, not an archive; download it again"):
        CelebA(folder, 16)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"<html><body>Virus scan warning</body></html>", "is a web page, not an image"),
        (b"", "is empty, not an image"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a Git LFS pointer"),
        (b"GIF89a\x01\x00\x01\x00", "truncated, damaged or no image"),
        (None, "truncated, damaged or no image .*truncated"),
    ],
)
def test_an_unreadable_image_is_named_when_it_is_asked_for(tmp_path, content, expected):
    folder = write_celeba(tmp_path)
    path = folder / "img_align_celeba/000002.jpg"
    path.write_bytes(path.read_bytes()[:900] if content is None else content)
    source = CelebA(folder, 16)
    assert source.images("train", [0, 2]).shape == (2, 3, 16, 16)
    with pytest.raises(DataError, match=f"000002.jpg: .*{expected}") as caught:
        source.images("train", [0, 1])
    assert "\n" not in str(caught.value)
