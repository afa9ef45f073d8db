"""`consumer.evidence`: a certificate, as other systems take it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from consumer.evidencing import Format
from consumer.evidencing.claim_table import claim_table
from consumer.evidencing.cyclonedx import cyclonedx
from consumer.evidencing.group_table import group_table
from consumer.evidencing.model_card import model_card
from shared_spec.artifacts.atomic import Kind, refuse_existing, write_atomically
from shared_spec.artifacts.certificate import (
    Certificate,
    CertificateDocument,
    load_current_certificate,
)
from shared_spec.artifacts.reading import open_regular
from shared_spec.errors import ArtifactError, SettingsError

__all__ = ["FORMATS", "evidence"]

FORMATS: Mapping[Format, Callable[[CertificateDocument], bytes]] = {
    "cyclonedx": cyclonedx,
    "model-card": model_card,
    "csv": claim_table,
    "groups-csv": group_table,
}
"""What draws each form from a certificate's document."""

_BEGINNINGS: Mapping[Format, bytes] = {
    "cyclonedx": b'{\n  "$schema": "http://cyclonedx.org/schema/bom-',
    "model-card": b"---\n",
    "csv": b"target,split,view,statement,",
    "groups-csv": b"target,split,label,view,",
}
"""How each begins: `force` replaces a file of the same form alone."""


def evidence(
    certificate: Path | str | Certificate, out: Path | str, *, form: Format = "cyclonedx", force: bool = False
) -> Path:  # fmt: skip
    """Writes what a certificate claims in the form of another system; returns where.

    Nothing is said that the certificate does not say, percentages of guarantees are rounded down, and what only the
    operator of the model knows is marked so. Figures of groups are in every form but `csv`, if there are any.

    Args:
        certificate: certificate/.
        out: the file to write.
        form: `cyclonedx` (1.6, JSON), `model-card` (Markdown with YAML, as Hugging Face reads it), `csv` with a row per
            claim, or `groups-csv` with a row per rate of a group.
        force: replace what stands at `out`.

    Raises:
        SettingsError: `out` exists, or a table of groups is asked of a certificate that counts none.
        ArtifactError: the certificate is not what it should be.
        ExpiredError: its last day is over.
    """
    out = Path(out)
    loaded = load_current_certificate(certificate)
    if form == "groups-csv" and not loaded.document.groups:
        raise SettingsError(
            f"`format` is {form}: {loaded.path} counts no groups; ask for one of `consumer certify --groups NAME`"
        )
    refuse_existing(out, force, kind=_kind(form), inputs=[loaded.path])
    write_atomically(out, FORMATS[form](loaded.document))
    return out


def _kind(form: Format) -> Kind:
    def recognises(path: Path) -> bool:
        try:
            with open_regular(path) as file:
                return file.read(100).startswith(_BEGINNINGS[form])
        except ArtifactError:
            return False

    return Kind(f"{form} of a certificate", recognises)
