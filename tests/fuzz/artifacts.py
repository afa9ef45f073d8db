"""Artefacts changed at random, every digest made again: refused in one line and at once, or no claim is changed.

    artifact_violations(seed, artefacts) -> a line per violation

A change of a document, a table or tensors is drawn from the seed alone. Violations are: an exception that is no
LassiError, more than 5 s or 1 GiB, a changed claim that is accepted, and accepted bounds that contradict each other.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import time
import traceback
from pathlib import Path

import forge
import numpy as np
import torch
from resident import forget_peak, peak_bytes
from tallied import count_rows

from consumer import verify
from consumer.report.page import render_report
from shared_spec import load_bundle, load_spec
from shared_spec.artifacts.bundle_documents import Manifest
from shared_spec.artifacts.certificate import CertificateDocument
from shared_spec.artifacts.document import parse_document
from shared_spec.artifacts.rows import read_rows
from shared_spec.errors import LassiError
from shared_spec.rng import numpy_generator

__all__ = ["artifact_violations"]

SECONDS, BYTES = 5, 2**30

FREE = {
    # What a producer says of itself, and nobody can compute again.
    "reps": ("tool", "data", "seed", "encoder.method", "encoder.hidden", "encoder.input_dim", "encoder.targets",
             "encoder.settings", "spec.attributes", "views.exact.settings", "labels", "individuals.csv"),
    # What a consumer says of itself, of its training, and of the machine that it ran on. Deterministic claims follow
    # from no seed.
    # Roots are made again from the rows when a changed certificate is sealed again.
    "certificate": ("tool.torch", "head.settings", "head.sigma_rs", "labels", "seed", "files", "roots.",
                    "imprint"),
    "spec": ("",),
}  # fmt: skip
"""Beginnings of the fields whose change a reader may accept, because no claim follows from them."""

VALUES = [
    None, True, False, 0, 1, -1, 2, 7, 0.5, -0.25, 1e-300, 1e300, 2**53 - 1, 2**60, "", "0", "x", "\x1b[31m", "\u202e",
    "../x", "a" * 300, "a" * 100_000, [], {}, [1], ["x", "x"], {"x": 1}, [[[[1]]]], "train", "test", "exact", "X", "D",
]  # fmt: skip


CELLS = [
    b"", b"0", b"1", b"-1", b"nan", b"1e999", b"\xff", b"\x00", b'"', b"CERTIFIED", b"yes", b"x" * 200_000,
]  # fmt: skip


def pick(generator, options):
    """One of the options."""
    options = list(options)
    return options[int(generator.integers(len(options)))]


def mutate_json(value, generator, path=""):
    """Changes one thing at a random place below `value`; returns where, as names joined by dots."""
    names = list(value) if isinstance(value, dict) else range(len(value))
    if not len(names) or generator.random() < 0.1:
        if isinstance(value, dict):
            value[pick(generator, ["x", "note", "\x1b", ""])] = pick(generator, VALUES)
        else:
            value.insert(0, pick(generator, [*VALUES, *value]))
        return path or "nowhere"
    name = pick(generator, names)
    here = f"{path}.{name}" if path else str(name)
    if isinstance(value[name], dict | list) and generator.random() < 0.85:
        return mutate_json(value[name], generator, here)
    kind = pick(generator, ["delete", "value", "neighbour", "number"])
    if kind == "delete":
        del value[name]
    elif kind == "neighbour":
        value[name] = value[pick(generator, names)]
    elif kind == "number" and isinstance(value[name], int | float):
        value[name] *= pick(generator, [0.5, 2, -1, 1 + 1e-3, 1 + 1e-7, 1e9])
    else:
        value[name] = pick(generator, VALUES)
    return here


def mutate_tensors(tensors, generator):
    """Changes one tensor; returns which."""
    name = pick(generator, sorted(tensors))
    tensor = tensors[name]
    kind = pick(
        generator, ["scale", "entry", "drop", "rename", "type", "shape", "roll", "swap", "flip"]
    )
    if kind == "drop":
        del tensors[name]
    elif kind == "rename":
        tensors[pick(generator, [f"{name}.x", "x", "\x1b", name.upper()])] = tensors.pop(name)
    elif kind == "type":
        kinds = [torch.float32, torch.float64, torch.int64, torch.uint8]
        tensors[name] = tensor.to(pick(generator, kinds))
    elif kind == "shape":
        shapes = [
            tensor.reshape(-1),
            tensor[None],
            tensor[:-1],
            tensor[:0],
            tensor.repeat_interleave(2, 0),
        ]
        tensors[name] = pick(generator, shapes)
    elif kind == "roll":
        tensors[name] = tensor.roll(1, 0)
    elif kind == "swap":
        tensors[name] = tensors[pick(generator, sorted(tensors))].clone()
    elif kind == "scale" and tensor.is_floating_point():
        tensors[name] = tensor * pick(generator, [0.0, 0.5, -1.0, 1e-3, 2.0, 1e30, 1 + 1e-6])
    elif tensor.numel():
        flat = tensor.reshape(-1).clone()
        flat[int(generator.integers(len(flat)))] = pick(generator, [0, 1, 2, 7, 1e-9, 100])
        tensors[name] = flat.reshape(tensor.shape)
    return name


def mutate_bytes(content, generator):
    """Changes a table: cells, rows or bytes."""
    lines = content.split(b"\n")
    at = int(generator.integers(len(lines)))
    cells = lines[at].split(b",")
    column = int(generator.integers(len(cells)))
    kind = pick(generator, ["cell", "row", "twice", "swap", "byte", "more", "move"])
    if kind == "cell":
        cells[column] = pick(generator, CELLS)
        lines[at] = b",".join(cells)
    elif kind == "row":
        del lines[at]
    elif kind == "twice":
        lines.insert(at, lines[at])
    elif kind == "swap":
        other = int(generator.integers(len(lines)))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "move":
        lines[at] = b",".join([*cells[1:], cells[0]])
    elif kind == "more":
        lines[at] += b",x"
    else:
        lines[at] = lines[at][:-1] + bytes([int(generator.integers(256))])
    return b"\n".join(lines)


def change(paths, generator):
    """Changes something somewhere; returns the artefact's name, and the place."""
    kind = pick(generator, ["reps", "reps", "certificate", "certificate", "spec"])
    path = paths / (kind if kind != "spec" else "spec.safetensors")
    if kind == "spec":
        tensors, document = forge.read_file(path)
        tensors_too = generator.random() < 0.4
        place = (
            mutate_tensors(tensors, generator) if tensors_too else mutate_json(document, generator)
        )
        forge.write_file(path, tensors, document)
        return kind, place
    what = pick(generator, ["document", "document", "table", "tensors"])
    if what == "document":
        document = forge.document_of(path)
        place = mutate_json(document, generator)
        forge.seal_document(path, document)
        return kind, place
    if what == "table":
        forge.edit_bytes(path, "individuals.csv", lambda content: mutate_bytes(content, generator))
        return kind, "individuals.csv"
    name = pick(generator, sorted(file.name for file in path.glob("*.safetensors")))
    tensors, document = forge.read_file(path / name)
    place = mutate_tensors(tensors, generator)
    forge.write_file(path / name, tensors, document)
    if kind == "certificate":
        _, sealed = forge.read_file(path / name)
        forge.restate(path, lambda stated: stated["head"].update(digest=sealed["content_digest"]))
    forge.seal(path)
    return kind, f"{name}: {place}"


