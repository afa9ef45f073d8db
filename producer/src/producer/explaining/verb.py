"""`producer.explain`: one person's similarity set in pictures, with the decision of a certified head on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from producer.explaining.decisions import DecidedStrip, decide_along
from producer.explaining.picture import draw_explanation
from producer.job import spec_origin
from producer.model import Model, load_encoder
from producer.settings import ExplainSettings
from shared_spec.artifacts.atomic import refuse_existing, write_atomically
from shared_spec.artifacts.certificate import Certificate, load_current_certificate
from shared_spec.artifacts.kinds import PICTURE
from shared_spec.artifacts.rows import Row
from shared_spec.artifacts.spec import Spec, load_spec
from shared_spec.data import open_source
from shared_spec.data.source import Source
from shared_spec.errors import ArtifactError, DataError
from shared_spec.frozen_head import FrozenHead, check_head_tensors
from shared_spec.similarity import SimilaritySet
from shared_spec.statements import row_words
from shared_spec.strips import strips_of
from shared_spec.terms import Statement, Status
from shared_spec.trust.pins import Trust
from shared_spec.trust.subjects import certificate_subject
from shared_spec.trust.verification import Origin, origin_of

__all__ = ["PRIVACY", "Explanation", "explain"]

PRIVACY = (
    "These pictures are of one person: show them to nobody who may not see that person's image."
)
"""What whoever handles the result has to know."""


@dataclass(frozen=True)
class Explanation:
    """A picture that was written, and what it shows.

    Attributes:
        path: of the PNG.
        sample_id: the individual.
        classes: the head's, by code.
        strips: what is decided along each.
        said: what the certificate says of the individual, by view; empty if it is not among its people.
        contradiction: what of it the pictures contradict; None if nothing.
        origins: who signed spec and certificate; None without a trust file.
    """

    path: Path
    sample_id: str
    classes: tuple[str, ...]
    strips: tuple[DecidedStrip, ...]
    said: dict[str, str]
    contradiction: str | None
    origins: dict[str, Origin | None]

    def __repr__(self) -> str:
        flips = sum(len(strip.flips) for strip in self.strips)
        return (
            f"Explanation({self.path}: {self.sample_id}; decided {self.decision}; {flips} changes)"
        )

    @property
    def decision(self) -> str:
        """What is decided of the individual."""
        return self.classes[self.strips[0].own]


@torch.no_grad()
def explain(
    individual: str,
    spec: Path | str | Spec,
    model: Path | str | Model,
    data: str | Source,
    head: Path | str | Certificate,
    out: Path | str,
    *,
    settings: ExplainSettings | None = None,
    trust: Path | str | Trust | None = None,
    force: bool = False,
) -> Explanation:
    """Draws one person beside the people who count as similar, with the decision on each, as a PNG.

    The decisions are those of C∘R∘E, the head itself on the encoder, of which the exact view speaks. Along each row
    every change of the decision is found, up to rounding (`decide_along`); with several attributes the rows are not all
    of the similarity set, and a certificate may prove what they cannot show.

    Args:
        individual: a sample id.
        spec: the regulator's.
        model: the encoder, or its folder.
        data: that has the individual's image.
        head: the certificate whose head decides.
        out: PNG to write.
        settings: of the picture.
        trust: trust.toml: whose spec and certificate are accepted. Without it their origin is not verified.
        force: replace the picture that stands at `out`.

    Raises:
        SettingsError: `out` exists.
        ArtifactError: spec, model and certificate do not belong together, or the trust file refuses a signature.
        ExpiredError: the certificate's last day is over, or a signature or its key has expired or was revoked.
        DataError: the data do not know this individual.
    """
    out, settings = Path(out), settings or ExplainSettings()
    refuse_existing(out, force, kind=PICTURE, inputs=(spec, model, head))
    loaded, trained = load_spec(spec), load_encoder(model)
    certificate = load_current_certificate(head)
    _require_chain(loaded, trained, certificate)
    document, classes = certificate.document, certificate.document.head.classes
    origins = {
        "spec": spec_origin(spec, loaded, trust),
        "certificate": origin_of(certificate_subject(document, certificate.path), trust),
    }
    check_head_tensors(document.head, certificate.head)
    source = open_source(data, loaded.flow.config.size)
    split = settings.split or document.split
    names = [entry.name for entry in loaded.document.attributes]
    rows = np.array([_place_of(source, split, individual)])
    strips = strips_of(loaded.flow, loaded.similarity, names, source, split, rows, settings.points)
    function = FrozenHead.of(certificate.head)
    decided = tuple(decide_along(strip, trained.folded, function) for strip in strips)
    found = [certificate.find(individual, view) for view in document.claims]
    mine = [row for place in found if place is not None for row in place[1]]
    # Names are all that ties the person to a row: where the data are not the encoder's, another may have the same.
    same = not mine or source.digest() == trained.document.data.digest
    namesake = "" if same else _NAMESAKE
    said = {row.view: row_words(row, document.claims[row.view]) + namesake for row in mine}
    contradiction = _contradiction(mine, certificate, decided)
    words = _words(said, contradiction)
    if isinstance(loaded.similarity, SimilaritySet) and len(names) > 1:  # chains are all there is
        words.insert(
            0, "The rows are lines through the similarity set, which holds more people than these."
        )
    picture = draw_explanation(decided, classes, f"{document.target} of {individual}", words)
    write_atomically(out, picture)
    return Explanation(out, individual, classes, decided, said, contradiction, origins)


_NAMESAKE = (
    " This is about whoever has this name in the bundle; these are other data than the encoder's, so look whether it is"
    " the same person."
)


def _require_chain(spec: Spec, model: Model, certificate: Certificate) -> None:
    document = certificate.document
    for what, stated, found in (
        ("the model is of the spec", model.document.spec_digest, spec.digest),
        ("the certificate is of the spec", document.spec.digest, spec.digest),
        ("the certificate is of the encoder", document.encoder_digest, model.digest),
    ):
        if stated != found:
            raise ArtifactError(
                f"{what} {stated}, but {found} was given; pass those that belong together"
            )


def _place_of(source: Source, split: str, individual: str) -> int:
    ids = source.sample_ids(split)
    if individual not in ids:
        raise DataError(
            f"{source.uri}: nobody in the split {split} is called {individual!r:.100}; "
            f"its individuals are called as {ids[0]!r:.100} is; name one of them, or the right `split`"
        )
    return list(ids).index(individual)


def _contradiction(
    rows: Sequence[Row], certificate: Certificate, strips: Sequence[DecidedStrip]
) -> str | None:
    """What a certificate says for certain and the pictures show to be otherwise."""
    document = certificate.document
    for row in rows:
        claim = document.claims[row.view]
        certain = claim.statement == Statement.X and claim.alpha_per_individual == 0
        if certain and row.status == Status.CERTIFIED and any(strip.flips for strip in strips):
            return (
                "The certificate says that everyone in the similarity set gets one decision, and here somebody gets"
                " another: the bundle's bounds are not of this model and image."
            )
        if certain and row.prediction != document.head.classes[strips[0].own]:
            return (
                f"The certificate says that this person is decided {row.prediction or 'not at all'}: it was made from"
                " another image."
            )
    return None


def _words(said: dict[str, str], contradiction: str | None) -> list[str]:
    lines = [f"{view} view: {words}" for view, words in said.items()] or [
        "This person is not among those of the certificate, which says nothing of them."
    ]
    return [*lines, *([] if contradiction is None else [contradiction]), PRIVACY]
