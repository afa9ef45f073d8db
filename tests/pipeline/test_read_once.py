"""Certifying reads each shard once, whatever is chosen on it, and computes one hash of it."""

from collections import Counter

import pytest

import consumer
from consumer.settings import HeadSettings
from shared_spec.artifacts import arrays, bundle

pytestmark = pytest.mark.pipeline


def test_each_shard_is_read_and_hashed_once_with_noise_chosen_among_seven(
    tiny, tmp_path, monkeypatch
):
    read, hashed, listed = Counter(), Counter(), bundle.read_listed
    digest = arrays.array_digest

    def reading(folder, files, name):
        read[name] += 1
        return listed(folder, files, name)

    def hashing(found, document):
        hashed[str(document.get("split"))] += 1
        return digest(found, document)

    monkeypatch.setattr(bundle, "read_listed", reading)
    monkeypatch.setattr(arrays, "array_digest", hashing)
    consumer.certify(tiny.reps, "Smiling", tmp_path / "out", head=HeadSettings(noise="auto"))
    assert read == Counter({path.name: 1 for path in tiny.reps.glob("*.safetensors")})
    assert set(hashed) <= {"None"}, "a shard's own digest covers nothing more than its file's"
