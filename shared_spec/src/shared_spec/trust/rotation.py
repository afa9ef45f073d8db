"""Rotation: the old key and the new one sign together that the one takes over from the other.

Whoever has pinned the old key can follow without asking anybody again. It gives nothing that the old pin did not give:
the new key counts no longer than the old pin would have, and falls with it when that is revoked.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.trust.fields import format_instant
from shared_spec.trust.keys import SigningKey, parse_public_key, passphrase_from_environment
from shared_spec.trust.pins import Party, Pin
from shared_spec.trust.settings import Rotation
from shared_spec.trust.signing import (
    Passphrase,
    Signed,
    load_envelope,
    open_key,
    write_statement,
)
from shared_spec.trust.statement import (
    Role,
    RotationPredicate,
    issue_statement,
    parse_statement,
)

__all__ = ["follow_rotation", "rotate"]


def rotate(
    path: Path | str,
    old: Path | str | SigningKey,
    new: Path | str | SigningKey,
    role: Role,
    rotation: Rotation,
    *,
    force: bool = False,
    passphrase: Passphrase = passphrase_from_environment,
) -> Signed:
    """Writes the statement that `new` takes over from `old` in this role, signed by both.

    Args:
        path: of the envelope, by convention `NAME.rotation.sig.json`; partners put it beside their trust files.
        old: the key that partners have pinned, or its file.
        new: the key that follows it, or its file.
        role: in which they are used; one statement per role.
        rotation: who, which, from when and how long.
        force: replaces another statement.
        passphrase: asked of a key that has one.

    Raises:
        SettingsError: if a field or key does not fit, or another statement stands there and `force` is off.
        LassiError: if the file cannot be written.
    """
    path = Path(path)
    keys = [open_key(key, passphrase) for key in (old, new)]
    lines = [key.public for key in keys]
    if lines[0] == lines[1]:
        raise SettingsError(
            f"both keys are {lines[0].fingerprint}: expected a new one, as `ssh-keygen -t ed25519` makes it"
        )
    if not rotation.issued <= rotation.effective < rotation.expires:
        raise SettingsError(
            f"`effective` is {format_instant(rotation.effective)}: expected a moment from now until `expires`"
        )
    fields = {
        **rotation.fields(),
        "role": role,
        "parents": {},
        "old_key": lines[0].line,
        "new_key": lines[1].line,
        "effective": rotation.effective,
    }
    name, digest = lines[1].fingerprint, lines[1].sha256
    statement = issue_statement("rotation", name, digest, fields, str(path))
    return write_statement(path, statement, keys, force)


def follow_rotation(party: Party, role: Role, path: Path) -> Party:
    """The party with the new key of a rotation statement pinned and the old one retired.

    Raises:
        ArtifactError: if the file is no rotation of this role and identity, signed by both keys while the old one was
            valid; if that was rotated before; or if the new one is pinned already.
    """
    where = str(path)
    envelope = load_envelope(path)
    signers = [pin for pin in party.keys if envelope.signed_by(pin.public_key, where)]
    if not signers:
        raise ArtifactError(
            f"{where}: not signed by a key that is pinned for {role} {party.identity}"
        )
    statement = parse_statement(envelope.payload, where)
    predicate = statement.predicate
    if not isinstance(predicate, RotationPredicate):
        raise ArtifactError(f"{where}: is about a {statement.kind}, expected a rotation")
    if (predicate.role, predicate.issuer) != (role, party.identity):
        raise ArtifactError(
            f"{where}: is of {predicate.role} {predicate.issuer}, expected {role} {party.identity}"
        )
    new = parse_public_key(predicate.new_key)
    old = next((pin for pin in signers if pin.public_key.line == predicate.old_key), None)
    if old is None or not envelope.signed_by(new, where) or statement.digest != new.sha256:
        raise ArtifactError(
            f"{where}: not signed by both keys that it names; ask its issuer for it again"
        )
    if old.retired_at is not None or any(pin.public_key == new for pin in party.keys):
        raise ArtifactError(
            f"{where}: {old.public_key.fingerprint} was rotated before, or {new.fingerprint} is pinned already; "
            "take it out of `rotations`"
        )
    if not old.valid_from <= predicate.issued <= predicate.effective < _end(old, predicate):
        raise ArtifactError(
            f"{where}: issued at {format_instant(predicate.issued)}, effective from "
            f"{format_instant(predicate.effective)}: expected in this order, while the old key is valid"
        )
    heir = Pin(
        public_key=new,
        valid_from=predicate.effective,
        valid_until=_end(old, predicate),
        revoked_at=old.revoked_at,
    )
    retired = old.model_copy(update={"retired_at": predicate.effective})
    keys = (*(retired if pin is old else pin for pin in party.keys), heir)
    return party.model_copy(update={"keys": keys})


def _end(old: Pin, predicate: RotationPredicate) -> datetime:
    return min(old.valid_until, predicate.expires)
