"""`consumer.evidence`: a certificate, as other systems take it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from consumer.evidencing import Format
from consumer.evidencing.claim_table import CLAIM_COLUMNS, claim_table
from consumer.evidencing.cyclonedx import cyclonedx
from consumer.evidencing.group_table import GROUP_COLUMNS, group_table
from consumer.evidencing.model_card import model_card
from shared_spec.artifacts.atomic import Kind, refuse_existing, write_atomically
from shared_spec.artifacts.certificate import (
    Certificate,
    CertificateDocument,
    load_current_certificate,
)
from shared_spec.artifacts.kinds import json_kind, table_kind, text_kind
from shared_spec.errors import SettingsError

__all__ = ["FORMATS", "evidence"]

FORMATS: Mapping[Format, Callable[[CertificateDocument], bytes]] = {
    "cyclonedx": cyclonedx,
    "model-card": model_card,
    "csv": claim_table,
    "groups-csv": group_table,
}
"""What draws each form from a certificate's document."""

_TOOL = "lassi-consumer"

_KINDS: Mapping[Format, Kind] = {
    "cyclonedx": json_kind(
        "cyclonedx of a certificate", lambda found: _TOOL in str(found.get("metadata"))[:200]
    ),
    "model-card": text_kind(
        "model-card of a certificate",
        b"---\ntags:\n- individual-fairness\n- certified\nmodel-index:\n",
    ),
    "csv": table_kind("csv of a certificate", CLAIM_COLUMNS),
    "groups-csv": table_kind("groups-csv of a certificate", GROUP_COLUMNS),
}
"""What `force` may replace: a file of the same form."""


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
    refuse_existing(out, force, kind=_KINDS[form], inputs=[loaded.path])
    write_atomically(out, FORMATS[form](loaded.document))
    return out
