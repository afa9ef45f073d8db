"""Images per second of the flow against plain Glow code of the same size, in one run.

Prints, per size, a training step in f32 and with the coupling networks in bfloat16, and encode in f32, each as a ratio
to `_plain_glow.py` doing the same with the same optimiser; encode takes four times the images of a step. Every
contestant has a process of its own that does nothing else, as a command that trains or encodes does: in a shared one
each would find its memory already fetched from the system by the others. Rounds alternate between the contestants and
the fastest round of each counts, so that another program on the machine does not decide the ratio. The rate of
arithmetic stands beside that of one large matrix product of the same type.

    python benchmarks/flow.py [--size 32x3x8x128x64 …] [--rounds 5]     (pixels x blocks x flows x hidden x batch)
    python benchmarks/flow.py --one-thread       CPU seconds of one thread, for a machine that others use meanwhile
    python benchmarks/flow.py --preset paper-128 [--batch 4]     one step and one encode: seconds and peak memory
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/oracles"))

import torch
from _flops import flops
from _plain_glow import PlainGlow
from resident import peak_bytes
from torch import Tensor, nn

from regulator.flow.settings import FlowSettings
from regulator.flow.training import coupling_dtype
from shared_spec.flow import Glow, GlowConfig
from shared_spec.rng import torch_generator

DEFAULT_SIZES = ["32x3x8x64x64", "32x3x8x128x64", "64x4x32x512x8"]


TASKS = {"training step": ["plain", "f32", "bf16"], "encode": ["plain", "f32"]}


class Architecture(NamedTuple):
    """A flow's size in pixels, blocks, flows per block and hidden channels, and the images of one training step."""

    size: int
    blocks: int
    depth: int
    hidden: int
    batch: int

    def images(self) -> Tensor:
        """The images of one step [batch, 3, size, size]."""
        shape = (self.batch, 3, self.size, self.size)
        return torch.rand(shape, generator=torch_generator(0, "benchmark")) - 0.5

    def glow(self) -> Glow:
        """Ours, initialised on the images."""
        config = GlowConfig(
            size=self.size, blocks=self.blocks, flows=self.depth, hidden=self.hidden
        )
        glow = Glow(config, torch_generator(0, "flow"))
        glow.initialise(self.images())
        return glow

    def plain(self) -> PlainGlow:
        """The yardstick, initialised on the images."""
        model = PlainGlow(self.size, self.blocks, self.depth, self.hidden)
        with torch.no_grad():
            model(self.images())
        return model


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    # On the clock, unless one thread does all the work: then its own, which other programs do not stretch.
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    call()
    return clock() - start


def product_rate(dtype: torch.dtype) -> float:
    """Operations per second of a 2048 x 2048 matrix product."""
    square = torch.rand(2048, 2048, generator=torch_generator(0, "square")).to(dtype)
    return 2 * 2048**3 / min(seconds(lambda: square @ square) for _ in range(10))


def training_step(model: nn.Module, log_prob: Callable[[], Tensor]) -> Callable[[], None]:
    """One step of Adam on the mean negative log-likelihood with clipped gradients."""
    plain = isinstance(model, PlainGlow)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-5, fused=not plain)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(-log_prob().mean() / 3072)
        nn.utils.clip_grad_norm_(model.parameters(), 50.0)
        optimiser.step()

    return step


def contestant(task: str, name: str, architecture: Architecture) -> Callable[[], object]:
    """What is timed."""
    x = architecture.images()
    many = x.repeat(4, 1, 1, 1)
    if name == "plain":
        plain = architecture.plain()
        if task == "encode":
            return torch.no_grad()(lambda: plain(many))
        return training_step(plain, lambda: plain(x)[1])
    glow = architecture.glow()
    if task == "encode":
        return torch.no_grad()(lambda: glow.encode(many))
    dtype = torch.bfloat16 if name == "bf16" else None
    return training_step(glow, lambda: glow(x, coupling_dtype=dtype)[1])


