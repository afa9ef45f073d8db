"""The play that both examples perform: regulator, two producers (Naive and LASSI), a consumer of each, an auditor."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from attack import empirically_fair, exported_ids, latents_of
from parties import Organisation, hand_over
from rich.console import Console
from rich.table import Table
from scatter import draw_scatter
from signing import TRUST, shrink_radii, sign, write_trust

__all__ = ["Play", "perform", "perform_on_folder"]


@dataclass(frozen=True)
class Play:
    """What differs between the examples."""

    data: str
    attributes: Sequence[str]
    target: str
    flow: Sequence[str]
    """How the regulator comes by a flow, as words of `regulator publish-spec`."""
    fit: Mapping[str, Sequence[str]]
    """Per method the further words of `producer fit`."""
    publish: Sequence[str] = ()
    """Further words of `regulator publish-spec`."""
    certify: Sequence[str] = ()
    shown: bool = False
    """Whether these people may be shown on the certificates' pages."""
    audited: Sequence[str] = ()
    """Methods whose bundles an auditor computes again, a sample of them."""
    published: Mapping[str, str] | None = None
    """The paper's figures per method, to print beside ours."""


def perform(play: Play, out: Path) -> dict[str, Any]:
    """Runs the play in `out` and returns the figures: per method and view accuracy, certified fraction and ceiling."""
    started = time.monotonic()
    regulator = Organisation("regulator", out / "regulator")
    words = [word for name in play.attributes for word in ("--attribute", name)]
    regulator.run("regulator", "publish-spec", "--data", play.data, *words, *play.flow, *play.publish,
                  "--out", "spec.safetensors", "--force")  # fmt: skip
    regulator.show("regulator", "preview", "--spec", "spec.safetensors", "--data", play.data,
                   "--out", "strip.png", "--force")  # fmt: skip
    if play.shown:
        regulator.show("regulator", "preview", "--spec", "spec.safetensors", "--data", play.data, "--for-report",
                       "--individuals", "3", "--out", "page.png", "--force")  # fmt: skip
    sign(regulator, "regulator", "spec.safetensors")
    auditor = Organisation("auditor", out / "auditor")
    hand_over(regulator, auditor, *_signed("spec.safetensors"))
    figures: dict[str, Any] = {}
    latents = None
    for method, settings in play.fit.items():
        producer = Organisation(f"producer-{method}", out / f"producer-{method}")
        consumer = Organisation(f"consumer-{method}", out / f"consumer-{method}")
        hand_over(regulator, producer, *_signed("spec.safetensors"))
        for party in (producer, consumer):
            pinned = {"regulator": regulator, "producer": producer, "consumer": consumer}
            write_trust(party.folder, pinned)
        producer.run("producer", "fit", "--spec", "spec.safetensors", "--data", play.data, "--target", play.target,
                     "--method", method, *settings, "--model", "model", "--out", "reps", "--trust", TRUST,
                     "--force")  # fmt: skip
        sign(producer, "producer", "reps")
        hand_over(producer, consumer, *_signed("reps"))
        audit = _audit(play, method, producer, auditor, consumer) if method in play.audited else []
        if play.shown:
            hand_over(regulator, consumer, "page.png")
        strip = ["--strip", "page.png"] if play.shown else []
        result = consumer.run("consumer", "certify", "--reps", "reps", "--target", play.target, *audit,
                              *play.certify, *strip, "--out", "certificate", "--trust", TRUST, "--force")  # fmt: skip
        spec = regulator.folder / "spec.safetensors"
        if latents is None:
            latents = latents_of(spec, play.data, "test", exported_ids(consumer.folder / "reps"))
        fair = empirically_fair(
            spec, producer.folder / "model", consumer.folder / "certificate", latents
        )
        figures[method] = {
            "claims": result["claims"],
            "reality": result["reality"],
            "empirically_fair": float(fair.mean()),
        }
    sign(consumer, "consumer", "certificate")
    hand_over(producer, auditor, *_signed("reps"))
    hand_over(consumer, auditor, *_signed("certificate"))
    write_trust(auditor.folder, {**pinned, "auditor": auditor})
    auditor.show("consumer", "verify", "certificate", "--reps", "reps", "--spec", "spec.safetensors", *audit,
                 "--trust", TRUST)  # fmt: skip
    certificates = {method: out / f"consumer-{method}" / "certificate" for method in play.fit}
    draw_scatter(certificates, out / "scatter.png")
    _print(play, figures)
    print(f"\nlook at {regulator.folder / 'strip.png'} and {out / 'scatter.png'};")
    for folder in certificates.values():
        print(f"certificate: {folder}")
    _show_tampered(play, consumer)
    print(f"done in {time.monotonic() - started:.0f} s")
    return figures


