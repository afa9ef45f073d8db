"""safetensors files: what was written is what is read, and nothing else is read at all."""

import json
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_spec.artifacts.canonical import canonical_json, parse_json
from shared_spec.artifacts.tensors import METADATA_KEY, load_tensors, save_tensors, tensor_digest
from shared_spec.errors import ArtifactError

DOCUMENT = {"media_type": "test", "epsilon": 0.5, "name": "Pale_Skin"}


def some_tensors():
    return {
        "a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
        "transposed": torch.arange(6, dtype=torch.float64).reshape(2, 3).T,
        "strided": torch.arange(10)[::2],
        "scalar": torch.tensor(3.0),
        "empty": torch.zeros(0, 4),
    }


def test_round_trip_of_every_memory_layout(tmp_path):
    tensors = some_tensors()
    digest = save_tensors(tmp_path / "x.safetensors", tensors, DOCUMENT)
    loaded, document = load_tensors(tmp_path / "x.safetensors")
    assert document == {**DOCUMENT, "content_digest": digest}
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(loaded[name], tensor), name
        assert loaded[name].dtype == tensor.dtype


def test_same_content_gives_the_same_bytes_whatever_the_order(tmp_path):
    tensors = some_tensors()
    save_tensors(tmp_path / "a", tensors, DOCUMENT)
    save_tensors(tmp_path / "b", dict(reversed(tensors.items())), dict(reversed(DOCUMENT.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_digest_can_be_recomputed_from_the_description_alone():
    """docs/format.md, followed without the project's code."""
    import hashlib

    tensors = {"b": torch.tensor([1.0, 2.0]), "a": torch.tensor([[3]], dtype=torch.int64)}
    parts = [
        {
            "dtype": "I64",
            "name": "a",
            "sha256": hashlib.sha256(struct.pack("<q", 3)).hexdigest(),
            "shape": [1, 1],
        },
        {
            "dtype": "F32",
            "name": "b",
            "sha256": hashlib.sha256(struct.pack("<2f", 1, 2)).hexdigest(),
            "shape": [2],
        },
    ]
    text = json.dumps({"document": {"k": 1}, "parts": parts}, sort_keys=True, separators=(",", ":"))
    expected = "sha256-content-v1:" + hashlib.sha256(text.encode()).hexdigest()
    assert tensor_digest(tensors, {"k": 1, "content_digest": "ignored"}) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda t, d: (t | {"a": t["a"] + 1}, d),
        lambda t, d: (t | {"a": t["a"].reshape(3, 2)}, d),
        lambda t, d: (t | {"a": t["a"].view(torch.int32)}, d),
        lambda t, d: ({("z" if k == "a" else k): v for k, v in t.items()}, d),
        lambda t, d: (t | {"extra": torch.zeros(1)}, d),
        lambda t, d: (t, d | {"epsilon": 0.25}),
    ],
    ids=["value", "shape", "dtype", "name", "extra tensor", "document"],
)
def test_digest_covers_everything(change):
    tensors, document = some_tensors(), dict(DOCUMENT)
    assert tensor_digest(*change(tensors, document)) != tensor_digest(tensors, document)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_tensors_are_never_written(tmp_path, value):
    with pytest.raises(ArtifactError, match="tensor a holds NaN or infinity"):
        save_tensors(tmp_path / "x", {"a": torch.tensor([value])}, DOCUMENT)
    assert list(tmp_path.iterdir()) == []


def test_non_finite_tensors_are_never_read(tmp_path):
    from safetensors.torch import save

    tensors = {"a": torch.tensor([float("nan")])}
    stored = {**DOCUMENT, "content_digest": tensor_digest(tensors, DOCUMENT)}
    (tmp_path / "x").write_bytes(save(tensors, {METADATA_KEY: canonical_json(stored).decode()}))
    with pytest.raises(ArtifactError, match="NaN"):
        load_tensors(tmp_path / "x")


def test_every_truncation_and_every_flipped_byte_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(path, {"a": torch.arange(3, dtype=torch.float32)}, {"k": "v"})
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ArtifactError):
            load_tensors(path)
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(ArtifactError):
            load_tensors(path)


def test_a_second_metadata_key_is_refused(tmp_path):
    from safetensors.torch import save

    tensors = {"a": torch.zeros(1)}
    stored = canonical_json({"content_digest": tensor_digest(tensors, {})}).decode()
    (tmp_path / "x").write_bytes(save(tensors, {METADATA_KEY: stored, "format": "pt"}))
    with pytest.raises(ArtifactError, match="one metadata key"):
        load_tensors(tmp_path / "x")


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html></html>", b"\x80\x02}q\x00."])
def test_foreign_files_are_refused_in_one_line(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        load_tensors(tmp_path / "x")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "x") in str(caught.value)


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', '{"a":NaN}', "[1]", "{", '{"a":Infinity}', "[" * 100_000]
)
def test_sloppy_json_is_refused(text):
    with pytest.raises(ArtifactError):
        parse_json(text, "somewhere")


@settings(deadline=None, max_examples=200)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_canonical_json_exactly(number):
    text = canonical_json({"x": number})
    value = parse_json(text, "somewhere")
    assert value["x"] == number
    assert canonical_json(value) == text
