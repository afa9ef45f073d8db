"""Files that change under the reader, places that are not what they seem, and `--force` where it must not help."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest
import torch
from stored import contents

from shared_spec import load_bundle, load_certificate
from shared_spec.artifacts.atomic import (
    building,
    partial_directory,
    publish_directory,
    refuse_existing,
    write_atomically,
)
from shared_spec.artifacts.kinds import BUNDLE, CERTIFICATE, SPEC
from shared_spec.artifacts.reading import read_regular
from shared_spec.artifacts.tensors import load_tensors
from shared_spec.errors import ArtifactError, LassiError, SettingsError

pytestmark = pytest.mark.pipeline


def test_a_shard_that_is_swapped_after_the_bundle_was_opened(copies):
    bundle = load_bundle(copies.reps)
    test, train = (copies.reps / f"{split}-00000.safetensors" for split in ("test", "train"))
    test.write_bytes(train.read_bytes())
    with pytest.raises(ArtifactError, match=r"has .* bytes, expected"):
        next(bundle.shards("test"))


def test_a_shard_that_is_changed_in_place_after_the_bundle_was_opened(copies):
    bundle, path = load_bundle(copies.reps), copies.reps / "test-00000.safetensors"
    with open(path, "r+b") as file:
        file.seek(-9, os.SEEK_END)
        file.write(b"\x01")
    with pytest.raises(ArtifactError, match="SHA-256 is"):
        next(bundle.shards("test"))
    with pytest.raises(ArtifactError, match="SHA-256 is"):
        bundle.check()


def test_a_page_that_is_changed_after_the_certificate_was_opened(copies):
    certificate, path = load_certificate(copies.certificate), copies.certificate / "report.html"
    path.write_bytes(path.read_bytes().replace(b"not", b"n0t"))
    with pytest.raises(ArtifactError, match="SHA-256 is"):
        certificate.read("report.html")


def test_tensors_stay_what_they_were_when_they_were_read(copies):
    """No memory map: what a stranger writes into the file, or cuts off, is not seen any more."""
    path = copies.reps / "test-00000.safetensors"
    tensors, _ = load_tensors(path)
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    with open(path, "r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
        file.truncate(10)
    assert all(torch.equal(tensors[name], value) for name, value in before.items())


def certify(paths, out):
    return ["consumer", "certify", "--reps", paths.reps, "--target", "Smiling", "--out", out]


@pytest.mark.parametrize("where", ["the input", "inside it", "around it"])
def test_force_never_replaces_what_is_read(where, copies, fails, run):
    out = {
        "the input": copies.reps, "inside it": copies.reps / "certificate", "around it": copies.reps.parent,
    }[where]  # fmt: skip
    before = contents(copies.reps)
    fails(2, "which is read; name another place", *certify(copies, out), "--force")
    assert contents(copies.reps) == before
    assert run("consumer", "inspect", copies.reps) == 0


def a_link(paths):
    paths.out.symlink_to(paths.certificate)
    return paths.out


def a_file(paths):
    paths.out.write_text("years of work")
    return paths.out


def a_folder(paths):
    (paths.out / "photos").mkdir(parents=True)
    return paths.out


def a_bundle(paths):
    return Path(shutil.copytree(paths.reps, paths.out))


def more_than_a_certificate(paths):
    (paths.certificate / "thesis.tex").write_text("years of work")
    return paths.certificate


@pytest.mark.parametrize("what", [a_link, a_file, a_folder, a_bundle, more_than_a_certificate])
def test_force_replaces_a_certificate_by_a_certificate_only(what, copies, fails):
    out = what(copies)
    before = sorted(copies.out.parent.rglob("*"))
    fails(2, "is no certificate alone", *certify(copies, out), "--force")
    assert sorted(copies.out.parent.rglob("*")) == before


def test_force_replaces_a_certificate_of_any_version_and_an_empty_folder(copies, run):
    path = copies.certificate / "certificate.json"
    path.write_bytes(path.read_bytes().replace(b"certificate.v2+", b"certificate.v1+"))
    assert run(*certify(copies, copies.certificate), "--force") == 0
    copies.out.mkdir()
    assert run(*certify(copies, copies.out), "--force") == 0


def test_predictions_replace_predictions_only(copies, fails, run):
    words = ["consumer", "predict", "--reps", copies.reps, "--head", copies.certificate, "--out"]
    fails(2, "which is read", *words, copies.certificate / "predictions.csv", "--force")
    copies.out.write_text("years of work")
    fails(2, "is no table of predictions alone", *words, copies.out, "--force")
    copies.out.unlink()
    assert run(*words, copies.out) == 0
    fails(2, "exists already", *words, copies.out)
    assert run(*words, copies.out, "--force") == 0


def test_kinds_know_their_own(tiny):
    kinds = {BUNDLE: tiny.reps, CERTIFICATE: tiny.certificate, SPEC: tiny.spec}
    for kind in kinds:
        for other, path in kinds.items():
            assert kind.recognises(path) == (kind is other), (kind.name, path)
        assert not kind.recognises(tiny.flow)
        assert not kind.recognises(tiny.root / "nothing")


@pytest.mark.parametrize("name", [".certificate.partial", ".certificate.replaced"])
@pytest.mark.parametrize("kind", ["a link", "a file", "litter"])
def test_nothing_is_written_through_what_stands_aside(name, kind, tmp_path):
    elsewhere, aside = tmp_path / "elsewhere", tmp_path / name
    elsewhere.mkdir()
    (elsewhere / "thesis.tex").write_text("years of work")
    if kind == "a link":
        aside.symlink_to(elsewhere)
    elif kind == "a file":
        aside.write_text("")
    else:
        (aside / "folder").mkdir(parents=True)
        (aside / "link").symlink_to(elsewhere)
    for text in ("old", "new"):
        with building(tmp_path / "certificate") as partial:
            assert list(partial.iterdir()) == []
            (partial / "x").write_text(text)
            publish_directory(tmp_path / "certificate", force=True)
    assert contents(tmp_path / "certificate") == {"x": b"new"}
    assert contents(elsewhere) == {"thesis.tex": b"years of work"}
    assert not os.path.lexists(aside)


def test_a_file_is_not_written_through_a_link(tmp_path):
    target = tmp_path / "thesis.tex"
    target.write_text("years of work")
    (tmp_path / f".out.{os.getpid()}.partial").symlink_to(target)
    (tmp_path / "out").symlink_to(target)
    write_atomically(tmp_path / "out", b"new")
    assert target.read_text() == "years of work"
    assert not (tmp_path / "out").is_symlink()
    assert (tmp_path / "out").read_bytes() == b"new"


def build(out, text):
    with building(out) as partial:
        (partial / "x").write_text(text)
        publish_directory(out, force=False)


def test_of_two_writers_one_wins_and_the_other_is_told(tmp_path):
    out, ready, done = tmp_path / "certificate", threading.Event(), threading.Event()

    def first():
        with building(out) as partial:
            (partial / "x").write_text("first")
            ready.set()
            done.wait(10)
            publish_directory(out, force=False)

    thread = threading.Thread(target=first)
    thread.start()
    assert ready.wait(10)
    with pytest.raises(SettingsError, match="another command is writing it"):
        build(out, "second")
    done.set()
    thread.join()
    assert contents(out) == {"x": b"first"}
    with pytest.raises(SettingsError, match="exists already"):
        build(out, "third")
    assert contents(out) == {"x": b"first"}
    assert not partial_directory(out).exists()


def test_a_failure_leaves_nothing_aside(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(LassiError, match="free some space"):
        build(tmp_path / "out", "half")
    assert list(tmp_path.iterdir()) == []


def test_inputs_are_known_by_where_they_are_and_not_by_their_names(tmp_path):
    reps = tmp_path / "reps"
    reps.mkdir()
    (tmp_path / "alias").symlink_to(reps)
    for out in (tmp_path / "alias", tmp_path / "alias" / "x", tmp_path / "reps" / ".." / "reps"):
        with pytest.raises(SettingsError, match="which is read"):
            refuse_existing(out, force=True, inputs=[reps])
    refuse_existing(tmp_path / "reps2", force=False, inputs=[reps])


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_that_grows_or_shrinks_while_it_is_read(change, tmp_path, monkeypatch):
    path, sizes = tmp_path / "x", os.fstat
    path.write_bytes(b"12345678")

    def then(descriptor):
        found = list(sizes(descriptor))
        found[stat.ST_SIZE] += change
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", then)
    with pytest.raises(ArtifactError, match="was changed while it was read"):
        read_regular(path, 100)


def test_a_file_beyond_its_limit_is_not_read(tmp_path):
    path = tmp_path / "x"
    with open(path, "wb") as file:
        file.truncate(2**40)
    with pytest.raises(ArtifactError, match="expected at most 100"):
        read_regular(path, 100)
