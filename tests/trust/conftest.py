"""Four organisations with keys, the trust file that pins them, and a signed bundle."""

import hashlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared_spec.trust.keys import SigningKey
from shared_spec.trust.settings import Issuance
from shared_spec.trust.signing import Subject, sign_subject
from shared_spec.trust.trust_file import load_trust
from shared_spec.trust.verification import verify_artifact

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
IDENTITIES = {
    "regulator": "City Office",
    "producer": "Acme Data",
    "consumer": "Bank of X",
    "auditor": "Proof & Sons",
}


def key_of(name):
    """The same key for the same name in every run."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


def digest_of(name):
    return "sha256-content-v1:" + hashlib.sha256(name.encode()).hexdigest()


def pin(key, **fields):
    """A [[ROLE.keys]] entry, valid in 2026 and 2027 unless told otherwise."""
    values = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2028-01-01T00:00:00Z"} | fields
    lines = [f'public_key = "{key.public.line} a comment"']
    return lines + [f"{name} = {value}" for name, value in values.items() if value is not None]


def role_text(role, pins, **fields):
    values = {"identity": f'"{IDENTITIES[role]}"'} | fields
    lines = [f"[{role}]", *(f"{name} = {value}" for name, value in values.items())]
    for each in pins:
        lines += [f"[[{role}.keys]]", *each]
    return "\n".join(lines) + "\n"


@pytest.fixture
def house(tmp_path):
    """What the tests of this folder are about: `sign`, `trust` and `verify`, with everything in order by default."""
    keys = {role: key_of(role) for role in IDENTITIES}
    parents = {"spec": digest_of("spec"), "data": "sha256:" + "7" * 64}

    def issuance(role="producer", **fields):
        values = {
            "issuer": IDENTITIES[role],
            "serial": 3,
            "issued": NOW - timedelta(days=1),
            "expires": NOW + timedelta(days=365),
        }
        return Issuance(**values | fields)

    def subject(parents=parents, digest=None):
        return Subject("bundle", tmp_path / "reps", digest or digest_of("reps"), parents)

    def sign(key=None, *, parents=parents, force=False, digest=None, **fields):
        given = subject(parents, digest)
        return sign_subject(given, [key or keys["producer"]], issuance(**fields), force)

    def trust(*pins, role="producer", **fields):
        path = tmp_path / "trust.toml"
        path.write_text(role_text(role, pins or [pin(keys[role])], **fields))
        return load_trust(path)

    def verify(trust_, now=NOW, *, digest=None, parents=parents):
        return verify_artifact(subject(parents, digest), trust_, now)

    return SimpleNamespace(
        path=tmp_path, keys=keys, parents=parents, issuance=issuance, sign=sign, trust=trust, verify=verify, now=NOW,
        key_of=key_of, digest_of=digest_of, pin=pin, role_text=role_text, envelope=tmp_path / "reps.sig.json",
    )  # fmt: skip


PARTIES = ("regulator", "producer", "consumer")
LONG = "2990-01-01"


def write_key(path, key):
    """A private key file as ssh-keygen writes it."""
    content = key.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    path.write_bytes(content)
    return path


@pytest.fixture
def parties(copies, house, run):
    """Three keys in files, `sign` through the commands, and `trust`, which writes the trust file."""
    root = copies.spec.parent
    keys = {role: write_key(root / f"id_{role}", house.keys[role]) for role in PARTIES}
    artefacts = {
        "regulator": copies.spec,
        "producer": copies.reps,
        "consumer": copies.certificate,
    }

    def issued(role, serial=1):
        return ["--key", keys[role], "--issuer", IDENTITIES[role], "--serial", serial, "--expires", LONG]  # fmt: skip

    def sign(*roles, **fields):
        for role in roles or PARTIES:
            assert run(role, "sign", artefacts[role], *issued(role, **fields), "--force") == 0

    def trust(*roles, pins=None, **fields):
        ages = {"valid_from": "2000-01-01T00:00:00Z", "valid_until": "2999-01-01T00:00:00Z"}
        text = ""
        for role in roles or PARTIES:
            pin = house.pin(house.keys[role], **ages | (pins or {}).get(role, {}))
            text += house.role_text(role, [pin], **fields)
        (root / "trust.toml").write_text(text)
        return root / "trust.toml"

    def verify(*further):
        return ["consumer", "verify", copies.certificate, "--reps", copies.reps, "--trust", root / "trust.toml",
                *further]  # fmt: skip

    return SimpleNamespace(
        **vars(copies), identities=IDENTITIES, long=LONG, write_key=write_key, keys=keys, issued=issued, sign=sign,
        trust=trust, verify=verify, house=house, with_spec=["--spec", copies.spec],
    )  # fmt: skip
