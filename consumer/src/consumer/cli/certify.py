"""`consumer certify`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click

from consumer.certify import certify_view, read_bounds, view_methods
from consumer.decide import Sampling
from consumer.fitting import FittedHead, HeadSettings, fit_head
from consumer.labels import TaskLabels, read_labels
from consumer.policy import parse_policy
from consumer.report.page import REPORT, render_report
from shared_spec.artifacts.atomic import partial_directory, publish_directory, refuse_existing
from shared_spec.artifacts.bundle import Bundle, load_bundle
from shared_spec.artifacts.certificate import Claim, save_certificate
from shared_spec.artifacts.document import this_tool
from shared_spec.console import common_options, config_option, emit, note, table
from shared_spec.errors import PolicyNotMet, SettingsError

__all__ = ["certify"]


@click.command()
@click.option(
    "--reps", required=True, type=click.Path(path_type=Path), help="The producer's bundle."
)
@click.option(
    "--target",
    required=True,
    metavar="NAME",
    help="The task: a label column of the bundle, or of --labels.",
)
@click.option(
    "--labels",
    "labels_path",
    type=click.Path(path_type=Path),
    help="Your own labels: sample_id,label.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Directory to write.")
@click.option(
    "--view",
    "views",
    multiple=True,
    type=click.Choice(["smoothing", "exact"]),
    help="Views to certify; all of the bundle's unless given.",
)
@click.option(
    "--head", "kind", type=click.Choice(["linear", "mlp"]), default="linear", show_default=True
)
@click.option(
    "--hidden",
    multiple=True,
    type=click.IntRange(1),
    default=(64,),
    show_default=True,
    help="Width of a hidden layer of an mlp head; repeat for more layers.",
)
@click.option(
    "--noise",
    default="auto",
    show_default=True,
    metavar="auto|SIGMA",
    help="Gaussian noise on representations: chosen on validation data, or given.",
)
@click.option("--epochs", default=1, show_default=True, type=click.IntRange(1))
@click.option("--batch", default=128, show_default=True, type=click.IntRange(1))
@click.option("--learning-rate", default=1e-3, show_default=True, type=float)
@click.option(
    "--class-weights", type=click.Choice(["none", "balanced"]), default="none", show_default=True
)
@click.option(
    "--radius",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "closed-form", "crown", "randomized"]),
    help="How the head is certified; randomized stops as soon as it knows.",
)
@click.option(
    "--report-radius",
    is_flag=True,
    help="With --radius randomized: spend all --samples on everybody and report radii.",
)
@click.option(
    "--alpha", default=0.001, show_default=True, type=float, help="Of randomized smoothing."
)
@click.option("--selection-samples", default=2_000, show_default=True, type=click.IntRange(1))
@click.option(
    "--samples",
    default=100_000,
    show_default=True,
    type=click.IntRange(1),
    help="Noisy samples per individual: the cap, or the number with --report-radius.",
)
@click.option(
    "--policy", metavar="POLICY", help='Exit with 4 unless met: "certified>=0.95@confidence=0.99".'
)
@config_option()
@common_options
def certify(
    reps: Path, target: str, labels_path: Path | None, out: Path, views: tuple[str, ...], kind: str,
    hidden: tuple[int, ...], noise: str, epochs: int, batch: int, learning_rate: float, class_weights: str,
    radius: str, report_radius: bool, alpha: float, selection_samples: int, samples: int,
    policy: str | None, seed: int, device: str, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Train a classifier and issue a certificate for every individual of the test split.

    CERTIFIED: all similar individuals get the same decision. Anything else is no statement, not a proof of unfairness.

    \b
    Example:
      consumer certify --reps reps/ --target Smiling --out certificate/
    """
    rule = parse_policy(policy) if policy else None
    refuse_existing(out, force)
    bundle = load_bundle(reps)
    chosen = [view for view in bundle.manifest.views if not views or view in views]
    if missing := set(views) - set(chosen):
        raise SettingsError(
            f"{reps}: has no {', '.join(sorted(missing))} view; it has {', '.join(bundle.manifest.views)}"
        )
    labels = read_labels(bundle, target, labels_path)
    settings = HeadSettings(
        kind=kind, hidden=hidden if kind == "mlp" else (), sigma_rs=_noise(noise), epochs=epochs,
        batch=batch, learning_rate=learning_rate, balanced=class_weights == "balanced",
    )  # fmt: skip
    fitted = fit_head(bundle, labels, settings, "exact" if "exact" in chosen else chosen[0], seed)
    config = fitted.head.config
    for sigma, accuracy, certified in fitted.trials:
        note(f"noise {sigma:g}: validation accuracy {accuracy:.3f}, certified {certified:.3f}")
    method = ("randomized" if report_radius else "sequential") if radius == "randomized" else radius
    frozen = fitted.head.frozen()
    claims: dict[str, Claim] = {}
    rows: list[dict[str, Any]] = []
    for view in chosen:
        result = certify_view(
            frozen, config.classes, read_bounds(bundle, "test", view), view, bundle.manifest.views[view],
            bundle.sample_ids("test"), labels.codes["test"], view_methods(frozen, method, config.sigma_rs),
            config.sigma_rs, Sampling(alpha, selection_samples, samples), seed,
        )  # fmt: skip
        claims[view] = result.claim
        rows += result.rows
    document = _document(bundle, target, labels, fitted, settings, claims, seed)
    partial = partial_directory(out)
    shutil.rmtree(partial, ignore_errors=True)
    digest = save_certificate(
        partial,
        document,
        rows,
        fitted.head.tensors(),
        {REPORT: lambda complete: render_report(complete, rows)},
    )
    publish_directory(out, force)
    _report(out, digest, reps, target, config.sigma_rs, claims, as_json)
    if rule is not None and (failures := rule.failures(claims)):
        raise PolicyNotMet(
            f"policy {policy!r} is not met: {'; '.join(failures)}; the certificate is at {out}"
        )


