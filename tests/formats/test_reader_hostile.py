"""Data sets as an attacker would make them: refused in one line, at once and in little memory."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import resident
from PIL import Image

from shared_spec.data import open_source
from shared_spec.data.folder import Folder
from shared_spec.data.images import load_square
from shared_spec.data.shapes3d import Shapes3D
from shared_spec.errors import DataError

ROWS = ("file_name,split,smiling", "1.png,train,1", "2.png,valid,0", "3.png,test,1")


def write_folder(folder: Path) -> Path:
    folder.mkdir()
    for row in (1, 2, 3):
        Image.new("RGB", (8, 8), (10 * row, 0, 0)).save(folder / f"{row}.png")
    (folder / "metadata.csv").write_text("\n".join(ROWS))
    (folder / "counterparts.csv").write_text("file_name,counterpart_of,attribute,value\n")
    return folder


def write_celeba(folder: Path) -> Path:
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "000001.jpg")
    (folder / "list_attr_celeba.txt").write_text("1\nSmiling\n000001.jpg 1\n")
    (folder / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    return folder


def write_fairface(folder: Path) -> Path:
    for part in ("train", "val"):
        (folder / part).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / part / "1.jpg")
        rows = f"file,age,gender,race\n{part}/1.jpg,3-9,Male,White\n"
        (folder / f"fairface_label_{part}.csv").write_text(rows)
    return folder


def pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


def loop(path: Path, _: Path) -> None:
    other = path.with_name(f"{path.name}.loop")
    path.symlink_to(other.name)
    other.symlink_to(path.name)


def device(path: Path, _: Path) -> None:
    path.symlink_to("/dev/zero")


def folder_instead(path: Path, _: Path) -> None:
    path.mkdir()


def link_outside(path: Path, outside: Path) -> None:
    secret = outside / "secret"
    secret.write_text("root:x:0:0")
    path.symlink_to(secret)


SOURCES: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "folder": (write_folder, ("metadata.csv", "counterparts.csv", "2.png")),
    "celeba": (
        write_celeba,
        ("list_attr_celeba.txt", "list_eval_partition.txt", "000001.jpg"),
    ),
    "fairface": (write_fairface, ("fairface_label_val.csv", "val/1.jpg")),
}
CASES = [(kind, name) for kind, (_, names) in SOURCES.items() for name in names]


@pytest.mark.parametrize("replace", [pipe, loop, device, folder_instead, link_outside])
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_what_is_no_file_of_the_folder_is_refused_at_once(tmp_path, kind, name, replace):
    folder = SOURCES[kind][0](tmp_path / "data")
    open_source(f"{kind}:{folder}", 8)
    (folder / name).unlink()
    replace(folder / name, tmp_path)
    start = time.perf_counter()  # whoever waits for a pipe takes no processor time
    with pytest.raises(DataError, match=name) as caught:
        open_source(f"{kind}:{folder}", 8)
    assert time.perf_counter() - start < 5
    assert "\n" not in str(caught.value)
    assert "root:x" not in str(caught.value), "shows what stands outside of the folder"


@pytest.mark.parametrize("replace", [pipe, device, folder_instead])
def test_an_image_that_becomes_something_else_later_is_refused(tmp_path, replace):
    source = Folder(write_folder(tmp_path / "data"), 8)
    (tmp_path / "data/2.png").unlink()
    replace(tmp_path / "data/2.png", tmp_path)
    with pytest.raises(DataError, match=r"2.png: cannot be read \(no regular file\)"):
        source.images("valid", [0])
    with pytest.raises(DataError, match=r"2.png: no regular file"):
        source.digest()


def test_links_within_the_folder_serve(tmp_path):
    folder = write_folder(tmp_path / "data")
    (folder / "metadata.csv").rename(folder / "labels.csv")
    (folder / "metadata.csv").symlink_to("labels.csv")
    (folder / "2.png").unlink()
    (folder / "2.png").symlink_to("1.png")
    assert (Folder(folder, 8).images("valid", [0])[0, 0] == 10).all()


def columns_of(n: int) -> str:
    return ",".join(["file_name", *(f"c{index}" for index in range(n))])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (columns_of(2000) + "\n1.png" + ",1" * 2000, r"csv:1: 2001 columns, more than 1024"),
        (columns_of(100_000) + "\n1.png" + ",1" * 100_000, r"csv:1: a line of more than 65536"),
        ("file_name,a\n1.png," + "x" * 10**7, r"csv:2: a line of more than 65536 characters"),
        ("file_name,a\n1.png," + "x" * 5000, r"csv:2: a field of more than 4096 characters"),
        ('file_name,a\n1.png,"' + "x\n" * 200_000, r"csv:\d+: not CSV \(field larger than"),
        ("\n" * 4_000_001, r"csv:1: no column file_name"),
        ("file_name,a" + "\n" * 4_000_001, r"csv: more than 4000000 lines"),
        ("x" * 300 * 2**20, r"csv: 314572800 bytes; expected a label file of at most 268435456"),
    ],
    ids=["columns", "header", "line", "field", "open quote", "blank", "lines", "bytes"],
)
def test_huge_label_files_are_refused_with_a_reason(tmp_path, text, expected):
    folder = write_folder(tmp_path / "data")
    (folder / "metadata.csv").write_text(text)
    del text
    start = time.process_time()
    with pytest.raises(DataError, match=expected) as caught:
        Folder(folder, 8)
    assert time.process_time() - start < 20
    assert len(str(caught.value)) < 1000


PEAK = """
import pathlib, sys
sys.path.append(sys.argv[2])
from resident import forget_peak, peak_bytes
from shared_spec.data.folder import read_folder
before = forget_peak()
read_folder(pathlib.Path(sys.argv[1]))
print(peak_bytes() - before)
"""


def test_many_numbers_cost_little_memory(tmp_path):
    """A million different numbers, 7 MB of text: as strings they would take 90 MB."""
    folder = write_folder(tmp_path / "data")
    rows = (
        f"{row}.png" + "".join(f",{(row * 1000 + column) * 7 % 999983}" for column in range(1000))
        for row in range(1000)
    )
    (folder / "metadata.csv").write_text("\n".join([columns_of(1000), *rows]))
    # A process of its own: this one may have what it needs lying free.
    words = [sys.executable, "-c", PEAK, str(folder), str(Path(resident.__file__).parent)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 100e6, f"{done.stdout} bytes"


def test_a_header_alone_is_no_data_set(tmp_path):
    folder = write_folder(tmp_path / "data")
    (folder / "metadata.csv").write_text(ROWS[0])
    with pytest.raises(DataError, match=r"metadata.csv.*: no individual; expected one line per"):
        Folder(folder, 8)


def png_of_zeros(width: int, height: int) -> bytes:
    """A valid PNG of one bit per pixel, all black: a thousandth of its pixels' bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("side", [8_001, 10_000, 20_000, 65_535])
