"""Bundles that their producer, or whoever stood in between, made to lie: each is refused with 3 and one line."""

from __future__ import annotations

import json
import os

import forge
import pytest
import torch

from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.statements import words_of

pytestmark = pytest.mark.pipeline


def test_resealing_alone_changes_nothing(copies, run):
    """Otherwise the rows below would be refused for the forger's clumsiness."""
    forge.edit_shard(copies.reps, lambda tensors, document: None)
    forge.edit_bytes(copies.reps, "individuals.csv", lambda content: content)
    forge.restate(copies.reps, lambda manifest: None)
    assert run("consumer", "inspect", copies.reps) == 0
    assert run("consumer", "verify", copies.certificate, "--reps", copies.reps) == 0


def times(factor, *names):
    def change(tensors, document):
        for name in names:
            tensors[name] *= factor

    return change


def put(name, value, at=slice(None)):
    def change(tensors, document):
        tensors[name][at] = value

    return change


def add(name, tensor):
    return lambda tensors, document: tensors.update({name: tensor})


def drop(*names):
    return lambda tensors, document: {k: v for k, v in tensors.items() if k not in names}


def say(**words):
    return lambda tensors, document: document.update(words)


def points(tensors, document):
    """Everybody is a point, says the ball, and it is at R(z)."""
    tensors["exact.centre"] = tensors["representation"].clone()
    tensors["exact.radius"].fill_(1e-6)
    tensors["exact.lower_bound"].zero_()


def points_far_away(tensors, document):
    tensors["representation"] *= 50
    points(tensors, document)


def unbounded(tensors, document):
    tensors["smoothing.status"][0] = 1


def narrow(tensors, document):
    tensors["exact.radius"] = tensors["exact.radius"].float()


OTHER = "sha256-content-v1:" + "0" * 64

SHARDS = {
    "radii": (times(1e-3, "exact.radius"), "radius is below lower_bound"),
    "one person's radius": (put("exact.radius", 1e-9, 3), "in row 3: radius is below lower_bound"),
    "smoothing radii": (times(1e-3, "smoothing.radius"), "radius is below 3 x quantile"),
    "far centres, small radii": (points_far_away, "outside the tube"),
    "far representations": (times(50, "representation"), r"R\(z\) lies outside the ball"),
    "points with tubes": (points, "the tube leaves the ball"),
    "a tube elsewhere": (put("exact.tube", 100.0, (slice(None), -1)), "outside the tube|leaves the ball"),
    "unknown status": (put("exact.status", 7), "status is no code"),
    "negative delta": (put("exact.delta", -1.0), "delta is negative"),
    "negative radius": (put("exact.radius", -1.0), "radius is negative"),
    "negative lower bound": (put("exact.lower_bound", -1.0), "lower_bound or effort is negative"),
    "negative quantile": (put("smoothing.quantile", -1.0), "quantile or ball_radius is negative"),
    "failed check": (put("smoothing.ball_count", 1), "its ball failed the check"),
    "impossible check": (put("smoothing.ball_count", 10**9), "ball_count is out of range"),
    "bounded by nothing": (put("smoothing.radius", UNBOUNDED), "bounded by nothing"),
    "abstained, with a radius": (unbounded, "it has a radius, but no bound"),
    "a tensor of nobody": (add("note", torch.zeros(3)), "tensor note: there is no such tensor"),
    "a tensor of a view": (add("exact.note", torch.zeros(3)), "there is no such tensor"),
    "tube without delta": (drop("exact.delta"), "its tubes are incomplete"),
    "delta without tube": (drop("exact.tube"), "its tubes are incomplete"),
    "no quantile": (drop("smoothing.quantile"), "smoothing.quantile is missing"),
    "another type": (narrow, r"exact.radius: expected F64 \[25\], got F32 \[25\]"),
    "another encoder": (say(encoder_digest=OTHER), "belongs elsewhere: encoder_digest"),
    "another spec": (say(spec_digest=OTHER), "belongs elsewhere: spec_digest"),
    "another split": (say(split="train"), "belongs elsewhere: split"),
    "another place": (say(shard=1), "belongs elsewhere: shard"),
    "another version": (
        say(media_type="application/vnd.lassi.representation-shard.v1+safetensors"),
        "media type is .*v1",
    ),
    "a word too many": (say(note="trust me"), "field note: Extra inputs"),
}  # fmt: skip


@pytest.mark.parametrize("row", SHARDS)
def test_shards_that_contradict_themselves_or_the_manifest(row, copies, fails):
    change, pattern = SHARDS[row]
    forge.edit_shard(copies.reps, change)
    fails(3, pattern, "consumer", "inspect", copies.reps)


