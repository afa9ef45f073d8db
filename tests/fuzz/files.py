"""Files that no digest protects, changed at random: refused in one line and at once, or read as what they now are.

    file_violations(seed, sets) -> a line per violation

Data sets in every layout that is read, and settings as TOML. A change is drawn from the seed alone and read in a
process of its own, since a decoder that is a C library can do worse than raise. Violations are: an exception that is
no LassiError, a dead process, more than 5 s of processor, a minute or 1 GiB, and a data set that changed and kept its
digest.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import resource
import select
import shutil
import signal
import tempfile
import time
import traceback
from functools import cache
from pathlib import Path

import h5py
import numpy as np
from artifacts import mutate_bytes, pick
from click.testing import CliRunner
from PIL import Image
from resident import forget_peak, peak_bytes

from regulator.cli import group
from shared_spec.data import open_source
from shared_spec.data.shapes3d_file import FACTORS
from shared_spec.data.source import SPLITS
from shared_spec.errors import LassiError
from shared_spec.rng import numpy_generator

__all__ = ["file_violations", "make_sets"]

SECONDS, MINUTE, BYTES = 5, 60, 2**30

SETTINGS = (
    "data = 'portraits:train=30,valid=6,test=6'\npreset = 'demo'\nsteps = 10\nbatch = 4\nlearning_rate = 1e-3\n"
    "warmup = 5\nseed = 3\n"
)
LINES = [
    b"steps = -1", b"steps = 1e999", b"steps = nan", b"learning_rate = 'x'", b"steps = 10", b"steps = [1]", b"x = 1",
    b"[steps]", b"seed = 99999999999999999999999999", b"preset = 'none'", b"data = ''", b"\xff",
    b"steps = " + b"[" * 5000, b"data = '" + b"x" * 200_000 + b"'", b"steps = 1979-05-27", b"batch = true",
    b"a.b = {x = 1}", b"seed = '\x1b[31m'",
]  # fmt: skip


def picture(row, size=(9, 8)):
    """Smooth, so that every format has something to code."""
    columns = np.add.outer(np.arange(size[1]), np.arange(size[0]))
    return Image.fromarray(
        np.stack([columns * 9 + row, columns * 5, 255 - columns], 2).astype("u1")
    )


def make_folder(folder):
    """An image folder in four formats, with labels and counterparts."""
    folder.mkdir()
    formats = ["png", "jpg", "webp", "bmp"]
    lines, known = ["file_name,split,smiling,age"], ["file_name,counterpart_of,attribute,value"]
    for row in range(8):
        name = f"{row}.{formats[row % 4]}"
        picture(row).save(folder / name)
        lines.append(f"{name},{SPLITS[row % 3]},{row % 2},{20 + row}")
        picture(row + 50).save(folder / f"like-{row}.png")
        known.append(f"like-{row}.png,{name},smiling,{1 - row % 2}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    (folder / "counterparts.csv").write_text("\n".join(known) + "\n")


def make_celeba(folder):
    """Images beside the two official lists."""
    folder.mkdir()
    names = [f"{row:06}.jpg" for row in range(1, 7)]
    for row, name in enumerate(names):
        picture(row).save(folder / name)
    labels = [f"{name} {(-1) ** row} 1" for row, name in enumerate(names)]
    (folder / "list_attr_celeba.txt").write_text("\n".join(["6", "Smiling Young", *labels]) + "\n")
    parts = [f"{name} {row % 3}" for row, name in enumerate(names)]
    (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")


def make_fairface(folder):
    """Two folders, and a table for each."""
    for part in ("train", "val"):
        (folder / part).mkdir(parents=True)
        lines = ["file,age,gender,race,service_test"]
        for row in range(1, 7):
            picture(row).save(folder / part / f"{row}.jpg")
            lines.append(f"{part}/{row}.jpg,{('3-9', '20-29')[row % 2]},Male,White,True")
        (folder / f"fairface_label_{part}.csv").write_text("\n".join(lines) + "\n")


def make_shapes3d(folder):
    """A part of the official grid, compressed as it is."""
    folder.mkdir()
    counts = dict(zip(FACTORS, (2, 1, 10, 1, 4, 2), strict=True))
    labels = np.array(list(itertools.product(*(FACTORS[n][:c] for n, c in counts.items()))))
    rows = np.arange(len(labels), dtype="u1")[:, None, None, None]
    with h5py.File(folder / "3dshapes.h5", "w") as file:
        pixels = np.broadcast_to(rows, (len(labels), 64, 64, 3))
        file.create_dataset("images", data=pixels, compression="gzip", chunks=(8, 64, 64, 3))
        file.create_dataset("labels", data=labels)


def make_settings(folder):
    """Settings of one command."""
    folder.mkdir()
    (folder / "settings.toml").write_text(SETTINGS)


SETS = {
    "folder": make_folder, "celeba": make_celeba, "fairface": make_fairface, "shapes3d": make_shapes3d,
    "settings": make_settings,
}  # fmt: skip


def make_sets(root):
    """One small example of each."""
    for name, make in SETS.items():
        make(root / name)
    return root


def change(folder, kind, generator):
    """Changes one file; returns its name."""
    path = pick(generator, sorted(each for each in folder.rglob("*") if each.is_file()))
    content = path.read_bytes()
    if path.suffix in {".csv", ".txt"}:
        content = mutate_bytes(content, generator)
    elif kind == "settings":
        lines = content.split(b"\n")
        lines[int(generator.integers(len(lines)))] = pick(generator, LINES)
        content = b"\n".join(lines) if generator.random() < 0.7 else damaged(content, generator)
    else:
        content = damaged(content, generator)
    path.write_bytes(content)
    return path.name


def damaged(content, generator):
    """Bytes changed, most often near the beginning, where lengths and types stand."""
    data = bytearray(content)
    top = min(len(data), 200) if generator.random() < 0.6 else len(data)
    at, other = (int(generator.integers(top)) for _ in range(2))
    length = int(generator.integers(1, 64))
    match pick(generator, ["bits", "bytes", "huge", "zero", "cut", "twice", "move", "drop"]):
        case "bits":
            data[at] ^= 1 << int(generator.integers(8))
        case "bytes":
            data[at : at + length] = generator.bytes(len(data[at : at + length]))
        case "huge":
            width = pick(generator, [2, 4, 8])
            data[at : at + width] = pick(generator, [b"\xff", b"\x7f"]) * len(data[at : at + width])
        case "zero":
            data[at : at + length] = bytes(len(data[at : at + length]))
        case "cut":
            del data[at:]
        case "twice":
            data[at:at] = data[at : at + length]
        case "move":
            data[at : at + length], data[other : other + length] = (
                data[other : other + length],
                data[at : at + length],
            )
        case "drop":
            del data[at : at + length]
    return bytes(data)


def read(folder, kind):
    """Everything that a command would read: the digest that it states, and a digest of what it reads."""
    if kind == "settings":
        words = [
            "train-flow",
            "--show-config",
            "--config",
            str(folder / "settings.toml"),
            "--out",
            str(folder / "f"),
        ]
        outcome = CliRunner().invoke(group, words)
        if outcome.exception and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        assert outcome.exit_code in (0, 2), f"exit code {outcome.exit_code}"
        # A setting can be as long as its file: what is shown of it has to fit through a pipe.
        shown = hashlib.sha256(outcome.output.encode()).hexdigest()
        return shown, shown
    path = folder / "3dshapes.h5" if kind == "shapes3d" else folder
    source = open_source(f"{kind}:{path}", 64 if kind == "shapes3d" else 8)
    seen = hashlib.sha256()
    for split in SPLITS:
        ids = source.sample_ids(split)
        seen.update(json.dumps([split, list(ids)]).encode())
        for name in sorted(source.classes):
            seen.update(name.encode() + source.labels(split, name).tobytes())
        for images in source.batches(split, 64):
            seen.update(images.tobytes())
    return source.digest(), seen.hexdigest()


def file_violations(seed, sets):
    """One change, drawn from the seed, of one of the sets that `make_sets` made."""
    generator = numpy_generator(seed, "fuzz.files")
    kind = pick(generator, SETS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / kind
        shutil.copytree(sets / kind, folder)
        place = change(folder, kind, generator)
        after = in_a_process(folder, kind)
    where = f"seed {seed}: {kind}: {place}"
    if after.get("wrong"):
        return [f"{where}: {after['wrong']}"]
    if "read" in after and kind != "settings":
        (stated, seen), (now, seen_now) = unchanged(sets, kind), after["read"]
        if stated == now and seen != seen_now:
            return [f"{where}: other people, labels or pixels under the same digest"]
    return []


@cache
def unchanged(sets, kind):
    """What is read of a set as it was made."""
    return in_a_process(sets / kind, kind)["read"]


def in_a_process(folder, kind):
    """What came of reading: {"read": ...}, {"refused": ...} or {"wrong": ...}."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        os.write(writer, json.dumps(outcome_of(folder, kind)).encode()[:60_000])
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as stream:
        late = not select.select([stream], [], [], MINUTE)[0]
        if late:
            os.kill(child, signal.SIGKILL)
        content = stream.read()
    _, status = os.waitpid(child, 0)
    if late:
        return {"wrong": f"not done in {MINUTE} s"}
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return {"wrong": f"not done in {SECONDS} s of processor"}
    return json.loads(content) if content else {"wrong": f"the process died ({status})"}


def outcome_of(folder, kind):
    """Of reading in this process."""
    start, before = time.process_time(), forget_peak()
    try:
        found = {"read": read(folder, kind)}
    except LassiError as error:
        text = str(error)
        short = "\n" not in text and len(text) < 4000
        found = {"refused": text} if short else {"wrong": f"no short line: {text:.200}"}
    except BaseException:
        found = {"wrong": " | ".join(traceback.format_exc().splitlines()[-3:])}
    grown = peak_bytes() - before
    if grown > BYTES:
        spent = time.process_time() - start
        return {"wrong": f"took {grown / 2**30:.1f} GiB in {spent:.1f} s"}
    return found
