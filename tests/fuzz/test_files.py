"""The fuzzer of data sets and settings over a few fixed seeds: any seed at all has to find nothing."""

from __future__ import annotations

import os
import time

import files
import pytest

from shared_spec.data.folder import Folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return files.make_sets(tmp_path_factory.mktemp("sets"))


@pytest.mark.parametrize("kind", files.SETS)
def test_what_is_unchanged_is_read(sets, kind):
    assert "read" in files.in_a_process(sets / kind, kind)


@pytest.mark.parametrize("first", range(0, 80, 40))
def test_whatever_is_changed_is_refused_or_known_to_be_another(first, sets):
    found = [
        line for seed in range(first, first + 40) for line in files.file_violations(seed, sets)
    ]
    assert not found, "\n".join(found)


def test_the_fuzzer_reports_what_does_not_hold(monkeypatch, sets):
    """A digest that sees no change, a reader that breaks, one that dies and one that never ends."""
    monkeypatch.setattr(Folder, "digest", lambda self: "sha256:0")
    files.unchanged.cache_clear()
    assert any(files.file_violations(seed, sets) for seed in range(60))
    files.unchanged.cache_clear()
    monkeypatch.setattr(files, "read", lambda folder, kind: {}["no line"])
    assert "KeyError" in files.in_a_process(sets / "folder", "folder")["wrong"]
    monkeypatch.setattr(files, "read", lambda folder, kind: os._exit(9))
    assert "died" in files.in_a_process(sets / "folder", "folder")["wrong"]
    monkeypatch.setattr(files, "SECONDS", 1)
    monkeypatch.setattr(files, "read", lambda folder, kind: [0 for _ in iter(int, 1)])
    assert "1 s of processor" in files.in_a_process(sets / "folder", "folder")["wrong"]
    monkeypatch.setattr(files, "MINUTE", 0.2)
    monkeypatch.setattr(files, "read", lambda folder, kind: time.sleep(60))
    assert "0.2 s" in files.in_a_process(sets / "folder", "folder")["wrong"]
