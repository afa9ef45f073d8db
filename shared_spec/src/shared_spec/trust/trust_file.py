"""trust.toml: the file in which a party writes whose keys it accepts, after it compared fingerprints with them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import RootModel

from shared_spec.artifacts.reading import read_regular
from shared_spec.errors import SettingsError
from shared_spec.trust.fields import validate
from shared_spec.trust.pins import Party, Trust
from shared_spec.trust.rotation import follow_rotation
from shared_spec.trust.statement import Role

__all__ = ["load_trust"]

_LIMIT = 262_144


class _TrustFile(RootModel[dict[Role, Party]]):
    pass


def load_trust(path: Path | str | Trust) -> Trust:
    """Reads a trust file and follows the rotations that it names; one that is read already is returned.

    Raises:
        SettingsError: if it is missing, no regular file, no TOML, or a field is unknown, missing or impossible.
        ArtifactError: if a rotation that it names is missing or must not be followed.
    """
    if isinstance(path, Trust):
        return path
    path = Path(path)
    content = read_regular(path, _LIMIT, SettingsError)
    try:
        values = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not a TOML file ({error}); see docs/trust.md") from error
    parties = validate(_TrustFile, values, str(path), SettingsError).root
    for role, party in parties.items():
        for name in party.rotations:
            party = follow_rotation(party, role, path.with_name(name))
        parties[role] = party
    return Trust(str(path), parties)
