"""Keys are those of OpenSSH: what ssh-keygen writes is read, and fingerprints are the ones that it shows."""

import base64
import os
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from shared_spec.errors import SettingsError
from shared_spec.trust.keys import (
    PASSPHRASE_VARIABLE,
    SigningKey,
    load_signing_key,
    parse_public_key,
)

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)


def ssh_keygen(*words):
    return subprocess.run(
        ["ssh-keygen", *map(str, words)], check=True, capture_output=True, text=True
    ).stdout


def private_file(path, key, password=None):
    scheme = serialization.BestAvailableEncryption(password) if password else None
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            scheme or serialization.NoEncryption(),
        )
    )
    return path


@needs_ssh_keygen
def test_a_key_of_ssh_keygen_signs_and_its_pub_file_verifies(tmp_path):
    ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", "Acme Data, signing", "-f", tmp_path / "id")
    key = load_signing_key(tmp_path / "id")
    public = parse_public_key((tmp_path / "id.pub").read_text())
    assert public == key.public
    assert public.verifies(key.sign(b"text"), b"text")
    assert not public.verifies(key.sign(b"text"), b"Text")
    shown = ssh_keygen("-l", "-f", tmp_path / "id.pub").split()[1]
    assert public.fingerprint == shown
    assert (tmp_path / "id.pub").read_text().startswith(public.line + " ")


def test_a_key_of_cryptography_is_the_same_in_both_forms(tmp_path):
    private = ed25519.Ed25519PrivateKey.generate()
    key = load_signing_key(private_file(tmp_path / "id", private))
    line = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    assert key.public == parse_public_key(line.decode()) == SigningKey(private).public
    assert key.public.line == line.decode()


def test_the_published_vector_of_ed25519():
    """RFC 8032, section 7.1, test 3."""
    secret = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"
    public = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
    expected = (
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    key = SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)))
    assert key.public.raw.hex() == public
    assert key.sign(b"\xaf\x82").hex() == expected
    assert key.public.verifies(bytes.fromhex(expected), b"\xaf\x82")


def test_a_passphrase_is_asked_for_only_when_there_is_one(tmp_path, monkeypatch):
    pytest.importorskip("bcrypt", reason="keys with a passphrase need bcrypt")
    private = ed25519.Ed25519PrivateKey.generate()
    path = private_file(tmp_path / "id", private, b"correct horse")
    assert load_signing_key(path, lambda: "correct horse").public == SigningKey(private).public
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "correct horse")
    assert load_signing_key(path).public == SigningKey(private).public
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "battery staple")
    with pytest.raises(SettingsError, match="wrong passphrase"):
        load_signing_key(path)
    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    with pytest.raises(SettingsError, match=PASSPHRASE_VARIABLE):
        load_signing_key(path)
    with pytest.raises(SettingsError, match="passphrase is empty"):
        load_signing_key(path, lambda: "")

    def never():
        raise AssertionError("asked for nothing")

    load_signing_key(private_file(tmp_path / "plain", private), never)


def test_a_private_file_that_is_no_ed25519_key_is_refused(tmp_path):
    path = private_file(tmp_path / "id", ed25519.Ed25519PrivateKey.generate())
    content = path.read_bytes()
    other = private_file(tmp_path / "ecdsa", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(SettingsError, match="not an Ed25519 key"):
        load_signing_key(other)
    for name, broken in [
        ("empty", b""),
        ("short", content[:120]),
        ("noise", content.replace(b"A", b"!")),
        ("long", content + b"\n" * 20_000),
    ]:
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(SettingsError, match=name):
            load_signing_key(tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(path)
    for name in ("pipe", "link", "absent", "."):
        with pytest.raises(SettingsError):
            load_signing_key(tmp_path / name)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "ssh-rsa {blob}",
        "ssh-ed25519 {blob}A",
        "ssh-ed25519 {blob} me\nssh-ed25519 {blob} you",
        "ssh-ed25519 {short}",
        "ssh-ed25519 {other}",
        "ssh-ed25519 é",
        'from="*" ssh-ed25519 {blob}',
        "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
    ],
)
def test_a_public_line_of_another_form_is_refused(line):
    blob = base64.b64decode(SigningKey(ed25519.Ed25519PrivateKey.generate()).public.line.split()[1])
    parts = {
        "blob": base64.b64encode(blob).decode(),
        "short": base64.b64encode(blob[:-1]).decode(),
        "other": base64.b64encode(blob.replace(b"ed25519", b"ed25518")).decode(),
    }
    with pytest.raises(ValueError, match="ssh-keygen"):
        parse_public_key(line.format(**parts))
