"""`consumer certify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import consumer
from consumer.cli.issuing import conclude, paper_options, rule_of
from consumer.settings import HeadSettings, MethodSettings
from shared_spec.console import (
    common_options,
    emit,
    facts,
    following,
    path_option,
    reporting,
    shard_option,
)
from shared_spec.errors import SettingsError
from shared_spec.imprint import Imprint
from shared_spec.options import Command, command_settings
from shared_spec.sampling import Sampling

if TYPE_CHECKING:
    from consumer.parts import CertificatePart

__all__ = ["certify"]


@click.command(cls=Command)
@path_option("--reps", "The producer's bundle.", required=True)
@click.option(
    "--target",
    required=True,
    metavar="NAME",
    help="The task: a label column of the bundle, or of --labels.",
)
@path_option("--labels", "Your own labels: sample_id,label.")
@path_option("--out", "Directory to write; with --shard that of the part.", required=True)
@click.option(
    "--view",
    "views",
    multiple=True,
    metavar="NAME",
    help="Views to certify; all of the bundle's unless given.",
)
@paper_options
@path_option(
    "--commitment",
    "A commitment to this certificate, its nonce and answer beside it; gives the seed.",
)
@shard_option("consumer merge")
@path_option(
    "--head-from", "With --shard: another part, whose head is taken in place of training it again."
)
@common_options
@command_settings(head=HeadSettings, method=MethodSettings, sampling=Sampling, imprint=Imprint)
def certify(
    reps: Path, target: str, labels: Path | None, audit: Path | None, strip: Path | None, out: Path,
    groups: tuple[str, ...], views: tuple[str, ...], policy: str | None, trust: Path | None, salt: Path | None,
    commitment: Path | None, shard: str | None, head_from: Path | None, seed: int, force: bool, as_json: bool,
    head: HeadSettings, method: MethodSettings, sampling: Sampling, imprint: Imprint,
) -> None:  # fmt: skip
    """Train a classifier and issue a certificate for every individual of the test split.

    What CERTIFIED means depends on the view's statement, which the certificate spells out. Anything else is no
    statement, not a proof of unfairness.

    \b
    Example:
      consumer certify --reps reps/ --target Smiling --out certificate/
      consumer certify --reps reps/ --target Smiling --shard 3/7 --out parts/3
      consumer merge parts/* --reps reps/ --out certificate/
    """
    if shard is not None:
        refused = {
            "audit": audit,
            "groups": groups,
            "strip": strip,
            "policy": policy is not None,
            "salt": salt,
            "imprint": imprint.stated,
        }
        _refuse(shard, [name for name, value in refused.items() if value])
        with reporting() as report:
            part = consumer.certify_part(
                reps, target, shard, out, labels=labels, views=views, head=head, head_from=head_from, method=method,
                sampling=sampling, seed=seed, trust=trust, commitment=commitment, force=force, report=report,
            )  # fmt: skip
        _show_part(part, reps, as_json)
        return
    if head_from is not None:
        raise SettingsError("`head_from` is of parts: give it with --shard")
    from shared_spec import load_bundle

    bundle = load_bundle(reps)
    rule = rule_of(policy, views or bundle.manifest.bounding("test"))
    with reporting() as report:
        certificate = consumer.certify(
            bundle, target, out, labels=labels, audit=audit, views=views, head=head, method=method, sampling=sampling,
            seed=seed, trust=trust, salt=salt, commitment=commitment, imprint=imprint, strip=strip, groups=groups,
            force=force, report=report,
        )  # fmt: skip
    conclude(certificate, reps, as_json, policy, rule, audit, trust)


def _refuse(shard: str, names: list[str]) -> None:
    """Refuses what a part has no place for: nothing is claimed in it."""
    if names:
        raise SettingsError(
            f"`shard` is {shard!r:.40}: {', '.join(names)} belong to the whole certificate; give them to consumer merge"
        )


def _show_part(part: CertificatePart, reps: Path, as_json: bool) -> None:
    head = part.document.head
    result = {
        "part": str(part.path),
        "digest": part.digest,
        "shard": str(part.document.shard),
        "head": head.digest,
    }
    rows = [["digest", part.digest], ["shard", result["shard"]], ["head", head.digest]]
    rows.append(["noise", f"{head.sigma_rs:g}"])
    after = following("consumer", "merge", "PARTS", "--reps", reps, "--out", "certificate/")
    emit(result, as_json, facts(f"part {part.path}", rows), after)