def serve(
    connection: Connection, task: str, name: str, architecture: Architecture, threads: int
) -> None:
    """A contestant's process: warms up, then answers every True with the seconds of one call, until False."""
    torch.set_num_threads(threads)
    call = contestant(task, name, architecture)
    call()
    connection.send(peak_memory())
    while connection.recv():
        connection.send(seconds(call))


def peak_memory() -> float:
    """GiB of resident memory of this process at its highest."""
    return peak_bytes() / 2**30


def race(task: str, architecture: Architecture, rounds: int) -> dict[str, tuple[float, float]]:
    """Seconds of the fastest of `rounds` calls and GiB of peak memory per contestant, called in turn."""
    context = multiprocessing.get_context("spawn")
    lines, workers, peaks = {}, [], {}
    for name in TASKS[task]:
        lines[name], end = context.Pipe()
        arguments = (end, task, name, architecture, torch.get_num_threads())
        workers.append(context.Process(target=serve, args=arguments, daemon=True))
        workers[-1].start()
        end.close()  # else the death of a worker would leave its line open, and us waiting
        peaks[name] = lines[name].recv()
    best = dict.fromkeys(lines, float("inf"))
    for _ in range(rounds):
        for name, line in lines.items():
            line.send(True)
            best[name] = min(best[name], line.recv())
    for line, worker in zip(lines.values(), workers, strict=True):
        line.send(False)
        worker.join()
    return {name: (best[name], peaks[name]) for name in lines}


def compare(architecture: Architecture, rounds: int) -> None:
    """Print the figures of one architecture."""
    size, blocks, depth, hidden, batch = architecture
    glow = architecture.glow()
    parameters = sum(p.numel() for p in glow.parameters()) / 1e6
    print(f"{size} px, {blocks} x {depth} x {hidden}, {parameters:.2f} M parameters, batch {batch}")
    with torch.no_grad():
        forward = flops(lambda: glow.encode(architecture.images())) / batch
    rates = {"f32": product_rate(torch.float32), "bf16": product_rate(torch.bfloat16)}
    for task in TASKS:
        images = 4 * batch if task == "encode" else batch
        times = race(task, architecture, rounds)
        for name, (elapsed, peak) in times.items():
            work = forward * images * (1 if task == "encode" else 3) / elapsed
            rate = rates["bf16" if name == "bf16" else "f32"]
            print(
                f"  {task:14}{name:6}{images / elapsed:9.1f} images/s{times['plain'][0] / elapsed:7.2f} x plain"
                f"{work / 1e9:7.0f} GFLOP/s, {work / rate:4.0%} of a matrix product, {peak:.2f} GiB",
                flush=True,
            )


def measure_preset(name: str, batch: int) -> None:
    """Print what one training step and one encode of a preset take, as the preset trains it."""
    preset = FlowSettings.preset(name)
    config, settings = preset.architecture, preset.training
    shape = (batch, 3, config.size, config.size)
    x = torch.rand(shape, generator=torch_generator(0, "benchmark")) - 0.5
    glow = Glow(config, torch_generator(0, "flow"))
    glow.initialise(x)
    dtype = coupling_dtype(settings, x.device)
    step = training_step(glow, lambda: glow(x, dtype, settings.recompute)[1])
    for title, call in (("step", step), ("encode", torch.no_grad()(lambda: glow.encode(x)))):
        elapsed = seconds(call)
        print(
            f"{name}, batch {batch}: one {title} {elapsed:.1f} s, peak memory {peak_memory():.2f} GiB",
            flush=True,
        )


def main() -> None:
    """Read the sizes and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", help="pixels x blocks x flows x hidden x batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one-thread", action="store_true", help="CPU seconds of one thread")
    parser.add_argument("--preset", help="measure this preset alone")
    parser.add_argument("--batch", type=int, default=4, help="images of a preset's step")
    arguments = parser.parse_args()
    if arguments.one_thread:
        torch.set_num_threads(1)
    if arguments.preset:
        measure_preset(arguments.preset, arguments.batch)
        return
    for text in arguments.size or DEFAULT_SIZES:
        compare(Architecture(*map(int, text.split("x"))), arguments.rounds)


if __name__ == "__main__":
    main()
