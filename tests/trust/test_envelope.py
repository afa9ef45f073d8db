"""Envelopes: DSSE as published, one way to write each byte, and nothing but what a key has signed."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared_spec.errors import ArtifactError
from shared_spec.trust.envelope import (
    MAX_SIGNATURES,
    PAYLOAD_TYPE,
    Envelope,
    decode_envelope,
    encode_envelope,
    pre_authentication_encoding,
    sign_payload,
)
from shared_spec.trust.keys import SigningKey

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
PAYLOAD = b'{"some":"statement of a length whose base64 has padding."}'


def new_key():
    return SigningKey(Ed25519PrivateKey.generate())


@pytest.fixture
def key():
    return new_key()


@pytest.fixture
def envelope(key):
    return Envelope(
        payload=PAYLOAD, payloadType=PAYLOAD_TYPE, signatures=(sign_payload(PAYLOAD, key),)
    )


def changed(envelope, **fields):
    """The file's bytes with these fields set, or left out where they are None."""
    document = json.loads(encode_envelope(envelope)) | fields
    return json.dumps({name: value for name, value in document.items() if value is not None})


def test_the_encoding_is_the_one_that_was_published():
    """The example of DSSE's protocol, version 1.0.0, and lengths counted in bytes."""
    encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pre_authentication_encoding("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_what_was_signed_is_what_is_read(envelope, key):
    read = decode_envelope(encode_envelope(envelope), "x.sig.json")
    assert read == envelope
    assert read.signed_by(key.public, "x.sig.json")
    assert not read.signed_by(new_key().public, "x.sig.json")
    signed = json.loads(encode_envelope(envelope))
    assert base64.b64decode(signed["payload"]) == PAYLOAD
    key.private.public_key().verify(
        base64.b64decode(signed["signatures"][0]["sig"]),
        b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(PAYLOAD), PAYLOAD),
    )


@pytest.mark.parametrize("part", ["payload", "sig"])
def test_no_byte_can_be_changed(envelope, key, part):
    """Each byte of the payload and of the signature, with every single bit flipped."""
    signature = envelope.signatures[0]
    content = PAYLOAD if part == "payload" else signature.sig
    for position in range(len(content)):
        for bit in range(8):
            other = bytearray(content)
            other[position] ^= 1 << bit
            if part == "payload":
                fields = {"payload": bytes(other)}
            else:
                fields = {"signatures": (signature.model_copy(update={"sig": bytes(other)}),)}
            forged = decode_envelope(encode_envelope(envelope.model_copy(update=fields)), "x")
            with pytest.raises(ArtifactError, match="changed after it was signed"):
                forged.signed_by(key.public, "x")


def test_no_character_of_the_file_can_be_changed_within_its_strings(envelope, key):
    """Every character of the two base64 strings replaced by each other one of the alphabet: spare bits included."""
    text = encode_envelope(envelope)
    document = json.loads(text)
    for value in (document["payload"], document["signatures"][0]["sig"]):
        start = text.index(value.encode())
        for position in range(start, start + len(value)):
            for character in b"AB+/=z":
                forged = bytearray(text)
                forged[position] = character
                if forged == text:
                    continue
                with pytest.raises(ArtifactError):
                    decode_envelope(bytes(forged), "x").signed_by(key.public, "x")


def test_base64_is_written_in_one_way(envelope):
    payload = json.loads(encode_envelope(envelope))["payload"]
    assert payload.endswith("=")
    spare = payload.rstrip("=")
    padding = payload[len(spare) :]
    last = ALPHABET.index(spare[-1].encode())
    other = chr(ALPHABET[last ^ 1])
    assert base64.b64decode(spare[:-1] + other + padding) == PAYLOAD, (
        "the same bytes, spelt otherwise"
    )
    spellings = [
        spare[:-1] + other + padding,
        spare,
        payload + "=",
        payload + "\n",
        " " + payload,
        payload[:8] + "\n" + payload[8:],
        payload.replace(payload[4], "-"),
        payload[:-1] + "é",
        base64.b64encode(b"\xfb\xff" * 3).decode().replace("+", "-").replace("/", "_"),
        5,
        ["QQ=="],
    ]
    for spelling in spellings:
        with pytest.raises(ArtifactError, match="payload"):
            decode_envelope(changed(envelope, payload=spelling).encode(), "x")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"payloadType": "application/json"}, "payloadType"),
        ({"payloadType": "application/vnd.in-toto+JSON"}, "payloadType"),
        ({"payloadType": None}, "payloadType"),
        ({"payload": None}, "payload"),
        ({"signatures": None}, "signatures"),
        ({"signatures": []}, "signatures"),
        ({"signatures": [{"sig": "AA=="}]}, "signatures.0"),
        ({"signatures": {}}, "signatures"),
        ({"more": 1}, "more"),
        ({"\x1b[31m": 1}, r"\\x1b\[31m"),
    ],
)
def test_fields_are_closed(envelope, fields, named):
    with pytest.raises(ArtifactError, match=f"x.sig.json: field {named}") as caught:
        decode_envelope(changed(envelope, **fields).encode(), "x.sig.json")
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_signature_has_a_fingerprint_64_bytes_and_no_more(envelope):
    good = json.loads(encode_envelope(envelope))["signatures"][0]
    long = base64.b64encode(base64.b64decode(good["sig"]) + b"\0").decode()
    for bad in (
        {**good, "sig": long},
        {**good, "sig": "AA=="},
        {**good, "keyid": good["keyid"] + "="},
        {**good, "keyid": "MD5:" + good["keyid"][4:]},
        {**good, "cert": "…"},
        {"sig": good["sig"]},
    ):
        with pytest.raises(ArtifactError, match=r"signatures\.0"):
            decode_envelope(changed(envelope, signatures=[bad]).encode(), "x")
    crowd = [good] * (MAX_SIGNATURES + 1)
    with pytest.raises(ArtifactError, match="signatures"):
        decode_envelope(changed(envelope, signatures=crowd).encode(), "x")


def test_json_is_strict(envelope):
    text = encode_envelope(envelope).decode()
    for broken in (
        text.replace('"payload":', '"payload":"QQ==","payload":', 1),
        text.replace('"keyid":', '"keyid":"A","keyid":', 1),
        text.replace('"payloadType":', '"n":NaN,"payloadType":'),
        text.replace('"payloadType":', '"n":1e400,"payloadType":'),
        text.replace('"payloadType":', '"n":"\\ud800","payloadType":'),
        text[:-3],
        "[" + text + "]",
        text + text,
        "[" * 100_000,
        "",
    ):
        with pytest.raises(ArtifactError):
            decode_envelope(broken.encode(), "x")
    for encoding in ("utf-16", "utf-8-sig", "utf-32"):
        with pytest.raises(ArtifactError):
            decode_envelope(text.encode(encoding), "x")


def test_the_key_id_proves_nothing(envelope, key):
    """A signature under somebody else's fingerprint is not theirs, and a broken one beside a good one spoils it."""
    thief = new_key()
    stolen = sign_payload(PAYLOAD, thief).model_copy(update={"keyid": key.public.fingerprint})
    for signatures in ((stolen,), (*envelope.signatures, stolen)):
        forged = envelope.model_copy(update={"signatures": signatures})
        with pytest.raises(ArtifactError, match="changed after it was signed"):
            forged.signed_by(key.public, "x")