def test_a_small_file_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of_zeros(side, side) if side < 30_000 else png_of_zeros(side, 1_000))
    assert path.stat().st_size < 600_000
    before = resident.forget_peak()
    with pytest.raises(DataError, match=r"bomb.png: more than 64 million pixels") as caught:
        load_square(path, 8)
    assert "\n" not in str(caught.value)
    assert resident.peak_bytes() - before < 50e6, "it was decoded"


def test_webp_bombs_are_refused_too(tmp_path):
    path = tmp_path / "bomb.webp"
    Image.new("L", (8_200, 8_200)).save(path, quality=1, method=0)
    with pytest.raises(DataError, match=r"bomb.webp: more than 64 million pixels"):
        load_square(path, 8)


def test_the_largest_images_serve(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png_of_zeros(8_000, 8_000))
    assert (load_square(path, 8) == 0).all()


def test_an_image_file_without_an_end_is_refused(tmp_path):
    path = tmp_path / "long.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    os.truncate(path, 300 * 2**20)
    with pytest.raises(DataError, match=r"long.png: 314572800 bytes; expected at most 268435456"):
        load_square(path, 8)


LABELS = np.array([[0, 0, 0, 0.75, 0, -30.0]] * 20)
PIXELS = np.zeros((20, 64, 64, 3), dtype=np.uint8)


def elsewhere(folder: Path) -> Path:
    with h5py.File(folder / "other.h5", "w") as other:
        other["images"], other["labels"] = PIXELS, LABELS
    return folder / "other.h5"


def external_link(file: h5py.File, folder: Path) -> None:
    file["images"] = h5py.ExternalLink(elsewhere(folder).name, "/images")


def soft_link(file: h5py.File, _: Path) -> None:
    file["hidden"] = PIXELS
    file["images"] = h5py.SoftLink("/hidden")


def link_loop(file: h5py.File, _: Path) -> None:
    file["images"], file["again"] = h5py.SoftLink("/again"), h5py.SoftLink("/images")


