"""What a regulator signs: specs, audits, beacons, and the keys that follow each other."""

from __future__ import annotations

from pathlib import Path

from shared_spec.trust.keys import SigningKey, passphrase_from_environment
from shared_spec.trust.rotation import rotate as rotate_in
from shared_spec.trust.settings import Issuance, Rotation
from shared_spec.trust.signing import Passphrase, Signed
from shared_spec.trust.subjects import sign as sign_any

__all__ = ["rotate", "sign"]


def sign(
    path: Path | str,
    key: Path | str | SigningKey,
    issuance: Issuance,
    *,
    force: bool = False,
    passphrase: Passphrase = passphrase_from_environment,
) -> Signed:
    """Signs a spec or, as an auditor, an audit, in `NAME.sig.json` beside it; see `shared_spec.sign`."""
    return sign_any(
        path, key, issuance, kinds=("spec", "audit"), force=force, passphrase=passphrase
    )


def rotate(
    out: Path | str,
    key: Path | str | SigningKey,
    new_key: Path | str | SigningKey,
    rotation: Rotation,
    *,
    force: bool = False,
    passphrase: Passphrase = passphrase_from_environment,
) -> Signed:
    """Hands over from `key` to `new_key`, in a statement that both sign; see `shared_spec.trust.rotation`."""
    return rotate_in(out, key, new_key, "regulator", rotation, force=force, passphrase=passphrase)
