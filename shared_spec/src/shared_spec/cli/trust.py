"""`sign`, `rotate` and `answer`, and the options of keys and trust files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shared_spec.console import emit, facts, path_option
from shared_spec.options import Command, command_settings
from shared_spec.trust.fields import format_instant
from shared_spec.trust.settings import Answer, Issuance, Rotation

if TYPE_CHECKING:
    from shared_spec.trust.signing import Signed

__all__ = [
    "answer_command",
    "ask_passphrase",
    "key_option",
    "outcome_options",
    "rotate_command",
    "show_signed",
    "sign_command",
    "trust_option",
]

Function = TypeVar("Function", bound=Callable[..., Any])

key_option = path_option(
    "--key", "Your private key, as `ssh-keygen -t ed25519` wrote it.", required=True
)
trust_option = path_option(
    "--trust", "Whose keys you accept, trust.toml (docs/trust.md); without it the origin is not verified."
)  # fmt: skip


def outcome_options(command: Function) -> Function:
    """Adds `--force` and `--json`."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(
        command
    )
    return click.option("--force", is_flag=True, help="Replace another statement.")(command)


def ask_passphrase() -> str:
    """The passphrase of a key: from the environment, or from whoever sits at the terminal."""
    from shared_spec.trust.keys import PASSPHRASE_VARIABLE, passphrase_from_environment

    if PASSPHRASE_VARIABLE not in os.environ and sys.stdin.isatty():
        return str(click.prompt("passphrase of the key", hide_input=True, err=True))
    return passphrase_from_environment()


def show_signed(signed: Signed, as_json: bool, after: str = "") -> None:
    """Prints what was signed, and by whom."""
    said = signed.statement
    result = {
        "signature": str(signed.path),
        "kind": said.kind,
        "digest": said.digest,
        "issuer": said.predicate.issuer,
        "serial": said.predicate.serial,
        "expires": format_instant(said.predicate.expires),
        "keys": list(signed.fingerprints),
    }
    rows = [[name, ", ".join(v) if isinstance(v, list) else str(v)] for name, v in result.items()]
    emit(result, as_json, facts(f"signed: {signed.path}", rows[1:]), after)


def sign_command(package: ModuleType, artifact: str) -> click.Command:
    """The command `sign` of a party that issues `artifact`."""
    party = package.__name__

    @click.command(
        "sign",
        cls=Command,
        help=f"""Sign an artefact that you issue, in a file beside it.

        The artefact is checked first: documents, digests, forms; not whether its numbers are true. A second key, with
        the same values, adds its signature.
        What stays the same, such as --issuer, may stand in a file for --config.

        \b
        Example:
          {party} sign {artifact} --key id_{party} --issuer "City Office" --serial 1 --expires 2027-11-25
        """,
    )
    @click.argument("artifact", type=click.Path(path_type=Path))
    @key_option
    @outcome_options
    @command_settings(issuance=Issuance)
    def command(
        artifact: Path, key: Path, force: bool, as_json: bool, issuance: Issuance
    ) -> None:  # fmt: skip
        signed = package.sign(artifact, key, issuance, force=force, passphrase=ask_passphrase)
        show_signed(signed, as_json, f"Hand over {artifact} and {signed.path} together.")

    return command


def rotate_command(package: ModuleType) -> click.Command:
    """The command `rotate` of a party."""
    party = package.__name__

    @click.command(
        "rotate",
        cls=Command,
        help=f"""Hand over from one key to the next, in a statement that both sign.

        Partners put it beside their trust file and name it there, under `rotations`.

        \b
        Example:
          {party} rotate --key id_{party} --new-key id_2027 --config issuer.toml --out new.rotation.sig.json
        """,
    )
    @key_option
    @path_option("--new-key", "The key that takes over.", required=True)
    @path_option("--out", "NAME.rotation.sig.json to write.", required=True)
    @outcome_options
    @command_settings(rotation=Rotation)
    def command(
        key: Path, new_key: Path, out: Path, force: bool, as_json: bool, rotation: Rotation
    ) -> None:  # fmt: skip
        signed = package.rotate(out, key, new_key, rotation, force=force, passphrase=ask_passphrase)
        show_signed(signed, as_json)

    return command


def answer_command(package: ModuleType) -> click.Command:
    """The command `answer` of a party."""
    party = package.__name__

    @click.command(
        "answer",
        cls=Command,
        help=f"""Answer a commitment with a beacon, a random number that you draw and sign now.

        Answer each commitment once, and count those of an issuer: who asks often, shops.

        \b
        Example:
          {party} answer reps.commitment.sig.json --key id_{party} --config issuer.toml --trust trust.toml
        """,
    )
    @click.argument("commitment", type=click.Path(path_type=Path))
    @key_option
    @trust_option
    @outcome_options
    @command_settings(reply=Answer)
    def command(
        commitment: Path, key: Path, trust: Path | None, force: bool, as_json: bool, reply: Answer,
    ) -> None:  # fmt: skip
        signed = package.answer(
            commitment, key, reply, trust=trust, force=force, passphrase=ask_passphrase
        )
        show_signed(signed, as_json, f"Send {signed.path} back.")

    return command
