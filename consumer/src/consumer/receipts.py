"""`consumer.receipt` and `consumer.verify_receipt`: one person's rows, and whether a signed certificate holds them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.certificate import (
    DOCUMENT,
    Certificate,
    CertificateDocument,
    load_current_certificate,
)
from shared_spec.artifacts.directory import load_directory_document
from shared_spec.artifacts.kinds import RECEIPT
from shared_spec.artifacts.reading import read_regular
from shared_spec.artifacts.receipt import (
    MAX_RECEIPT,
    Receipt,
    check_receipt,
    make_receipt,
    parse_receipt,
)
from shared_spec.artifacts.rows import Row
from shared_spec.trust.pins import Trust
from shared_spec.trust.signing import signature_path
from shared_spec.trust.subjects import certificate_subject
from shared_spec.trust.verification import Origin, origin_of, origin_words

__all__ = ["VerifiedReceipt", "receipt", "verify_receipt"]


@dataclass(frozen=True)
class VerifiedReceipt:
    """One person's rows, which are those of the certificate with this document."""

    document: CertificateDocument
    rows: tuple[Row, ...]
    origin: Origin | None
    """Who signed the certificate; None without a trust file."""

    def __repr__(self) -> str:
        rows = ", ".join(f"{row.view} {row.status}" for row in self.rows)
        return f"VerifiedReceipt({self.rows[0].sample_id}: {rows}; {origin_words(self.origin)})"


def receipt(
    certificate: Path | str | Certificate, individual: str, out: Path | str, *, force: bool = False
) -> Receipt:
    """Writes one person's rows of a certificate, with the proof that they are in it.

    The receipt tells nothing about anybody else: what it holds of other rows are hashes with salts.

    Args:
        certificate: certificate/.
        individual: a sample id.
        out: the file to write.
        force: replace a receipt that stands there.

    Raises:
        SettingsError: `out` exists.
        DataError: nobody of this id is in the certificate.
        ArtifactError: the certificate is not what it should be, or of a release without receipts.
        ExpiredError: its last day is over.
    """
    out = Path(out)
    loaded = load_current_certificate(certificate)
    refuse_existing(out, force, kind=RECEIPT, inputs=[loaded.path])
    made = make_receipt(loaded, individual)
    write_atomically(out, made.to_bytes())
    return made


def verify_receipt(
    receipt: Path | str | Receipt,
    certificate: Path | str | CertificateDocument,
    *,
    trust: Path | str | Trust | None = None,
) -> VerifiedReceipt:
    """Whether the rows of a receipt are those of a certificate, of which only the document is needed.

    That the rows follow from the bundle is not looked at: `verify` does, with all rows and the bundle.

    Args:
        receipt: the file.
        certificate: certificate.json, alone or in its directory. Its signature stands beside either, as
            certificate.sig.json.
        trust: trust.toml: whose certificate is accepted. Without it the origin is not verified.

    Raises:
        ArtifactError: the receipt is none or not of this certificate, or the trust file does not accept its signature.
        ExpiredError: the certificate's last day is past, or the signature or a key behind it has expired or was retired
            or revoked.
    """
    if isinstance(receipt, Receipt):
        where, content = "receipt", receipt
    else:
        where = str(receipt)
        content = parse_receipt(read_regular(Path(receipt), MAX_RECEIPT), where)
    if isinstance(certificate, CertificateDocument):
        document, place = certificate, Path("certificate")
    else:
        document, place = _load_document(Path(certificate))
    rows = check_receipt(content, document, where)
    document.require_current(place)
    return VerifiedReceipt(document, rows, origin_of(certificate_subject(document, place), trust))


def _load_document(path: Path) -> tuple[CertificateDocument, Path]:
    """The document, and the artefact beside which its signature stands."""
    folder, name = (path, DOCUMENT) if path.is_dir() else (path.parent, path.name)
    document = load_directory_document(folder, name, CertificateDocument)
    if path.is_dir():
        return document, folder
    # A document that somebody renamed still has its signature under the name that it was given.
    named = (path.with_suffix(""), folder / "certificate")
    return document, next((place for place in named if signature_path(place).exists()), folder)