def test_shards_change_places(copies, fails):
    one, two = (copies.reps / f"train-0000{index}.safetensors" for index in (0, 1))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    forge.seal(copies.reps)
    fails(3, "belongs elsewhere: shard is 1, expected 0", "consumer", "inspect", copies.reps)
    fails(3, "belongs elsewhere", "consumer", "verify", copies.certificate, "--reps", copies.reps)


def view(name, **words):
    return lambda manifest: manifest["views"][name].update(words)


def plan(**words):
    return lambda manifest: manifest["views"]["smoothing"]["settings"].update(words)


def split(**words):
    return lambda manifest: manifest["splits"]["test"].update(words)


def certain(manifest):
    manifest["views"]["smoothing"].update(statement="X", alpha={}, sentence=words_of("X").sentence)


def shifted(manifest):
    alpha = manifest["views"]["smoothing"]["alpha"]
    alpha["radius"] += 0.001
    alpha["mass at the similar individual"] -= 0.001


def renamed(manifest):
    alpha = manifest["views"]["smoothing"]["alpha"]
    alpha["head's radius"] = alpha.pop("radius")


def cheaper(manifest):
    alpha = manifest["views"]["smoothing"]["alpha"]
    for event in alpha:
        alpha[event] *= 1e-10


def ghost(manifest):
    manifest["splits"]["ghost"] = {"available": 3, "every": 1, "individuals": 3}


MANIFESTS = {
    "smoothing as X": (certain, "smoothing view: states X, which sampling cannot show"),
    "smoothing along edits": (
        lambda m: m["spec"].update(similar="edits"), "makes a statement that holds along vectors alone",
    ),
    "exact as D": (
        view("exact", statement="D", sentence=words_of("D").sentence), "exact view: states D",
    ),
    "a sentence of one's own": (view("exact", sentence="All is well."), "sentence is not that"),
    "a level for nothing": (view("smoothing", alpha={}), "alpha is 0 in all"),
    "a negative level": (view("smoothing", alpha={"radius": -0.01}), "alpha.radius"),
    "alpha 1e-12": (cheaper, "should be|alpha is 1e-12"),
    "levels moved": (shifted, "alpha is .*, by its plan"),
    "an event of the head": (renamed, "alpha is .*, by its plan"),
    "order_index": (plan(order_index=5000), "order_index should be"),
    "factor": (plan(factor=1), "factor should be 3"),
    "check_count": (plan(check_count=1), "check_count should be"),
    "sigma": (plan(sigma=6.5), "target_mass should be|should be"),
    "a setting too many": (plan(extra=1), "its plan has no 'extra'"),
    "a setting too few": (lambda m: m["views"]["smoothing"]["settings"].pop("n"), "plan"),
    "epsilon small": (lambda m: m["spec"].update(epsilon=0.001), "should be"),
    "epsilon large": (lambda m: m["spec"].update(epsilon=100), "plan is impossible|should be"),
    "a digest of one letter": (lambda m: m["spec"].update(digest="x"), "field spec.digest"),
    "another spec": (lambda m: m["spec"].update(digest=OTHER), "belongs elsewhere: spec_digest"),
    "another encoder": (lambda m: m["encoder"].update(digest=OTHER), "belongs elsewhere: encoder"),
    "another dimension": (lambda m: m["encoder"].update(output_dim=17), r"expected F32 \[25, 17\]"),
    "no views": (lambda m: m.update(views={}), "there is no such tensor"),
    "a view of nobody": (lambda m: m["views"].update(magic=m["views"]["exact"]), "view 'magic'"),
    "bounds of a ghost": (view("exact", splits=["ghost"]), "bounds ghost, of which there is nobody"),
    "bounds twice": (view("exact", splits=["test", "test"]), "stands twice"),
    "more than there are": (split(available=1), "are not every 1-th of 1"),
    "every other one": (split(every=2), "are not every 2-th"),
    "fewer than listed": (split(available=39, individuals=39), "test lists 40"),
    "a ghost split": (ghost, "ghost-00000.safetensors is not listed"),
    "other shards": (lambda m: m.update(shard_rows=20), "lists 27 files, of a bundle with 31 shards"),
    "classes twice": (lambda m: m["labels"].update(Smiling=["no", "no"]), "stands twice"),
    "another class": (lambda m: m["labels"].update(Smiling=["no", "maybe"]), "'yes' of Smiling is no"),
    "a class that is a command": (
        lambda m: m["labels"].update(Smiling=["no", "\x1b[31m"]), "holds control characters",
    ),
    "numbers as text": (split(individuals="40"), "field splits.test.individuals"),
    "numbers as truth": (split(every=True), "field splits.test.every"),
    "halves": (split(every=1.5), "field splits.test.every"),
    "a billion": (split(available=10**9, individuals=10**9), "field splits.test"),
    "a seed of text": (lambda m: m.update(seed="1"), "field seed"),
    "version 1": (
        lambda m: m.update(media_type="application/vnd.lassi.representations.v1+json"),
        "media type is 'application/vnd.lassi.representations.v1.json', this build reads",
    ),
    "a word too many": (lambda m: m.update(note="trust me"), "field note"),
    "no files": (lambda m: m.update(files=[]), "lists 0 files"),
    "a file twice": (lambda m: m["files"].append(m["files"][0]), "a file twice"),
    "a file above": (lambda m: m["files"][0].update(name="../x"), "field files.0.name"),
}  # fmt: skip


