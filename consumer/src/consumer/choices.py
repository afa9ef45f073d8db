"""What a consumer chooses before anything is drawn: what it can commit to, and what its certificate must agree with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from consumer.claims import require_method, view_methods
from consumer.settings import HeadSettings, MethodSettings
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.canonical import digest_file
from shared_spec.artifacts.certificate import Certificate, CommittedDraw
from shared_spec.artifacts.head_documents import HeadTraining
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.sampling import Sampling
from shared_spec.settings import Settings, changed, resolve
from shared_spec.terms import HeadKind, RadiusMethod
from shared_spec.trust.commitments import load_committed

__all__ = [
    "Choices",
    "check_alpha",
    "check_choices",
    "choose",
    "chosen_views",
    "require_no_sampling",
]


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
            raise SettingsError(f"{commitment}: {error}") from None
        return CommittedDraw(**dict(committed), settings=settings)


def check_choices(certificate: Certificate, bundle: Bundle, committed: CommittedDraw) -> str:
    """Whether a certificate was made as its consumer had committed to; returns what was found.

    That its seed follows from the commitment is checked when it is loaded.

    Raises:
        ArtifactError: naming the first choice that is another.
    """
    document, head = certificate.document, certificate.document.head
    try:
        made = resolve(Choices, committed.settings)
        methods = view_methods(head, made.method)
    except SettingsError as error:
        raise ArtifactError(f"{certificate.path}: commitment: {error}") from None
    hidden = made.head.hidden if made.head.head == HeadKind.MLP else ()
    compared: dict[str, tuple[object, object]] = {
        "target": (made.target, document.target),
        "split": (made.split, document.split),
        "views": (sorted(made.views), sorted(document.claims)),
        "labels": (made.whose, document.labels),
        "head": ((made.head.head, hidden), (head.kind, head.hidden)),
        "training": (_training(made.head), _training(head.settings)),
    }
    for view, claim in document.claims.items():
        compared[f"{view}: methods"] = (methods, claim.methods_tried)
        if claim.sampling is not None:
            compared[f"{view}: sampling"] = (made.sampling, claim.sampling)
    for name, (promised, actual) in compared.items():
        if promised != actual:
            raise ArtifactError(
                f"{certificate.path}: {name}: {promised} was committed to, {actual} was done"
            )
    return "follows from nonce and beacon, for the settings that were committed to"


def _training(settings: HeadSettings | HeadTraining) -> dict[str, object]:
    names = ("noise", "epochs", "batch", "learning_rate", "class_weights")
    return {name: getattr(settings, name) for name in names}


def choose(
    bundle: Bundle,
    target: str,
    split: str,
    views: Sequence[str],
    labels: Path | None,
    head: HeadSettings | None,
    method: MethodSettings | None,
    sampling: Sampling | None,
    committed: bool = False,
) -> Choices:
    """The choices that these arguments of `certify` stand for; those that were `committed` to may be in vain.

    Raises:
        SettingsError: a view that there is not, a split on which something was chosen, a method that does not fit, or
            failure probabilities that leave nothing to certify.
        ArtifactError: no regular file of labels.
    """
    head, method, sampling = (
        head or HeadSettings(),
        method or MethodSettings(),
        sampling or Sampling(),
    )
    _check_method(head, method)
    views = chosen_views(bundle, views, split)
    noisy_mlp = head.head == HeadKind.MLP and head.noise != 0
    if method.radius == "randomized" or (method.radius == "auto" and noisy_mlp):
        check_alpha(bundle, views, sampling)
    elif not committed:
        require_no_sampling(sampling, f"`radius` {method.radius} of this head draws")
    return Choices(
        target=target,
        split=split,
        views=tuple(views),
        labels="producer" if labels is None else f"sha256:{digest_file(labels)}",
        head=head,
        method=method,
        sampling=sampling,
    )


def chosen_views(bundle: Bundle, views: Sequence[str], split: str) -> list[str]:
    """Those of the named views, of all unless any is named, in the bundle's order. Raises SettingsError as `choose`."""
    if split in ("train", "valid"):
        raise SettingsError(
            f"`split` is {split}, on which head and noise are chosen: expected individuals whom nothing was chosen on"
        )
    there = bundle.manifest.bounding(split)
    if missing := set(views) - set(there):
        raise SettingsError(
            f"{bundle.path}: has no {', '.join(sorted(missing))} view of {split}; it has {', '.join(there) or 'none'}"
        )
    if not there:
        raise SettingsError(
            f"{bundle.path}: bounds nobody of split {split}; ask for a bundle that does"
        )
    return [view for view in there if not views or view in views]


def require_no_sampling(sampling: Sampling, who: str) -> None:
    """Raises SettingsError if samples were chosen, which `who` makes none of."""
    if vain := changed(sampling, Sampling.model_fields):
        named = ", ".join(f"`{name}`" for name in vain)
        raise SettingsError(f"{named}: {who} no samples; leave it out")


def check_alpha(bundle: Bundle, views: Sequence[str], sampling: Sampling) -> None:
    """Raises SettingsError if the failure probabilities of a view and of sampling leave nothing to certify."""
    for view in views:
        total = sum(bundle.manifest.views[view].alpha.values()) + sampling.alpha
        if not total < 1.0:
            raise SettingsError(
                f"`alpha` is {sampling.alpha:g}, with the {view} view's own {total:g}: expected a sum below 1"
            )


def _check_method(head: HeadSettings, method: MethodSettings) -> None:
    """Refuses before training what `view_methods` would refuse after it, and what would do nothing."""
    if method.report_radius and method.radius != "randomized":
        raise SettingsError(
            f"`report_radius` is for `radius` randomized, which is {method.radius}: leave it out"
        )
    if head.head != HeadKind.MLP and head.hidden != HeadSettings().hidden:
        raise SettingsError(
            f"`hidden` is {', '.join(map(str, head.hidden))}, but a {head.head} head has no hidden layer; "
            "set `head` to mlp or leave it out"
        )
    if method.radius != "auto":
        require_method(head.head, RadiusMethod(method.radius), noisy=head.noise != 0)
