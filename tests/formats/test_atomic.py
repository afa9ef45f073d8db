"""Whatever interrupts a write, the place of the result holds all of it or none of it."""

import errno
import os

import pytest

from shared_spec.artifacts import atomic
from shared_spec.artifacts.atomic import (
    partial_directory,
    publish_directory,
    refuse_existing,
    write_atomically,
)
from shared_spec.artifacts.kinds import PICTURE
from shared_spec.errors import LassiError, SettingsError


def test_a_failed_write_leaves_the_old_content_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_atomically(path, b"old")

    def full_disk(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(LassiError, match=r"No space left on device.*free some space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_content_is_flushed_before_the_name_appears(tmp_path, monkeypatch):
    order = []
    real_fsync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("fsync"), real_fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), real_replace(a, b)))
    write_atomically(tmp_path / "x", b"new")
    assert order[:2] == ["fsync", "rename"]


def test_a_directory_appears_at_once_and_is_replaced_only_with_force(tmp_path):
    target = tmp_path / "reps"
    for content in ("first", "second"):
        partial = partial_directory(target)
        partial.mkdir()
        (partial / "f").write_text(content)
        if content == "first":
            assert not target.exists()
            publish_directory(target, force=False)
        else:
            with pytest.raises(SettingsError, match="--force"):
                publish_directory(target, force=False)
            assert (target / "f").read_text() == "first"
            publish_directory(target, force=True)
        assert (target / "f").read_text() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["reps"]


def test_refuse_existing_names_the_remedy(tmp_path):
    with pytest.raises(SettingsError, match="--force"):
        refuse_existing(tmp_path, force=False)
    refuse_existing(tmp_path, force=True)
    refuse_existing(tmp_path / "new", force=False)


def test_a_picture_is_called_what_it_is(tmp_path):
    for name in ("strip.jpg", "strip", "png"):
        with pytest.raises(SettingsError, match=r"expected a name that ends with \.png"):
            refuse_existing(tmp_path / name, force=True, kind=PICTURE)
    refuse_existing(tmp_path / "strip.PNG", force=False, kind=PICTURE)


def test_an_unwritable_place_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LassiError, match="cannot be written"):
        atomic.write_atomically(tmp_path / "file" / "x", b"")