@pytest.mark.parametrize("row", MANIFESTS)
def test_manifests_that_do_not_fit_what_they_describe(row, copies, fails):
    change, pattern = MANIFESTS[row]
    forge.restate(copies.reps, change)
    fails(3, pattern, "consumer", "inspect", copies.reps)


def seeded(text):
    return lambda document: json.dumps(document).encode().replace(b'"seed": 0', b'"seed": ' + text)


def nested(document):
    return json.dumps(document)[:-1].encode() + b', "a": ' + b"[" * 5000 + b"]" * 5000 + b"}"


def twice(document):
    return json.dumps(document)[:-1].encode() + b', "seed": 1}'


TEXTS = {
    "a byte order mark": (lambda d: b"\xef\xbb\xbf" + json.dumps(d).encode(), "not valid JSON"),
    "UTF-16": (lambda d: json.dumps(d).encode("utf-16"), "not valid JSON"),
    "a number beyond all": (seeded(b"1e400"), "1e400 is beyond"),
    "a whole number beyond all": (seeded(b"1" + b"0" * 5000), "is beyond"),
    "no number": (seeded(b"NaN"), "no JSON number"),
    "half a character": (seeded(b'"\\ud800"'), "surrogate"),
    "deep": (nested, "not valid JSON"),
    "a key twice": (twice, "stands twice"),
    "a list": (lambda d: b"[]", "expected a JSON object"),
    "nothing": (lambda d: b"", "not valid JSON"),
}  # fmt: skip


@pytest.mark.parametrize("row", TEXTS)
def test_texts_that_are_no_documents(row, copies, fails):
    text, pattern = TEXTS[row]
    forge.seal_document(copies.reps, forge.document_of(copies.reps), text)
    fails(3, pattern, "consumer", "inspect", copies.reps)


ROWS = {
    "surplus cells": (lambda text: text.replace(b"\ntest-", b",x\ntest-", 1), "cells, expected"),
    "a control character": (lambda text: text.replace(b"test-000001", b"test-\x1b", 1), "control"),
    "not UTF-8": (lambda text: text.replace(b"test-000001", b"\xff", 1), "cannot be read"),
    "a huge field": (lambda text: text.replace(b"test-000001", b"x" * 200_000, 1), "cannot be read"),
    "nobody": (lambda text: text.replace(b"test-000001", b"", 1), "is empty"),
    "twice": (lambda text: text.replace(b"test-000001", b"test-000002", 1), "stands twice"),
    "out of order": (lambda text: text.replace(b",test,0,0,", b",test,0,1,", 1), "out of order"),
    "a ghost": (lambda text: text + b"a,ghost,0,0,no\n", "no split 'ghost'"),
    "a label": (lambda text: text.replace(b",yes\n", b",maybe\n", 1), "'maybe' of Smiling is no"),
    "quotes": (lambda text: text.replace(b",yes\n", b',"yes"x\n', 1), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_individuals_that_are_no_table(row, copies, fails):
    change, pattern = ROWS[row]
    forge.edit_bytes(copies.reps, "individuals.csv", change)
    fails(3, pattern, "consumer", "inspect", copies.reps)


@pytest.mark.parametrize("name", ["manifest.json", "individuals.csv", "test-00000.safetensors"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "nothing"])
def test_only_regular_files_are_read(name, kind, copies, fails, tmp_path):
    path = copies.reps / name
    aside = path.rename(tmp_path / name)
    if kind == "link":
        path.symlink_to(aside)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    pattern = "symbolic link|not a regular file|is a directory|holds no such artefact|cannot be read|No such file"
    fails(3, pattern, "consumer", "inspect", copies.reps)


@pytest.mark.parametrize("listed", [True, False])
def test_no_other_file_is_there_or_listed(listed, copies, fails):
    (copies.reps / "NOTE.txt").write_text("All is well.")
    if listed:
        forge.seal(copies.reps, "NOTE.txt")
    fails(3, "NOTE.txt.* listed", "consumer", "inspect", copies.reps)
