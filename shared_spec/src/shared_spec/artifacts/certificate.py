"""certificate/: what a consumer states about every individual, and the numbers that each statement rests on."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from pydantic import Field
from torch import Tensor

from shared_spec.artifacts.atomic import write_atomically
from shared_spec.artifacts.bundle_documents import SpecEntry
from shared_spec.artifacts.directory import (
    FileEntry,
    list_files,
    load_directory_document,
    save_directory_document,
)
from shared_spec.artifacts.document import Document, Strict, Tool
from shared_spec.artifacts.tensors import load_tensors, save_tensors
from shared_spec.errors import ArtifactError

__all__ = [
    "COLUMNS",
    "STATUSES",
    "Certificate",
    "CertificateDocument",
    "Claim",
    "HeadEntry",
    "Population",
    "SamplingEntry",
    "Status",
    "load_certificate",
    "save_certificate",
]

Status: TypeAlias = Literal["CERTIFIED", "NOT_CERTIFIED", "ABSTAIN", "UNDECIDED"]

STATUSES: tuple[Status, ...] = get_args(Status)

COLUMNS = (
    "sample_id", "view", "label", "prediction", "status", "reason",
    "d_cs", "d_rs", "method", "samples", "successes",
)  # fmt: skip
"""Columns of individuals.csv; docs/format.md says what each holds."""

_DOCUMENT, _ROWS, _HEAD = "certificate.json", "individuals.csv", "head.safetensors"
_HEAD_MEDIA_TYPE = "application/vnd.lassi.head.v1+safetensors"


class HeadEntry(Strict):
    """The consumer's classifier C; its weights are in head.safetensors."""

    kind: Literal["linear", "mlp"]
    input_dim: int = Field(gt=0)
    hidden: tuple[int, ...]
    classes: tuple[str, ...] = Field(min_length=2)
    sigma_rs: float = Field(ge=0)
    """Standard deviation of the Gaussian noise per representation coordinate, in training and in smoothing."""
    digest: str
    settings: dict[str, float | int | str | bool]


class Population(Strict):
    """What the certified individuals say about the population that they were drawn from, if drawn at random."""

    confidence: float = Field(gt=0, lt=1)
    fair_at_least: float = Field(ge=0, le=1)
    """P_x(the model is fair at x) is at least this, with that confidence over the draw of the individuals."""


class SamplingEntry(Strict):
    """How a sampled method drew: with the certificate's seed this gives the same samples again."""

    alpha: float = Field(gt=0, lt=1)
    selection_samples: int = Field(gt=0)
    samples: int = Field(gt=0)


class Claim(Strict):
    """What is claimed for one view: of which model, with which failure probability, and how often."""

    certified_model: str
    statement: Literal["D", "I", "paper", "X"]
    sentence: str
    alpha: dict[str, float]
    """Failure probability per event and individual; empty for deterministic certificates."""
    alpha_per_individual: float = Field(ge=0, lt=1)
    radius_method: str
    sampling: SamplingEntry | None = None
    """Null for deterministic methods."""
    individuals: int = Field(gt=0)
    counts: dict[Status, int]
    certified_fraction: float = Field(ge=0, le=1)
    accuracy: float | None = Field(ge=0, le=1)
    """Accuracy of the certified model on these individuals, abstentions counted as errors."""
    balanced_accuracy: float | None = Field(ge=0, le=1)
    majority_accuracy: float | None = Field(ge=0, le=1)
    """What always answering the most frequent class would score."""
    expected_false_certificates: float = Field(ge=0)
    """At most this many of the CERTIFIED are expected to be wrong."""
    false_certificates_bound: int = Field(ge=0)
    """More false certificates than this have probability at most 1 - population.confidence."""
    population: Population


class CertificateDocument(Document):
    """certificate.json."""

    media_type: Literal["application/vnd.lassi.fairness-certificate.v1+json"] = (
        "application/vnd.lassi.fairness-certificate.v1+json"
    )
    target: str
    split: str
    spec: SpecEntry
    bundle_digest: str
    encoder_digest: str
    head: HeadEntry
    claims: dict[Literal["smoothing", "exact"], Claim]
    skipped: int = Field(ge=0)
    """Individuals of the split that the bundle leaves out; nothing is claimed about them."""
    files: tuple[FileEntry, ...]
    tool: Tool
    seed: int


@dataclass(frozen=True)
class Certificate:
    """A checked certificate directory."""

    path: Path
    document: CertificateDocument
    rows: tuple[Mapping[str, str], ...]
    head: Mapping[str, Tensor]


def save_certificate(
    folder: Path,
    document: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    head: Mapping[str, Tensor],
    further: Mapping[str, Callable[[CertificateDocument], bytes]] | None = None,
) -> str:
    """Writes the certificate into `folder` (a partial directory); returns the content digest.

    `document` is everything in `CertificateDocument` but files, content_digest and the head's digest; each row has
    the columns `COLUMNS`, and floats are written with all their digits, so nothing is rounded.

    Each of `further`, by file name, makes the content of a file from the document as it will be, but for its files
    and content_digest, which cover that file.
    """
    head_document = {"media_type": _HEAD_MEDIA_TYPE, "kind": document["head"]["kind"]}
    head_digest = save_tensors(folder / _HEAD, head, head_document)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(folder / _ROWS, text.getvalue().encode())
    draft = CertificateDocument.model_validate(
        {**document, "head": {**document["head"], "digest": head_digest}, "files": []}
    )
    further = further or {}
    for name, content in further.items():
        write_atomically(folder / name, content(draft))
    complete = draft.model_copy(update={"files": list_files(folder, [_HEAD, _ROWS, *further])})
    return save_directory_document(
        folder, _DOCUMENT, complete.model_dump(mode="json", exclude={"content_digest"})
    )


def load_certificate(path: Path) -> Certificate:
    """Opens certificate/ after checking the document's digest and the hash of every file.

    Raises:
        ArtifactError: if anything is missing, changed or inconsistent, or if the counts in the document are not those
            of the rows.
    """
    path = Path(path)
    document = load_directory_document(path, _DOCUMENT, CertificateDocument)
    with open(path / _ROWS, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ArtifactError(
                f"{path / _ROWS}: header is {reader.fieldnames}, expected {list(COLUMNS)}"
            )
        rows = tuple(reader)
    for view, claim in document.claims.items():
        statuses = [row["status"] for row in rows if row["view"] == view]
        counts = {status: statuses.count(status) for status in STATUSES}
        if counts != dict(claim.counts) or len(statuses) != claim.individuals:
            raise ArtifactError(
                f"{path}: {view}: the rows count {counts}, the document {dict(claim.counts)}"
            )
    head, head_document = load_tensors(path / _HEAD)
    if head_document["content_digest"] != document.head.digest:
        raise ArtifactError(f"{path / _HEAD}: not the head that the certificate speaks of")
    return Certificate(path, document, rows, head)
