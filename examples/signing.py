"""Signing what is handed over: keys, the trust file that pins them, and a link of the chain that somebody changed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from parties import Organisation

from shared_spec import load_bundle
from shared_spec.artifacts.bundle_writing import save_shard, seal_bundle
from shared_spec.trust.keys import load_signing_key

__all__ = ["TRUST", "make_key", "shrink_radii", "sign", "write_trust"]

TRUST = "trust.toml"
_KEY = "id_ed25519"
_DAYS = timedelta(days=365)


def make_key(party: Organisation) -> str:
    """Makes a key in the party's folder, where there is none yet, and returns its public line."""
    path = party.folder / _KEY
    if not path.exists():
        if shutil.which("ssh-keygen"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", party.name, "-f", str(path)]  # fmt: skip
            subprocess.run(words, check=True)
        else:
            key = Ed25519PrivateKey.generate()
            path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return load_signing_key(path).public.line


def write_trust(folder: Path, parties: Mapping[str, Organisation]) -> None:
    """Writes trust.toml, in which these parties are pinned in these roles.

    In a play the keys are taken from the folders; organisations compare fingerprints first (docs/trust.md).
    """
    now = datetime.now(UTC).replace(microsecond=0)
    lines = []
    for role, party in parties.items():
        lines += [f"[{role}]", f"identity = {json.dumps(party.name)}", f"[[{role}.keys]]",
                  f"public_key = {json.dumps(make_key(party))}", f"valid_from = {(now - _DAYS).isoformat()}",
                  f"valid_until = {(now + _DAYS).isoformat()}", ""]  # fmt: skip
    (folder / TRUST).write_text("\n".join(lines))


def sign(party: Organisation, role: str, artifact: str) -> None:
    """The party signs what it issues, with a key that is made when it is first needed."""
    make_key(party)
    expires = f"{datetime.now(UTC) + _DAYS:%Y-%m-%d}"
    party.run(role, "sign", artifact, "--key", _KEY, "--issuer", party.name, "--serial", "1",
              "--expires", expires, "--force")  # fmt: skip


def shrink_radii(reps: Path, forged: Path, factor: float = 0.001) -> None:
    """Copies a bundle with smaller radii, and makes every digest again: nothing but the signature shows it at once."""
    shutil.rmtree(forged, ignore_errors=True)
    shutil.copytree(reps, forged)
    bundle = load_bundle(reps)
    for split in bundle.manifest.splits:
        for number, tensors in enumerate(bundle.shards(split)):
            shrunk = {
                name: tensor * factor if name.endswith(".radius") else tensor
                for name, tensor in tensors.items()
            }
            save_shard(forged, bundle.manifest, split, number, shrunk)
    seal_bundle(forged, bundle.individuals.cells(), bundle.manifest)