def _noise(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        sigma = float(text)
    except ValueError:
        sigma = -1.0
    if not 0 <= sigma < float("inf"):
        raise SettingsError(
            f"--noise {text}: expected auto or a number >= 0, in representation units"
        )
    return sigma


def _document(
    bundle: Bundle, target: str, labels: TaskLabels, fitted: FittedHead, settings: HeadSettings,
    claims: dict[str, Claim], seed: int,
) -> dict[str, Any]:  # fmt: skip
    config, split = fitted.head.config, bundle.manifest.splits["test"]
    trained = {
        "epochs": settings.epochs,
        "batch": settings.batch,
        "learning_rate": settings.learning_rate,
        "class_weights": "balanced" if settings.balanced else "none",
        "noise": "chosen on validation data" if settings.sigma_rs is None else "given",
        "training_individuals": int((labels.codes["train"] >= 0).sum()),
    }
    return {
        "target": target,
        "split": "test",
        "spec": bundle.manifest.spec.model_dump(mode="json"),
        "bundle_digest": bundle.digest,
        "encoder_digest": bundle.manifest.encoder.digest,
        "head": {**config.model_dump(mode="json"), "settings": trained},
        "claims": {view: claim.model_dump(mode="json") for view, claim in claims.items()},
        "skipped": split.available - split.individuals,
        "tool": this_tool("lassi-consumer").model_dump(),
        "seed": seed,
    }


def _report(
    out: Path, digest: str, reps: Path, target: str, sigma_rs: float, claims: dict[str, Claim], as_json: bool,
) -> None:  # fmt: skip
    rows = [
        [
            view,
            claim.certified_model,
            "" if claim.accuracy is None else f"{100 * claim.accuracy:.1f}",
            f"{claim.counts['CERTIFIED']} of {claim.individuals}",
            f"{100 * claim.certified_fraction:.1f}",
            f"{claim.alpha_per_individual:g}",
            f"{claim.expected_false_certificates:.2g}",
            f"{100 * claim.population.fair_at_least:.1f}",
        ]
        for view, claim in claims.items()
    ]
    columns = [
        "view", "certified model", "accuracy %", "certified", "%", "alpha each", "false expected", "population >= %",
    ]  # fmt: skip
    text = table(f"{target}, noise {sigma_rs:g}: {out}", columns, rows)
    text.caption = f"To read: {out / REPORT}. Next: consumer verify {out} --reps {reps}"
    text.caption_justify = "left"
    result = {
        "certificate": str(out),
        "digest": digest,
        "claims": {view: claim.model_dump(mode="json") for view, claim in claims.items()},
    }
    emit(result, as_json, text)
