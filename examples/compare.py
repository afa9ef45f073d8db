"""The play that the examples perform: a regulator, per method a producer and its consumer, and an auditor."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
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
    audited: str | None = None
    """The method whose bundle an auditor computes again, a sample of it."""
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
    auditor = Organisation("auditor", out / "auditor", at_work=len(play.fit))
    hand_over(regulator, auditor, *_signed("spec.safetensors"))
    chains = [_Chain(play, method, regulator, auditor, out) for method in play.fit]
    # Organisations that know nothing of each other work at the same time, each on its share of this machine.
    with ThreadPoolExecutor(len(chains)) as pool:
        results = list(pool.map(_Chain.perform, chains))
    last = chains[-1]
    producer, consumer = last.producer, last.consumer
    spec = regulator.folder / "spec.safetensors"
    latents = latents_of(spec, play.data, "test", exported_ids(consumer.folder / "reps"))
    figures: dict[str, Any] = {}
    for chain, result in zip(chains, results, strict=True):
        model, certificate = chain.producer.folder / "model", chain.consumer.folder / "certificate"
        figures[chain.method] = {
            "claims": result["claims"],
            "reality": result["reality"],
            "empirically_fair": float(empirically_fair(spec, model, certificate, latents).mean()),
        }
    sign(consumer, "consumer", "certificate")
    hand_over(producer, auditor, *_signed("reps"))
    hand_over(consumer, auditor, *_signed("certificate"))
    write_trust(auditor.folder, {**last.pinned, "auditor": auditor})
    audit = ["--audit", "audit"] if last.method == play.audited else []
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


@dataclass(frozen=True)
class _Chain:
    """One method's producer, and the consumer of its representations."""

    play: Play
    method: str
    regulator: Organisation
    auditor: Organisation
    out: Path

    @cached_property
    def producer(self) -> Organisation:
        return self._party("producer")

    @cached_property
    def consumer(self) -> Organisation:
        return self._party("consumer")

    def _party(self, role: str) -> Organisation:
        name = f"{role}-{self.method}"
        return Organisation(name, self.out / name, at_work=len(self.play.fit))

    @property
    def pinned(self) -> dict[str, Organisation]:
        return {"regulator": self.regulator, "producer": self.producer, "consumer": self.consumer}

    def perform(self) -> dict[str, Any]:
        """What the consumer's certificate says."""
        play, producer, consumer = self.play, self.producer, self.consumer
        hand_over(self.regulator, producer, *_signed("spec.safetensors"))
        for party in (producer, consumer):
            write_trust(party.folder, self.pinned)
        producer.run("producer", "fit", "--spec", "spec.safetensors", "--data", play.data, "--target", play.target,
                     "--method", self.method, *play.fit[self.method], "--model", "model", "--out", "reps",
                     "--trust", TRUST, "--force")  # fmt: skip
        sign(producer, "producer", "reps")
        hand_over(producer, consumer, *_signed("reps"))
        audit = self._audit() if self.method == play.audited else []
        if play.shown:
            hand_over(self.regulator, consumer, "page.png")
        strip = ["--strip", "page.png"] if play.shown else []
        return consumer.run("consumer", "certify", "--reps", "reps", "--target", play.target, *audit, *play.certify,
                            *strip, "--out", "certificate", "--trust", TRUST, "--force")  # fmt: skip

    def _audit(self) -> list[str]:
        """The auditor computes a sample of the bundle again; returns how the consumer names the audit."""
        auditor = self.auditor
        hand_over(self.producer, auditor, "reps", "model")
        result = auditor.run("producer", "audit", "reps", "--spec", "spec.safetensors", "--model", "model",
                             "--data", self.play.data, "--sample", "50", "--out", "audit", "--force")  # fmt: skip
        sign(auditor, "regulator", "audit")
        hand_over(auditor, self.consumer, *_signed("audit"))
        (scope,) = [scope for scope in result["scopes"] if scope["split"] == "test"]
        print(
            f"audit of {self.method}: {scope['checked']} of {scope['individuals']} test individuals computed again, "
            f"{len(result['findings'])} findings; with 95% confidence at most {scope['bad_at_most']} are otherwise"
        )
        return ["--audit", "audit"]


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
