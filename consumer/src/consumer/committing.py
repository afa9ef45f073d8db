"""`consumer.commit`: a promise of what will be drawn, before anybody knows the seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from consumer.choices import choose
from consumer.labels import read_labels
from consumer.settings import HeadSettings, MethodSettings
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import certificate_parents
from shared_spec.sampling import Sampling
from shared_spec.trust.commitments import sign_commitment
from shared_spec.trust.keys import SigningKey, passphrase_from_environment
from shared_spec.trust.settings import Issuance
from shared_spec.trust.signing import Passphrase, Signed

__all__ = ["commit"]


def commit(
    reps: Path | str | Bundle,
    target: str,
    out: Path | str,
    key: Path | str | SigningKey,
    issuance: Issuance,
    *,
    labels: Path | str | None = None,
    views: Sequence[str] = (),
    head: HeadSettings | None = None,
    method: MethodSettings | None = None,
    sampling: Sampling | None = None,
    split: str = "test",
    force: bool = False,
    passphrase: Passphrase = passphrase_from_environment,
) -> Signed:
    """Commits to a certificate: to bundle, task, labels, head and methods, and to a nonce that nobody else knows yet.

    Send the statement to another party, keep the nonce beside it, and put the answer there; then `certify`, with the
    same settings and this commitment, trains and samples with the seed that follows from nonce and answer.

    Args:
        reps: the producer's bundle.
        target: the task.
        out: NAME.sig.json to write; NAME.nonce is written beside it.
        key: of the consumer, or its file.
        issuance: who, which, how long; it may not end before the certificate is verified.
        labels: as in `certify`.
        views: likewise.
        head: likewise.
        method: likewise.
        sampling: likewise.
        split: likewise.
        force: replace another commitment.
        passphrase: asked if the key has one.

    Raises:
        SettingsError: a view that there is not, or there is a commitment already.
        ArtifactError, DataError: the bundle or the labels are not what they should be.
    """
    bundle = load_bundle(reps)
    own = None if labels is None else Path(labels)
    read_labels(bundle, target, own)
    choices = choose(bundle, target, split, views, own, head, method, sampling)
    return sign_commitment(
        Path(out), choices.model_dump(mode="json"), certificate_parents(bundle), "consumer", key, issuance, force=force,
        passphrase=passphrase,
    )  # fmt: skip
