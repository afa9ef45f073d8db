"""The 3D Shapes reader on files of the official layout: the correlated split, similar images, damaged files."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from shared_spec.data.shapes3d import Shapes3D
from shared_spec.data.shapes3d_file import FACTORS
from shared_spec.data.source import SPLITS
from shared_spec.errors import DataError, SettingsError

# The official grid with two floors, one wall and one scale: 2 * 1 * 10 * 1 * 4 * 15 rows, each value of the
# two correlated factors present.
GRID = {"floor_hue": 2, "wall_hue": 1, "object_hue": 10, "scale": 1, "shape": 4, "orientation": 15}
N = 1200


def image_of(row: int) -> np.ndarray:
    return np.full((64, 64, 3), [row % 251, row // 251, 9], dtype=np.uint8)


def write_shapes(path: Path, labels: np.ndarray | None = None, **images: object) -> Path:
    """3dshapes.h5 as released: two compressed arrays, the orientation turning fastest."""
    if labels is None:
        values = [FACTORS[name][:count] for name, count in GRID.items()]
        labels = np.array(list(itertools.product(*values)))
    with h5py.File(path, "w") as file:
        data = np.stack([image_of(row) for row in range(len(labels))])
        file.create_dataset("images", **({"data": data, "compression": "gzip"} | images))
        file.create_dataset("labels", data=labels)
    return path


@pytest.fixture(scope="module")
def shapes(tmp_path_factory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes") / "3dshapes.h5")


def test_train_and_valid_are_correlated_and_test_is_not(shapes):
    source = Shapes3D(shapes, 64)
    assert {name: len(values) for name, values in source.classes.items()} == {
        "floor_hue": 10,
        "wall_hue": 10,
        "object_hue": 10,
        "scale": 8,
        "shape": 4,
        "orientation": 15,
    }
    for split in ("train", "valid"):
        hue, orientation = (source.labels(split, name) for name in ("object_hue", "orientation"))
        assert set(orientation[hue <= 4]) == set(range(7)), f"{split}: low hues, orientations 0-6"
        assert set(orientation[hue >= 5]) == set(range(8, 15)), f"{split}: high hues, 8-14"
    hue, orientation = (source.labels("test", name) for name in ("object_hue", "orientation"))
    assert abs(np.corrcoef(hue, orientation)[0, 1]) < 0.2, "the test split is correlated"
    assert set(orientation) == set(range(15))


def test_splits_are_disjoint_seeded_fifths(shapes):
    source = Shapes3D(shapes, 64, correlated=False)
    ids = {split: set(source.sample_ids(split)) for split in SPLITS}
    assert {split: len(rows) for split, rows in ids.items()} == {
        "train": 780,
        "valid": 180,
        "test": 240,
    }
    assert len(set.union(*ids.values())) == N, "an individual is in two splits"
    # Fifteen rows are one scene, turned.
    scenes = [{int(row) // 15 for row in rows} for rows in ids.values()]
    assert sum(map(len, scenes)) == N // 15, "a scene is in two splits"
    assert set(Shapes3D(shapes, 64).sample_ids("test")) == ids["test"]
    assert set(Shapes3D(shapes, 64).sample_ids("train")) < ids["train"]
    other = Shapes3D(shapes, 64, split_seed=1)
    assert set(other.sample_ids("test")) != ids["test"]
    digests = {Shapes3D(shapes, 64).digest(), source.digest(), other.digest()}
    assert len(digests | {Shapes3D(shapes, 32).digest()}) == 4
    assert Shapes3D(shapes, 64).digest() in digests


def test_the_digest_sees_every_byte_of_the_file(shapes, tmp_path):
    content = bytearray(shapes.read_bytes())
    copy = tmp_path / "3dshapes.h5"
    copy.write_bytes(content)
    before = Shapes3D(copy, 64).digest()
    assert before == Shapes3D(shapes, 64).digest()
    content[-20] ^= 1
    copy.write_bytes(content)
    assert Shapes3D(copy, 64).digest() != before


def test_images_come_in_the_order_asked_for_with_repeats(shapes):
    source = Shapes3D(shapes, 64)
    rows = [5, 0, 100, 5, 99]
    images = source.images("test", rows)
    ids = source.sample_ids("test")
    for image, row in zip(images, rows, strict=True):
        assert (image == image_of(int(ids[row])).transpose(2, 0, 1)).all()
    assert source.images("test", []).shape == (0, 3, 64, 64)
    assert Shapes3D(shapes, 16).images("train", [1, 0]).shape == (2, 3, 16, 16)
    with pytest.raises(DataError, match="rows 0 to 239"):
        source.images("test", [240])


@pytest.mark.parametrize(("attribute", "count"), [("orientation", 15), ("object_hue", 10)])
def test_similar_images_differ_in_one_factor_alone(shapes, attribute, count):
    source = Shapes3D(shapes, 64)
    own = int(source.sample_ids("train")[17])
    images = source.similar("train", 17, attribute)
    assert images.shape == (count, 3, 64, 64)
    rows = [int(image[0, 0, 0]) + 251 * int(image[1, 0, 0]) for image in images]
    assert rows[source.labels("train", attribute)[17]] == own, "not in the order of the values"
    found = source.counterparts("train", 17, attribute)
    assert (found.images == images).all()
    assert found.values.tolist() == list(FACTORS[attribute])
    assert found.own == source.labels("train", attribute)[17]
    assert source.counterpart_rows("train", attribute)[-1] == len(source.sample_ids("train")) - 1
    step = {"orientation": 1, "object_hue": 60}[attribute]
    assert np.diff(rows).tolist() == [step] * (count - 1)


def test_similar_images_that_the_file_lacks_are_refused(shapes):
    with pytest.raises(DataError, match=r"1 images that differ in scale alone; expected .* 8"):
        Shapes3D(shapes, 64).similar("test", 0, "scale")
    with pytest.raises(DataError, match="no label column 'light'"):
        Shapes3D(shapes, 64).similar("test", 0, "light")


def test_the_official_size_is_read_by_slices(tmp_path):
    labels = np.array(list(itertools.product(*FACTORS.values())))
    assert labels.shape == (480_000, 6)
    # Chunks that were never written take no room: the array has the official shape without its bytes.
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        file.create_dataset("images", (480_000, 64, 64, 3), "u1", chunks=(1, 64, 64, 3))
        file.create_dataset("labels", data=labels)
    source = Shapes3D(tmp_path / "3dshapes.h5", 64)
    counts = [len(source.sample_ids(split)) for split in SPLITS]
    assert counts[2] == 96_000
    assert 140_000 < counts[0] < 147_000, "7/15 of 307,200 remain"
    assert 34_000 < counts[1] < 38_000
    assert source.images("test", range(0, 96_000, 320)).shape == (300, 3, 64, 64)
    assert source.similar("test", 5).shape == (15, 3, 64, 64)


def bad_label(row: int, column: int, value: float) -> np.ndarray:
    values = [FACTORS[name][:count] for name, count in GRID.items()]
    labels = np.array(list(itertools.product(*values)))
    labels[row, column] = value
    return labels


@pytest.mark.parametrize(
    ("row", "column", "value", "expected"),
    [
        (7, 5, 31.0, r"row 7: orientation 31 is no class; expected one of -30, -25.71"),
        (0, 2, 0.05, r"row 0: object_hue 0.05 is no class"),
        (9, 4, np.nan, r"row 9: shape nan is no class; expected one of 0, 1, 2, 3"),
        (11, 0, 1.7e308, r"row 11: floor_hue 1\.7e\+308 is no class"),
        (9, 3, np.inf, r"row 9: scale inf is no class"),
    ],
)
def test_a_label_that_is_no_factor_value_is_named(tmp_path, row, column, value, expected):
    path = write_shapes(tmp_path / "3dshapes.h5", bad_label(row, column, value))
    with pytest.raises(DataError, match=expected):
        Shapes3D(path, 64)


def test_foreign_and_damaged_files_are_named(tmp_path, shapes):
    path = tmp_path / "3dshapes.h5"
    with pytest.raises(DataError, match=r"no such file; expected the official 3dshapes\.h5"):
        Shapes3D(path, 64)
    whole = shapes.read_bytes()
    for content, expected in (
        (b"<!doctype html><html>404</html>", "is a web page, not an HDF5 file; download"),
        (b"", "is empty, not an HDF5 file"),
        (b"not hdf5 at all", "truncated or no HDF5 file"),
        (whole[: len(whole) // 2], "truncated or no HDF5 file"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=expected) as caught:
            Shapes3D(path, 64)
        assert "\n" not in str(caught.value)
    write_shapes(path, data=np.zeros((N, 32, 32, 3), dtype=np.uint8))
    with pytest.raises(DataError, match=r"images are uint8 .*; expected uint8 \[n, 64, 64, 3\]"):
        Shapes3D(path, 64)
    write_shapes(path, data=np.zeros((N - 1, 64, 64, 3), dtype=np.uint8))
    with pytest.raises(DataError, match=r"labels are float64 .*; expected float64 \[1199, 6\]"):
        Shapes3D(path, 64)
    with h5py.File(path, "w") as file:
        file.create_group("images")
    with pytest.raises(DataError, match="no array 'images'"):
        Shapes3D(path, 64)


def test_images_damaged_inside_the_file_are_named(tmp_path, shapes):
    path = tmp_path / "3dshapes.h5"
    content = bytearray(shapes.read_bytes())
    with h5py.File(shapes) as file:
        chunk = file["images"].id.get_chunk_info(0)
    content[chunk.byte_offset + 4 : chunk.byte_offset + chunk.size - 4] = bytes(chunk.size - 8)
    path.write_bytes(bytes(content))
    source = Shapes3D(path, 64, correlated=False)
    with pytest.raises(DataError, match=r"images 0 to \d+ cannot be read .* damaged"):
        source.images("train", [0])


def test_without_h5py_the_extra_is_named(monkeypatch, shapes):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(SettingsError, match=r"needs h5py; install .*lassi-shared-spec\[shapes3d\]"):
        Shapes3D(shapes, 64)