def perform_on_folder(description: str, play: Callable[[str], Play], out: Path) -> None:
    """The command line of an example on a folder of data, whose path `play` takes; without a folder it is skipped."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--flow", type=Path, help="a flow that is trained already")
    parser.add_argument("--out", type=Path, default=out)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"skipped: there is no {given.data}")
    performed = play(str(given.data.resolve()))
    if given.flow:
        performed = replace(performed, flow=["--flow", str(given.flow.resolve())])
    perform(performed, given.out)


def _signed(artifact: str) -> tuple[str, str]:
    """An artefact and its signature."""
    return artifact, f"{artifact}.sig.json"


def _show_tampered(play: Play, consumer: Organisation) -> None:
    """What a consumer sees of a bundle that was changed on its way, with all digests made again."""
    print("\na copy of the bundle with radii of a thousandth, every digest made again:")
    folder = consumer.folder / "tampered"
    folder.mkdir(exist_ok=True)
    shrink_radii(consumer.folder / "reps", folder / "reps")
    shutil.copy2(consumer.folder / "reps.sig.json", folder)
    consumer.refused("consumer", "certify", "--reps", "tampered/reps", "--target", play.target, *play.certify,
                     "--out", "tampered/certificate", "--trust", TRUST)  # fmt: skip


def _audit(
    play: Play, method: str, producer: Organisation, auditor: Organisation, consumer: Organisation
) -> list[str]:
    """The auditor computes a sample of the bundle again; returns how the consumer names the audit."""
    hand_over(producer, auditor, "reps")
    hand_over(producer, auditor, "model")
    result = auditor.run("producer", "audit", "reps", "--spec", "spec.safetensors", "--model", "model",
                         "--data", play.data, "--sample", "50", "--out", "audit", "--force")  # fmt: skip
    sign(auditor, "regulator", "audit")
    hand_over(auditor, consumer, *_signed("audit"))
    (scope,) = [scope for scope in result["scopes"] if scope["split"] == "test"]
    print(
        f"audit of {method}: {scope['checked']} of {scope['individuals']} test individuals computed again, "
        f"{len(result['findings'])} findings; with 95% confidence at most {scope['bad_at_most']} are otherwise"
    )
    return ["--audit", "audit"]


def _print(play: Play, figures: Mapping[str, Any]) -> None:
    table = Table(
        title=f"{play.target}, {' + '.join(play.attributes)}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    columns = [
        "method",
        "view",
        "certified model",
        "accuracy %",
        "certified %",
        "empirically fair %",
    ]
    known = any(found["reality"] for found in figures.values())
    columns += ["as counterparts %"] * known + ["paper: acc / fair"] * bool(play.published)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index > 2 else "left")
    for method, found in figures.items():
        for view, claim in sorted(found["claims"].items(), reverse=True):
            row = [method, view, claim["certified_model"], f"{100 * claim['accuracy']:.1f}",
                   f"{100 * claim['certified_fraction']:.1f}"]  # fmt: skip
            # The attack is on C∘R∘E, the model of the exact view; it says nothing of the smoothed encoder.
            row.append(f"{100 * found['empirically_fair']:.1f}" if view == "exact" else "")
            alike = [
                100 * check["everybody"]["alike"] / check["everybody"]["people"]
                for check in found["reality"]
            ]
            if known:
                row.append(", ".join(f"{share:.1f}" for share in alike) if view == "exact" else "")
            if play.published:
                row.append(play.published[method] if view == "smoothing" else "")
            table.add_row(*row)
    print()
    Console(width=None if sys.stdout.isatty() else 120).print(table)
