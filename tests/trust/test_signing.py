"""Signatures stand beside an artefact, are never overwritten unasked, and a second key signs the bytes of the first."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from shared_spec.errors import ArtifactError, LassiError, SettingsError
from shared_spec.trust.envelope import MAX_SIGNATURES, decode_envelope
from shared_spec.trust.signing import signature_path


def read(house):
    return decode_envelope(house.envelope.read_bytes(), "reps.sig.json")


def test_the_signature_stands_beside_the_artefact_never_inside(tmp_path, monkeypatch):
    assert signature_path(Path("a/spec.safetensors")) == Path("a/spec.safetensors.sig.json")
    assert signature_path("a/reps/") == Path("a/reps.sig.json")
    (tmp_path / "reps" / "in").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "reps")
    assert signature_path(Path(".")) == tmp_path / "reps.sig.json"
    monkeypatch.chdir(tmp_path / "reps" / "in")
    assert signature_path(Path("..")) == tmp_path / "reps.sig.json"


def test_signing_leaves_one_file_and_says_where(house):
    assert house.sign().path == house.envelope
    assert os.listdir(house.path) == ["reps.sig.json"]
    text = house.envelope.read_bytes()
    assert text.endswith(b"}\n")
    assert text.count(b"\n") == 1
    statement = json.loads(read(house).payload)
    assert statement["subject"][0]["name"] == "reps"
    assert statement["predicate"]["role"] == "producer"


def test_the_same_again_changes_nothing_even_later(house):
    house.sign()
    before = house.envelope.read_bytes()
    house.sign(issued=house.now)
    assert house.envelope.read_bytes() == before


def test_a_second_key_adds_its_signature_to_the_same_bytes(house):
    house.sign()
    first = read(house)
    house.sign(house.key_of("second"), issued=house.now)
    both = read(house)
    assert both.payload == first.payload
    assert both.signatures[:1] == first.signatures
    assert len(both.signatures) == 2
    assert both.signed_by(house.key_of("second").public, "x")


@pytest.mark.parametrize(
    "other", [{"serial": 4}, {"issuer": "Acme"}, {"digest": "sha256-content-v1:" + "0" * 64}]
)
def test_another_statement_is_not_replaced_unasked(house, other):
    house.sign()
    before = house.envelope.read_bytes()
    with pytest.raises(SettingsError, match="--force"):
        house.sign(**other)
    assert house.envelope.read_bytes() == before
    house.sign(**other, force=True)
    assert house.envelope.read_bytes() != before
    assert len(read(house).signatures) == 1


def test_what_is_no_signature_is_left_alone(house):
    house.envelope.write_text("my notes")
    with pytest.raises(ArtifactError, match="not valid JSON"):
        house.sign()
    with pytest.raises(SettingsError, match="is no signature alone, so it is not replaced"):
        house.sign(force=True)
    assert house.envelope.read_text() == "my notes"
    house.envelope.unlink()
    target = house.path / "elsewhere"
    house.envelope.symlink_to(target)
    with pytest.raises(ArtifactError, match="symbolic link"):
        house.sign()
    with pytest.raises(SettingsError, match="is no signature alone"):
        house.sign(force=True)
    assert not target.exists()


def test_signatures_have_an_end(house):
    for index in range(MAX_SIGNATURES):
        house.sign(house.key_of(f"key {index}"))
    house.sign(house.key_of("key 0"))
    with pytest.raises(SettingsError, match="16 signatures"):
        house.sign(house.key_of("one more"))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"issuer": "Acme\x1b[1m"}, "issuer"),
        ({"parents": {}}, "parents.spec"),
        ({"parents": {"spec": "x"}}, "parents.spec"),
        ({"digest": "sha256:" + "0" * 64}, "digest"),
    ],
)
def test_what_nobody_could_verify_is_not_signed(house, fields, named):
    with pytest.raises(SettingsError, match=named):
        house.sign(**fields)
    assert not os.listdir(house.path)


def test_a_statement_ends_after_it_begins(house):
    with pytest.raises(SettingsError, match="expires: expected a moment after"):
        house.sign(expires=house.now - timedelta(days=1))


def test_a_place_that_cannot_be_written_is_one_line(house):
    house.path.rmdir()
    house.path.symlink_to("/proc")
    with pytest.raises(LassiError, match="cannot be written"):
        house.sign(force=True)
