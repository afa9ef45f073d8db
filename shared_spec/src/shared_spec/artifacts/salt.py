"""salt.json of certificate/: the secret that hides a certificate's rows from whoever holds one of them.

The path of a receipt holds the hash of a neighbour's row. A row can be guessed: a name that is known, one of few
decisions. So every row is hashed together with a salt of its own, which nobody can compute without the key that stands
here, beside the rows themselves. It is drawn at random: what follows from the seed could be computed by everybody who
reads the document.
"""

from __future__ import annotations

import csv
import hmac
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from shared_spec.artifacts.canonical import canonical_json, parse_json
from shared_spec.artifacts.document import Document, parse_document
from shared_spec.artifacts.merkle import Tree, leaf_hash
from shared_spec.artifacts.reading import read_regular
from shared_spec.artifacts.rows import HEADER
from shared_spec.trust.fields import Hex256

__all__ = [
    "SALT",
    "SALT_BYTES",
    "RowTrees",
    "Salt",
    "draw_salt",
    "leaf_of",
    "parse_salt",
    "read_salt",
]

SALT = "salt.json"
"""Name of the file."""

SALT_BYTES = 16
"""Length of a row's salt: 128 bits that nobody guesses."""

_LIMIT = 4096


class Salt(Document):
    """The key from which each row's salt follows."""

    media_type: Literal["application/vnd.lassi.salt.v1+json"] = "application/vnd.lassi.salt.v1+json"
    content_digest: Literal[""] = Field(default="", exclude=True)
    key: Hex256

    def of(self, view: str, sample_id: str) -> bytes:
        """The salt of a row: it belongs to a person and a view, whatever the row says of them."""
        named = f"{view}\n{sample_id}".encode()
        return hmac.digest(bytes.fromhex(self.key), named, "sha256")[:SALT_BYTES]

    def leaves(self, view: str, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The hashes of a view's rows as leaves of its tree, from their lines of CSV."""
        before = hmac.new(bytes.fromhex(self.key), f"{view}\n".encode(), "sha256")
        for line in lines:
            salted = before.copy()
            salted.update(_sample_id(line))
            yield leaf_of(salted.digest()[:SALT_BYTES], b"%b\n%b\n" % (HEADER, line))

    def to_bytes(self) -> bytes:
        """The file's bytes."""
        return canonical_json(self.model_dump(mode="json")) + b"\n"


def leaf_of(salt: bytes, table: bytes) -> bytes:
    """The hash of a leaf: a salt, and the table as CSV, as it would be if it held this row alone.

    The header is part of it, so that no cell can be shown under the name of another column.
    """
    return leaf_hash(salt + table)


class RowTrees:
    """One Merkle tree per view, over the rows that were added so far; memory does not depend on how many."""

    def __init__(self, salt: Salt) -> None:
        self._salt = salt
        self._trees: dict[str, Tree] = {}

    def add(self, view: str, lines: Iterable[bytes]) -> None:
        """Adds the next rows of a view, by their lines of CSV."""
        self._trees.setdefault(view, Tree()).extend(self._salt.leaves(view, lines))

    def roots(self) -> dict[str, str]:
        """Per view the root, as 64 hexadecimal digits."""
        return {view: tree.root().hex() for view, tree in self._trees.items()}


def _sample_id(line: bytes) -> bytes:
    """The first cell of a line."""
    if line.startswith(b'"'):
        return next(csv.reader([line.decode()]))[0].encode()
    return line.partition(b",")[0]


def draw_salt() -> Salt:
    """A new key, from the operating system."""
    return Salt(key=secrets.token_hex(32))


def parse_salt(content: bytes, where: str) -> Salt:
    """The key in a file's bytes. Raises ArtifactError for anything else."""
    return parse_document(Salt, parse_json(content, where), where)


def read_salt(path: Path) -> Salt:
    """The key in a file. Raises ArtifactError for anything else."""
    return parse_salt(read_regular(path, _LIMIT), str(path))
