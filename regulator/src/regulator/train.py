"""`train_flow`: from images, without labels, to flow.safetensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from regulator.flow.file import FlowDocument, FlowFile, load_flow, save_flow
from regulator.flow.settings import FlowSettings
from regulator.flow.training import FlowProgress, fit_flow
from shared_spec.artifacts.atomic import refuse_existing
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.kinds import FLOW
from shared_spec.data import Source, open_source
from shared_spec.device import open_device
from shared_spec.distributed import join_workers
from shared_spec.interruption import kept
from shared_spec.latents import data_entry
from shared_spec.progress import Report, remark, silent, stage
from shared_spec.seeds import Seed

__all__ = ["train_flow"]


def _kept(checkpoint: Path) -> str:
    if checkpoint.exists():
        return (
            "the flow is kept as it was at its last checkpoint; the same command goes on from there"
        )
    return "nothing was kept; the same command begins again"


def train_flow(
    data: str | Source,
    out: Path | str,
    *,
    flow: FlowSettings | None = None,
    seed: Seed = 0,
    device: str = "cpu",
    force: bool = False,
    report: Report = silent,
) -> FlowFile:
    """Trains the Glow flow G on the images of `data` and writes it to `out`.

    A killed run resumes from its last checkpoint when it is called again. The processes that torchrun started share
    each batch, and all of them return the flow.

    Args:
        data: the data set, as `open_source` takes it.
        out: flow.safetensors to write.
        flow: architecture and training; the preset `demo` unless given.
        seed: of the weights, the order of the images and the noise.
        device: `cpu` or `cuda[:N]`; the flow that is returned lies in this process's memory.
        force: replace what stands at `out`.
        report: told every step, and what is measured on held-out images.

    Raises:
        SettingsError: `out` exists, there is no such device, the data do not have this size, or the checkpoint was
            written under other settings.
        DataError: a split is empty or an image cannot be read.
        LassiError: training diverged; the message says what to change.
    """
    out, flow = Path(out), flow or FlowSettings.preset()
    refuse_existing(out, force, kind=FLOW)
    place = open_device(device)
    source = open_source(data, flow.architecture.size)
    checkpoint = out.with_name(f".{out.name}.checkpoint")
    if checkpoint.exists():
        remark(report, f"going on from {checkpoint}")
    with join_workers(place) as workers, kept(partial(_kept, checkpoint)):
        trained = fit_flow(
            flow,
            source,
            seed,
            checkpoint=checkpoint,
            progress=_told(report if workers.first else silent, flow.training.steps),
            workers=workers,
            device=place,
        )
        if workers.first:
            document = FlowDocument(
                flow=flow.architecture,
                data=data_entry(source),
                training=flow.training,
                bits_per_dim=trained.bits_per_dim,
                tool=this_tool("lassi-regulator"),
                seed=seed,
            )
            save_flow(out, document, trained.flow)
            checkpoint.unlink(missing_ok=True)
        workers.wait()
    return load_flow(out)


def _told(report: Report, steps: int) -> Callable[[FlowProgress], None]:
    """Every step as progress; what was measured on held-out images as a remark too."""
    advance = stage(report, "training the flow", steps)

    def show(step: FlowProgress) -> None:
        word = f"{step.bits_per_dim:.3f} bits/dim, {step.images_per_s:.0f} images/s"
        if step.held_out is not None:
            word += f", held out {step.held_out:.3f}"
            remark(report, f"step {step.step}: {word}")
        advance(step.step, word)

    return show
