"""A receipt: one person's rows of a certificate, and proof that they are in it, for who holds its document alone.

It shows the rows of one person, their salts, and hashes of everybody else's rows that say nothing about them.
"""

from __future__ import annotations

import io
from typing import Annotated, Literal

from pydantic import Field

from shared_spec.artifacts.canonical import canonical_json, parse_json
from shared_spec.artifacts.certificate import Certificate, CertificateDocument
from shared_spec.artifacts.document import Count, Digest, Document, Strict, parse_document
from shared_spec.artifacts.merkle import HASH_BYTES, inclusion_path, root_from_path
from shared_spec.artifacts.rows import HEADER, Row, read_rows
from shared_spec.artifacts.salt import SALT_BYTES, leaf_of
from shared_spec.errors import ArtifactError, DataError
from shared_spec.trust.envelope import Base64Bytes

__all__ = ["MAX_RECEIPT", "Receipt", "ReceiptRow", "check_receipt", "make_receipt", "parse_receipt"]

MAX_RECEIPT = 65_536
"""Bytes of the longest receipt that is read."""

_Hash = Annotated[Base64Bytes, Field(min_length=HASH_BYTES, max_length=HASH_BYTES)]


class ReceiptRow(Strict):
    """One row, where it stands, and the way from there to the root of its view's tree."""

    index: Count
    """Among the rows of its view, from 0."""
    line: Annotated[str, Field(max_length=16_384)]
    """The row's line as CSV, without the line feed."""
    path: Annotated[tuple[_Hash, ...], Field(max_length=64)]
    salt: Annotated[Base64Bytes, Field(min_length=SALT_BYTES, max_length=SALT_BYTES)]


class Receipt(Document):
    """The content of a receipt's file."""

    media_type: Literal["application/vnd.lassi.receipt.v1+json"] = (
        "application/vnd.lassi.receipt.v1+json"
    )
    content_digest: Literal[""] = Field(default="", exclude=True)
    certificate: Digest
    """Content digest of the certificate whose rows these are."""
    header: Annotated[str, Field(max_length=4096)]
    """The header of these lines, without the line feed."""
    rows: Annotated[tuple[ReceiptRow, ...], Field(min_length=1, max_length=16)]

    def to_bytes(self) -> bytes:
        """The file's bytes, which are the only spelling of it that is read."""
        return canonical_json(self.model_dump(mode="json")) + b"\n"


def make_receipt(certificate: Certificate, individual: str) -> Receipt:
    """The receipt of one person.

    Raises:
        DataError: nobody of this id is in the certificate.
        ArtifactError: the certificate has no roots; it was issued by an earlier release.
    """
    document, salt = certificate.document, certificate.salt
    if salt is None or not document.roots:
        raise ArtifactError(
            f"{certificate.path}: has no Merkle roots, so there are no receipts; ask for a certificate of this release"
        )
    shown = []
    for view, claim in document.claims.items():
        found = certificate.find(individual, view)
        if found is None:
            raise DataError(
                f"{certificate.path}: no individual {individual!r:.100} in split {document.split}; "
                f"ids stand in its {document.table}"
            )
        index, row = found
        leaves = (leaf for rows in certificate.parts(view) for leaf in salt.leaves(view, rows.lines()))  # fmt: skip
        path = inclusion_path(leaves, index, claim.individuals)
        own = salt.of(view, individual)
        shown.append(ReceiptRow(index=index, line=row.lines()[0].decode(), path=path, salt=own))
    return Receipt(certificate=certificate.digest, header=HEADER.decode(), rows=tuple(shown))


def parse_receipt(content: bytes, where: str) -> Receipt:
    """The receipt in a file's bytes. Raises ArtifactError for anything else, and for another spelling of it."""
    receipt = parse_document(Receipt, parse_json(content, where), where)
    if receipt.to_bytes() != content:
        raise ArtifactError(
            f"{where}: is not canonical JSON (RFC 8785) and a line feed; ask for the receipt again"
        )
    return receipt


def check_receipt(receipt: Receipt, document: CertificateDocument, where: str) -> tuple[Row, ...]:
    """The rows that a receipt shows, which are proved to be among those of the certificate with this document.

    Guarantee: who issued the document with its roots had each of these rows, with this content, at this place, unless
    SHA-256 is broken. Whether the rows follow from the bundle is what `consumer verify` finds.

    Args:
        receipt: parsed.
        document: whose digest was checked.
        where: what messages call the receipt.

    Raises:
        ArtifactError: the receipt is of another certificate, or a row is not in it.
    """
    if receipt.certificate != document.content_digest:
        raise ArtifactError(
            f"{where}: is of certificate {receipt.certificate}, this one is {document.content_digest}; "
            "take the document that it was made from"
        )
    table = "".join(f"{line}\n" for line in (receipt.header, *(each.line for each in receipt.rows)))
    rows = tuple(row for part in read_rows(io.BytesIO(table.encode()), where) for row in part)
    if sorted(row.view for row in rows) != sorted(document.claims):
        raise ArtifactError(
            f"{where}: expected one row per view, {', '.join(document.claims)}; ask for the receipt again"
        )
    if len({row.sample_id for row in rows}) != 1:
        raise ArtifactError(f"{where}: holds rows of several people; expected those of one")
    for row, shown in zip(rows, receipt.rows, strict=True):
        root = (document.roots or {}).get(row.view)
        if root is None:
            raise ArtifactError(f"{where}: the certificate has no root for view {row.view!r:.100}")
        leaf = leaf_of(shown.salt, f"{receipt.header}\n{shown.line}\n".encode())
        size = document.claims[row.view].individuals
        try:
            proved = root_from_path(leaf, shown.index, size, shown.path).hex() == root
        except ValueError as error:
            raise ArtifactError(f"{where}: {row.view}: {error}; the receipt was changed") from None
        if not proved:
            raise ArtifactError(
                f"{where}: {row.view}: this row is not in the certificate; the receipt was changed"
            )
    return rows