def redraw(folder):
    """A certificate's page as an attacker draws it again, if it can be drawn."""
    with contextlib.suppress(LassiError, KeyError, OSError):
        document = parse_document(CertificateDocument, forge.document_of(folder), "")
        with (folder / "individuals.csv").open("rb") as stream:
            tallies = count_rows(document, read_rows(stream, ""))
        (folder / "report.html").write_bytes(render_report(document, tallies))
        forge.seal(folder)


def meaning(paths):
    """Documents and rows, apart from how they are written."""
    found = []
    for name, model in (("certificate", CertificateDocument), ("reps", Manifest)):
        with contextlib.suppress(LassiError):
            document = parse_document(model, forge.document_of(paths / name), "")
            found.append(document.model_dump(exclude={"content_digest", "files"}))
    with (
        contextlib.suppress(LassiError),
        (paths / "certificate" / "individuals.csv").open("rb") as stream,
    ):
        found.append([row for rows in read_rows(stream, "") for row in rows])
    return found


def read(paths, kind):
    """What a careful reader does with it; returns what is wrong with what it accepted."""
    if kind == "spec":
        load_spec(paths / "spec.safetensors")
    elif kind == "certificate":
        verify(paths / "certificate", paths / "reps")
    else:
        bundle = load_bundle(paths / "reps")
        bundle.check()
        return contradictions(bundle)
    return []


def contradictions(bundle):
    """What a bundle may never say, by arithmetic of our own."""
    for split in bundle.manifest.splits:
        for shard in bundle.shards(split):
            found = {name: tensor.numpy().astype(np.float64) for name, tensor in shard.items()}
            if "exact.radius" in found:
                away = np.linalg.norm(found["representation"] - found["exact.centre"], axis=1)
                if (found["exact.radius"] < found["exact.lower_bound"]).any():
                    yield "a radius is below what is attained"
                if (away > found["exact.radius"] * (1 + 1e-5) + 1e-5).any():
                    yield "R(z) is outside its ball"
            if "smoothing.radius" in found:
                bounded = found["smoothing.status"] == 0
                if (found["smoothing.radius"] < 3 * found["smoothing.quantile"])[bounded].any():
                    yield "a radius is below its quantile"
            for name in found:
                if name.endswith("status") and not np.isin(found[name], [0, 1, 2]).all():
                    yield "a status is no code"


def artifact_violations(seed, artefacts):
    """One change, drawn from the seed, of a copy of `artefacts`: a folder of spec.safetensors, reps/, certificate/."""
    generator = numpy_generator(seed, "fuzz.artifacts")
    with tempfile.TemporaryDirectory() as name:
        paths = Path(name)
        shutil.copy2(artefacts / "spec.safetensors", paths)
        for folder in ("reps", "certificate"):
            shutil.copytree(artefacts / folder, paths / folder)
        before = meaning(paths)
        try:
            kind, place = change(paths, generator)
        except (ValueError, RuntimeError, TypeError, OverflowError):
            return []  # what cannot be written cannot be sent
        where = f"seed {seed}: {kind}: {place!r:.100}"
        free = any(place.startswith(field) for field in FREE[kind]) or "safetensors: " in place
        return [
            f"{where}: {line}" for line in _outcome(paths, kind, free or before == meaning(paths))
        ]


def _outcome(paths, kind, may_be_accepted):
    def late(*_):
        raise TimeoutError

    start, before = time.process_time(), forget_peak()
    old = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        if kind == "certificate":
            redraw(paths / "certificate")
        found = list(read(paths, kind))
        if not may_be_accepted:
            found.append("accepted")
    except LassiError as error:
        found = [] if "\n" not in str(error) and len(str(error)) < 4000 else ["no short line"]
    except TimeoutError:
        found = [f"not done in {SECONDS} s"]
    except Exception:
        found = [" | ".join(traceback.format_exc().splitlines()[-3:])]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    grown = peak_bytes() - before
    if grown > BYTES:
        found.append(f"took {grown / 2**30:.1f} GiB in {time.process_time() - start:.1f} s")
    return found
