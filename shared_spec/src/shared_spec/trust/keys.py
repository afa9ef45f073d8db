"""Ed25519 keys as OpenSSH makes them (`ssh-keygen -t ed25519`), named by their OpenSSH fingerprints."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from shared_spec.artifacts.reading import read_regular
from shared_spec.errors import SettingsError

__all__ = [
    "PASSPHRASE_VARIABLE",
    "PublicKey",
    "SigningKey",
    "load_signing_key",
    "parse_public_key",
    "passphrase_from_environment",
]

PASSPHRASE_VARIABLE = "LASSI_KEY_PASSPHRASE"
"""The environment variable that holds the passphrase of a private key, where nobody is there to be asked."""

_TYPE = "ssh-ed25519"
# RFC 8709: two strings with their lengths in front, the name of the type and the 32 bytes of the key.
_PREFIX = b"\x00\x00\x00\x0b" + _TYPE.encode() + b"\x00\x00\x00\x20"
_LIMIT = 16_384


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key, by its 32 bytes."""

    raw: bytes

    @property
    def line(self) -> str:
        """The key as in a `.pub` file, without the comment."""
        return f"{_TYPE} {base64.b64encode(_PREFIX + self.raw).decode()}"

    @property
    def sha256(self) -> str:
        """SHA-256 of OpenSSH's binary form of the key, as 64 hexadecimal digits."""
        return hashlib.sha256(_PREFIX + self.raw).hexdigest()

    @property
    def fingerprint(self) -> str:
        """What `ssh-keygen -l` shows: `SHA256:` and 43 characters; the key id in envelopes."""
        return "SHA256:" + base64.b64encode(bytes.fromhex(self.sha256)).decode().rstrip("=")

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature`, 64 bytes, is this key's of `message` (RFC 8032)."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key that can sign."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """The public key that belongs to it."""
        return PublicKey(self.private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature; the same for the same message."""
        return self.private.sign(message)


def parse_public_key(line: str) -> PublicKey:
    """The key of a line `ssh-ed25519 AAAA… [comment]`. Raises ValueError for anything else."""
    kind, _, rest = line.strip().partition(" ")
    text = rest.partition(" ")[0]
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    raw = blob.removeprefix(_PREFIX)
    one_line = len(line.strip().splitlines()) == 1
    if not one_line or kind != _TYPE or len(raw) != 32 or len(blob) != len(_PREFIX) + 32:
        raise ValueError(
            "expected the line of a .pub file that `ssh-keygen -t ed25519` wrote: 'ssh-ed25519 AAAA…'"
        )
    return PublicKey(raw)


def passphrase_from_environment() -> str:
    """The passphrase in LASSI_KEY_PASSPHRASE. Raises SettingsError if there is none."""
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    if passphrase is None:
        raise SettingsError(f"the key has a passphrase; put it into {PASSPHRASE_VARIABLE}")
    return passphrase


def load_signing_key(
    path: Path, passphrase: Callable[[], str] = passphrase_from_environment
) -> SigningKey:
    """Reads a private key file of OpenSSH.

    Args:
        path: the file that `ssh-keygen -t ed25519` wrote, without `.pub`.
        passphrase: asked only if the key has one.

    Raises:
        SettingsError: if the file is missing or no regular file, holds no Ed25519 key, or the passphrase is wrong.
    """
    content = read_regular(path, _LIMIT, SettingsError)
    try:
        try:
            key = load_ssh_private_key(content, None)
        except TypeError:  # what `cryptography` raises for a key with a passphrase
            key = load_ssh_private_key(content, _not_empty(passphrase()))
    except UnsupportedAlgorithm as error:
        raise SettingsError(
            f"{path}: cannot be opened ({error}); expected an Ed25519 key; one with a passphrase needs bcrypt"
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"{path}: not a private key of OpenSSH, or the wrong passphrase ({error})"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path}: not an Ed25519 key; make one with `ssh-keygen -t ed25519`")
    return SigningKey(key)


def _not_empty(passphrase: str) -> bytes:
    if not passphrase:
        raise ValueError("the passphrase is empty")
    return passphrase.encode()
