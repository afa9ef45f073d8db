"""Does a certificate follow from the bundle that it names? All of it is computed again and compared.

The bundle and the certificate are enough: neither the consumer's training data nor anybody's code is needed, and who
wrote the certificate need not be trusted. What the bundle itself states is the producer's word.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from consumer.certify import ViewCertificates, certify_view, read_bounds
from consumer.decide import Sampling
from consumer.head import certified_head
from consumer.labels import UNLABELLED
from consumer.report.page import REPORT, render_report
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.certificate import COLUMNS, Certificate, Claim
from shared_spec.artifacts.document import this_tool
from shared_spec.errors import ArtifactError, SettingsError

__all__ = ["verify_certificate"]

_View: TypeAlias = Literal["smoothing", "exact"]

_RADIUS_TOLERANCE = 1e-6
"""Relative: another machine's d_rs may differ in its last bits. The decisions themselves have to agree."""


def verify_certificate(certificate: Certificate, bundle: Bundle) -> list[tuple[str, str]]:
    """Computes every decision and every figure of the certificate again.

    Args:
        certificate: as loaded, so its files are those that it lists.
        bundle: as loaded, likewise.

    Returns:
        What was found to hold: pairs of what was checked and what it rests on, in the order of the checks.

    Raises:
        ArtifactError: naming the first thing that does not follow from the bundle.
    """
    found = [("made from", _check_origin(certificate, bundle))]
    labels, whose = _read_labels(certificate, bundle)
    found.append(("labels", whose))
    for view, claim in certificate.document.claims.items():
        found.append((f"{view} view", _check_view(certificate, bundle, view, claim, labels)))
    found.append((REPORT, _check_report(certificate)))
    return found


def _check_origin(certificate: Certificate, bundle: Bundle) -> str:
    document, manifest = certificate.document, bundle.manifest
    for name, stated, actual in (
        ("bundle", document.bundle_digest, bundle.digest),
        ("encoder", document.encoder_digest, manifest.encoder.digest),
        ("spec", document.spec, manifest.spec),
    ):
        if stated != actual:
            raise ArtifactError(
                f"{certificate.path}: was made from {name} {stated}, but {bundle.path} has {actual}; "
                "verify it with the bundle that it names"
            )
    for view in document.claims:
        if view not in manifest.views or document.split not in manifest.views[view].splits:
            raise ArtifactError(
                f"{certificate.path}: claims something of split {document.split} in the {view} view; "
                "the bundle bounds nobody there"
            )
    _compare(certificate, "head: input_dim", document.head.input_dim, bundle.dimension)
    split = manifest.splits[document.split]
    _compare(certificate, "skipped", document.skipped, split.available - split.individuals)
    everybody = list(bundle.sample_ids(document.split))
    for view in document.claims:
        # In the bundle's order, so that the rows can be compared one by one.
        named = [row["sample_id"] for row in certificate.rows if row["view"] == view]
        if named != everybody:
            raise ArtifactError(
                f"{certificate.path}: {view}: its individuals are not those of the bundle's split {document.split}"
            )
    if len(certificate.rows) != len(document.claims) * len(everybody):
        raise ArtifactError(f"{certificate.path}: has rows of a view about which it claims nothing")
    return (
        f"{len(everybody)} individuals, all of split {document.split}, {document.skipped} left out"
    )


def _read_labels(certificate: Certificate, bundle: Bundle) -> tuple[npt.NDArray[np.int64], str]:
    """Class codes in the order of the bundle's individuals, and whose word they are."""
    document = certificate.document
    code = {name: index for index, name in enumerate(document.head.classes)} | {"": UNLABELLED}
    stated: dict[str, int] = {}
    for row in certificate.rows:
        label = code.get(row["label"])
        if label is None or stated.setdefault(row["sample_id"], label) != label:
            raise ArtifactError(
                f"{certificate.path}: {row['sample_id']}: label {row['label']!r} is no class, or differs between views"
            )
    labels = np.array([stated[name] for name in bundle.sample_ids(document.split)], dtype=np.int64)
    shared = bundle.manifest.labels.get(document.target)
    if shared == document.head.classes and np.array_equal(
        labels, bundle.labels(document.split, document.target)
    ):
        return labels, "the producer's"
    return labels, "the consumer's own"


def _check_view(
    certificate: Certificate,
    bundle: Bundle,
    view: _View,
    claim: Claim,
    labels: npt.NDArray[np.int64],
) -> str:
    again = _certify_again(certificate, bundle, view, claim, labels)
    stated = [row for row in certificate.rows if row["view"] == view]
    for row, expected in zip(stated, again.rows, strict=True):
        for column in COLUMNS:
            if not _same(column, row[column], expected[column]):
                raise ArtifactError(
                    f"{certificate.path}: {view}: {row['sample_id']}: {column} is {row[column]!r}; "
                    f"the bundle and the head give {str(expected[column])!r}"
                )
    for name in Claim.model_fields:
        _compare(certificate, f"{view}: {name}", getattr(claim, name), getattr(again.claim, name))
    return f"{claim.counts['CERTIFIED']} certified, decided again by {claim.radius_method}"


def _certify_again(
    certificate: Certificate,
    bundle: Bundle,
    view: _View,
    claim: Claim,
    labels: npt.NDArray[np.int64],
) -> ViewCertificates:
    document = certificate.document
    head = certified_head(certificate)
    sampling = Sampling() if claim.sampling is None else Sampling(**claim.sampling.model_dump())
    try:
        return certify_view(
            head.frozen(), head.config.classes, read_bounds(bundle, document.split, view), view,
            bundle.manifest.views[view], bundle.sample_ids(document.split), labels, [claim.radius_method],
            head.config.sigma_rs, sampling, document.seed,
        )  # fmt: skip
    except SettingsError as error:
        raise ArtifactError(
            f"{certificate.path}: {view}: cannot be so certified: {error}"
        ) from None


def _same(column: str, stated: str, expected: Any) -> bool:  # noqa: ANN401 - a cell of any type
    if column != "d_rs" or "" in (stated, expected):
        return stated == str(expected)
    try:
        return math.isclose(float(stated), float(expected), rel_tol=_RADIUS_TOLERANCE)
    except ValueError:
        return False


def _compare(certificate: Certificate, name: str, stated: object, actual: object) -> None:
    if stated != actual:
        raise ArtifactError(
            f"{certificate.path}: {name} is {stated}; the bundle and the head give {actual}"
        )


def _check_report(certificate: Certificate) -> str:
    document = certificate.document
    if REPORT not in {entry.name for entry in document.files}:
        return "there is none"
    drawn_by, here = document.tool.version, this_tool(document.tool.name).version
    if drawn_by != here:
        return f"not drawn again: version {drawn_by} drew it, this is {here}"
    if (certificate.path / REPORT).read_bytes() != render_report(document, certificate.rows):
        raise ArtifactError(
            f"{certificate.path / REPORT}: is not the page of this certificate; read certificate.json instead"
        )
    return "drawn again, the same page"