def virtual(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout(PIXELS.shape, np.uint8)
    layout[:] = h5py.VirtualSource(str(elsewhere(folder)), "images", PIXELS.shape)
    file.create_virtual_dataset("images", layout)


def external_storage(file: h5py.File, folder: Path) -> None:
    (folder / "raw").write_bytes(PIXELS.tobytes())
    file.create_dataset("images", PIXELS.shape, "u1", external=[("raw", 0, PIXELS.nbytes)])


def huge_pieces(file: h5py.File, _: Path) -> None:
    pixels = {"shape": (20, 64, 64, 3), "maxshape": (None, 64, 64, 3), "dtype": "u1"}
    file.create_dataset("images", **pixels, chunks=(6000, 64, 64, 3), compression="gzip")


def packed_twice(file: h5py.File, _: Path) -> None:
    """Two deflates, the second of zeros that the first has made: a few bytes that become gigabytes."""
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((1, 64, 64, 3))
    made.set_deflate(9)
    made.set_deflate(9)
    space = h5py.h5s.create_simple(PIXELS.shape)
    found = h5py.h5d.create(file.id, b"images", h5py.h5t.STD_U8LE, space, made)
    found.write(h5py.h5s.ALL, h5py.h5s.ALL, PIXELS)


def a_type(file: h5py.File, _: Path) -> None:
    file["images"] = np.dtype("u1")


def nothing_in_it(file: h5py.File, _: Path) -> None:
    file["images"] = h5py.Empty("u1")


def one_number(file: h5py.File, _: Path) -> None:
    file["images"] = np.uint8(3)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (external_link, "'images' is a link; expected the array itself"),
        (soft_link, "'images' is a link"),
        (link_loop, "'images' is a link"),
        (virtual, "the numbers of 'images' stand in other files"),
        (external_storage, "the numbers of 'images' stand in other files"),
        (huge_pieces, r"'images' is stored in pieces of \(6000, 64, 64, 3\)"),
        (packed_twice, r"'images' is packed by the filters \[1, 1\]; expected gzip alone"),
        (a_type, "no array 'images'"),
        (nothing_in_it, "no array 'images'"),
        (one_number, "no array 'images'"),
    ],
)
def test_numbers_that_are_not_in_the_file_itself_are_refused(tmp_path, make, expected):
    path = tmp_path / "3dshapes.h5"
    with h5py.File(path, "w") as file:
        file["labels"] = LABELS
        make(file, tmp_path)
    with pytest.raises(DataError, match=expected) as caught:
        Shapes3D(path, 64)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("images", 1, "a piece of 'images' is larger packed than it can be"),
        ("images", 20, "a piece of 'images' holds more than it says"),
        ("labels", 20, "a piece of 'labels' is larger packed than it can be"),
    ],
)
def test_a_piece_that_holds_more_than_it_says_is_refused(tmp_path, name, rows, expected):
    """HDF5 inflates to the end of the stream: 200 kB here, and 200 MB if it were let."""
    path = tmp_path / "3dshapes.h5"
    stored = {"images": PIXELS, "labels": LABELS}
    with h5py.File(path, "w") as file:
        for each, values in stored.items():
            chunks = (rows, *values.shape[1:])
            file.create_dataset(each, data=values, chunks=chunks, compression="gzip")
        bomb = zlib.compress(stored[name][:rows].tobytes() + bytes(200 * 2**20), 9)
        file[name].id.write_direct_chunk((0,) * stored[name].ndim, bomb)
    with pytest.raises(DataError, match=expected):
        Shapes3D(path, 64).images("train", [0, 1, 2])


@pytest.mark.parametrize("name", ["images", "labels"])
def test_arrays_of_a_thousand_million_rows_are_refused_before_they_are_read(tmp_path, name):
    path = tmp_path / "3dshapes.h5"
    shapes = {"images": (20, 64, 64, 3), "labels": (20, 6)}
    shapes[name] = (10**9, *shapes[name][1:])
    with h5py.File(path, "w") as file:
        for array, kind in (("images", "u1"), ("labels", "f8")):
            pieces = (1, *shapes[array][1:])
            file.create_dataset(array, shapes[array], kind, chunks=pieces)
    start = time.process_time()
    with pytest.raises(DataError, match=r"1000000000.*; expected"):
        Shapes3D(path, 64)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("replace", [pipe, loop, device, folder_instead])
def test_a_shapes_file_that_is_none_is_refused_at_once(tmp_path, replace):
    replace(tmp_path / "3dshapes.h5", tmp_path)
    with pytest.raises(DataError, match=r"3dshapes.h5: cannot be read \(") as caught:
        Shapes3D(tmp_path / "3dshapes.h5", 64)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_byte_of_a_shapes_file_is_an_error_of_data_or_none(tmp_path, seed):
    whole = elsewhere(tmp_path).read_bytes()
    draw = np.random.default_rng(seed)
    head = len(whole) - PIXELS.nbytes
    path = tmp_path / "3dshapes.h5"
    told = []
    for _ in range(60):
        content = bytearray(whole)
        for place in draw.integers(0, head, 3):
            content[place] ^= 1 << int(draw.integers(8))
        path.write_bytes(bytes(content))
        try:
            source = Shapes3D(path, 64, correlated=False)
            source.images("train", range(len(source.sample_ids("train"))))
        except DataError as error:
            told.append(str(error))
    assert told, "no change was noticed"
    assert not any("\n" in line for line in told)
