"""DSSE, the envelope around signed bytes (https://github.com/secure-systems-lab/dsse, version 1.0).

What is signed is the pre-authentication encoding of the payload and its type, so that bytes signed as one kind of
thing can never be shown as another. The parser knows these fields and no others, one payload type, one algorithm, and
one way to write each byte string.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from shared_spec.artifacts.canonical import canonical_json, parse_json
from shared_spec.artifacts.document import Strict
from shared_spec.errors import ArtifactError
from shared_spec.trust.fields import validate
from shared_spec.trust.keys import PublicKey, SigningKey

__all__ = [
    "MAX_ENVELOPE",
    "MAX_SIGNATURES",
    "PAYLOAD_TYPE",
    "Base64Bytes",
    "Envelope",
    "Fingerprint",
    "Signature",
    "decode_envelope",
    "encode_envelope",
    "pre_authentication_encoding",
    "sign_payload",
]

PAYLOAD_TYPE: Literal["application/vnd.in-toto+json"] = "application/vnd.in-toto+json"
MAX_ENVELOPE = 262_144
"""Bytes of the longest envelope that is read."""
MAX_SIGNATURES = 16


def _bytes(value: Any) -> bytes:  # noqa: ANN401 - whatever a document holds
    if isinstance(value, bytes):
        return value
    # Base64 leaves spare bits and optional padding; encoding again finds all but the one canonical spelling.
    if isinstance(value, str) and value.isascii():
        content = base64.b64decode(value)
        if base64.b64encode(content).decode() == value:
            return content
    raise ValueError("expected standard base64 with padding")


Base64Bytes = Annotated[
    bytes,
    BeforeValidator(_bytes),
    PlainSerializer(lambda value: base64.b64encode(value).decode(), when_used="json"),
]
"""Bytes, in JSON as standard base64 with padding, of which one spelling is read."""

Fingerprint = Annotated[str, Field(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]
"""What `ssh-keygen -l` shows of a key."""


class Signature(Strict):
    """One party's signature of the payload."""

    keyid: Fingerprint
    """Says which key to try, and proves nothing."""
    sig: Annotated[Base64Bytes, Field(min_length=64, max_length=64)]


class Envelope(Strict):
    """The content of a `.sig.json` file; a payload in it is only believed after `signed_by`."""

    payload: Base64Bytes
    payloadType: Literal["application/vnd.in-toto+json"]
    signatures: tuple[Signature, ...] = Field(min_length=1, max_length=MAX_SIGNATURES)

    def signed_by(self, key: PublicKey, where: str) -> bool:
        """Whether there is a signature of this key.

        Raises:
            ArtifactError: if one bears its fingerprint and does not verify: the file was changed.
        """
        message = pre_authentication_encoding(PAYLOAD_TYPE, self.payload)
        found = [signature for signature in self.signatures if signature.keyid == key.fingerprint]
        if not all(key.verifies(signature.sig, message) for signature in found):
            raise ArtifactError(
                f"{where}: the signature of {key.fingerprint} is not one of this content; "
                "it was changed after it was signed"
            )
        return bool(found)


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: `DSSEv1 LENGTH TYPE LENGTH PAYLOAD`, lengths in bytes."""
    name = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def sign_payload(payload: bytes, key: SigningKey) -> Signature:
    """The key's signature of an in-toto statement."""
    message = pre_authentication_encoding(PAYLOAD_TYPE, payload)
    return Signature(keyid=key.public.fingerprint, sig=key.sign(message))


def encode_envelope(envelope: Envelope) -> bytes:
    """The bytes of the file: canonical JSON and a newline."""
    return canonical_json(envelope.model_dump(mode="json")) + b"\n"


def decode_envelope(content: bytes, where: str) -> Envelope:
    """Parses the bytes of a `.sig.json` file; nothing in it is verified by that. Raises ArtifactError."""
    return validate(Envelope, parse_json(content, where), where, ArtifactError)
