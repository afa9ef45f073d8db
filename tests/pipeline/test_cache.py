"""The cache of latents: what is lost, cut off or made by two at once is no latent that nobody computed."""

import errno
import os
import shutil

import numpy as np
import pytest
from forked import together

from shared_spec import latents as cached
from shared_spec import load_spec
from shared_spec.data import open_source
from shared_spec.errors import LassiError

pytestmark = pytest.mark.pipeline
DATA = "portraits:train=520,valid=16,test=16"


@pytest.fixture(scope="module")
def flow(tiny):
    return load_spec(tiny.spec).flow


def encode(flow, cache):
    return np.array(cached.encode_split(flow, open_source(DATA, 32), "train", cache=cache))


@pytest.fixture(scope="module")
def expected(flow, tmp_path_factory):
    return encode(flow, tmp_path_factory.mktemp("whole"))


def stopped_after_one_batch(flow, cache, monkeypatch):
    batches = []

    def once(*given):
        if batches:
            raise KeyboardInterrupt
        batches.append(1)
        return encode_images(*given)

    encode_images = cached.encode_images
    with monkeypatch.context() as patch:
        patch.setattr(cached, "encode_images", once)
        with pytest.raises(KeyboardInterrupt):
            encode(flow, cache)


def test_marks_say_nothing_of_latents_that_are_gone(flow, expected, tmp_path, monkeypatch):
    stopped_after_one_batch(flow, tmp_path, monkeypatch)
    assert len(list(tmp_path.glob("*.done"))) == 1
    (lost,) = tmp_path.glob("*.f32")
    lost.unlink()
    assert (encode(flow, tmp_path) == expected).all()


def test_an_entry_whose_latents_are_gone_is_made_again(flow, expected, tmp_path):
    encode(flow, tmp_path)
    (lost,) = tmp_path.glob("*.f32")
    lost.unlink()
    assert (encode(flow, tmp_path) == expected).all()


def test_a_full_disk_is_one_line_and_leaves_nothing(flow, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cached.os, "posix_fallocate", full)
    with pytest.raises(LassiError, match="free some space"):
        encode(flow, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_command_has_mapped_is_not_cut(flow, expected, tmp_path, monkeypatch):
    stopped_after_one_batch(flow, tmp_path, monkeypatch)
    (path,) = tmp_path.glob("*.f32")
    mapped = np.memmap(path, np.float32, "r", shape=expected.shape)
    assert (encode(flow, tmp_path) == expected).all()
    assert (mapped == expected).all(), "what was mapped is another file now"


def look_when_told(spec, cache, finished):
    """One of two processes; the second finds the entry finished by somebody else, the first did not."""
    from shared_spec.distributed import join_workers

    with join_workers() as workers:
        if not workers.first:
            shutil.copytree(finished, cache, dirs_exist_ok=True)
        source = open_source(DATA, 32)
        cached.encode_split(load_spec(spec).flow, source, "train", cache=cache, workers=workers)


def test_processes_that_find_different_things_do_not_wait_for_ever(tiny, flow, expected, tmp_path):
    finished, cache = tmp_path / "finished", tmp_path / "cache"
    encode(flow, finished)
    together(look_when_told, tiny.spec, cache, finished)
    assert (encode(flow, cache) == expected).all()
