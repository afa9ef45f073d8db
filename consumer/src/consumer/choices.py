"""What a consumer chooses before anything is drawn: what it can commit to, and what its certificate must agree with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from consumer.case import Case
from consumer.claims import view_methods
from consumer.settings import HeadSettings, MethodSettings
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.canonical import digest_file
from shared_spec.artifacts.certificate import Certificate, CommittedDraw, Sampling
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.settings import Settings, resolve
from shared_spec.terms import HeadKind
from shared_spec.trust.commitments import load_committed

__all__ = ["Choices", "choose"]


class Choices(Settings):
    """All that a certificate follows from, besides bundle and seed."""

    target: str
    split: str
    views: tuple[str, ...]
    labels: str
    """`producer`, or the SHA-256 of the consumer's own file."""
    head: HeadSettings
    method: MethodSettings
    sampling: Sampling

    @property
    def whose(self) -> Literal["producer", "consumer"]:
        """Whose labels they are."""
        return "producer" if self.labels == "producer" else "consumer"

    def draw(self, commitment: Path | str | None, parents: dict[str, str]) -> CommittedDraw | None:
        """The committed seed for these choices, if there is a commitment.

        Raises:
            SettingsError: the commitment is to something else, or was not answered by another party.
            ArtifactError: it, or its answer, is missing or malformed.
        """
        if commitment is None:
            return None
        settings = self.model_dump(mode="json")
        committed = load_committed(commitment)
        try:
            committed.open(settings, parents)
        except ArtifactError as error:
            raise SettingsError(
                f"{commitment}: {error}; pass the settings that were committed to"
            ) from None
        return CommittedDraw(**dict(committed), settings=settings)

    @classmethod
    def of(cls, stored: dict[str, Any], where: str) -> Self:
        """Those that a certificate holds. Raises ArtifactError."""
        try:
            return resolve(cls, stored)
        except SettingsError as error:
            raise ArtifactError(f"{where}: commitment: {error}; ask its issuer for it again") from None  # fmt: skip

    def check(self, certificate: Certificate, case: Case) -> None:
        """Raises ArtifactError unless a certificate, whose case this is, was made with these choices."""
        document, head = certificate.document, certificate.document.head
        trained = {name: getattr(self.head, name) for name in _TRAINED}
        hidden = self.head.hidden if self.head.head == HeadKind.MLP else ()
        compared: dict[str, tuple[object, object]] = {
            "target": (self.target, document.target),
            "split": (self.split, document.split),
            "views": (sorted(self.views), sorted(document.claims)),
            "labels": (self.whose, document.labels),
            "head": ((self.head.head, hidden), (head.kind, head.hidden)),
            "training": (trained, {name: getattr(head.settings, name) for name in _TRAINED}),
        }
        for view, claim in document.claims.items():
            tried = view_methods(case, self.method)
            compared[f"{view}: methods"] = (tried, claim.methods_tried)
            if claim.sampling is not None:
                compared[f"{view}: sampling"] = (self.sampling, claim.sampling)
        for name, (committed, actual) in compared.items():
            if committed != actual:
                raise ArtifactError(
                    f"{certificate.path}: {name}: {committed} was committed to, {actual} was done"
                )


_TRAINED = ("noise", "epochs", "batch", "learning_rate", "class_weights")


def choose(
    bundle: Bundle,
    target: str,
    split: str,
    views: Sequence[str],
    labels: Path | None,
    head: HeadSettings | None,
    method: MethodSettings | None,
    sampling: Sampling | None,
) -> Choices:
    """The choices that these arguments of `certify` stand for.

    Raises:
        SettingsError: a view that there is not, or a split on which something was chosen.
        ArtifactError: no regular file of labels.
    """
    return Choices(
        target=target,
        split=split,
        views=tuple(_chosen_views(bundle, views, split)),
        labels="producer" if labels is None else f"sha256:{digest_file(labels)}",
        head=head or HeadSettings(),
        method=method or MethodSettings(),
        sampling=sampling or Sampling(),
    )


def _chosen_views(bundle: Bundle, views: Sequence[str], split: str) -> list[str]:
    if split in ("train", "valid"):
        raise SettingsError(
            f"`split` is {split}, on which head and noise are chosen: expected individuals whom nothing was chosen on"
        )
    there = [view for view, entry in bundle.manifest.views.items() if split in entry.splits]
    if missing := set(views) - set(there):
        raise SettingsError(
            f"{bundle.path}: has no {', '.join(sorted(missing))} view of {split}; it has {', '.join(there) or 'none'}"
        )
    if not there:
        raise SettingsError(
            f"{bundle.path}: bounds nobody of split {split}; ask for a bundle that does"
        )
    return [view for view in there if not views or view in views]
