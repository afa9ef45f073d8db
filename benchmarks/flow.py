"""Images per second of the flow against plain Glow code of the same size, in one run.

Prints, per size, a training step in f32 and with the coupling networks in bfloat16, and encode in f32, each as a ratio
to `_plain_glow.py` doing the same with the same optimiser; encode takes four times the images of a step. Rounds
alternate between the contestants and the fastest round of each counts, so that another program on the machine does not
decide the ratio. The rate of arithmetic stands beside that of one large matrix product of the same type.

    python benchmarks/flow.py [--size 32x3x8x128x64 …] [--rounds 5]     (pixels x blocks x flows x hidden x batch)
    python benchmarks/flow.py --one-thread       CPU seconds of one thread, for a machine that others use meanwhile
    python benchmarks/flow.py --preset paper-128 [--batch 4]     one step and one encode: seconds and peak memory
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import torch
from _flops import flops
from _plain_glow import PlainGlow
from torch import Tensor, nn

from regulator.flow_settings import flow_preset
from shared_spec.flow import Glow, GlowConfig
from shared_spec.rng import torch_generator

DEFAULT_SIZES = ["32x3x8x64x64", "32x3x8x128x64", "64x4x32x512x8"]


def fastest(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of the fastest of `rounds` calls of each, called in turn after one call to warm up."""
    # Seconds on the clock, unless one thread does all the work: then its own, which other programs do not stretch.
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    best = dict.fromkeys(contestants, float("inf"))
    for call in contestants.values():
        call()
    for _ in range(rounds):
        for name, call in contestants.items():
            start = clock()
            call()
            best[name] = min(best[name], clock() - start)
    return best


def product_rate(dtype: torch.dtype) -> float:
    """Operations per second of a 2048 x 2048 matrix product."""
    square = torch.rand(2048, 2048, generator=torch_generator(0, "square")).to(dtype)
    return 2 * 2048**3 / fastest({"product": lambda: square @ square}, 10)["product"]


def training_step(model: nn.Module, log_prob: Callable[[], Tensor]) -> Callable[[], None]:
    """One step of Adam on the mean negative log-likelihood with clipped gradients."""
    plain = isinstance(model, PlainGlow)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-5, fused=not plain)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        (-log_prob().mean() / 3072).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 50.0)
        optimiser.step()

    return step


def compare(size: int, blocks: int, depth: int, hidden: int, batch: int, rounds: int) -> None:
    """Print the figures of one architecture."""
    x = torch.rand(batch, 3, size, size, generator=torch_generator(0, "benchmark")) - 0.5
    plain = PlainGlow(size, blocks, depth, hidden)
    config = GlowConfig(size=size, blocks=blocks, flows=depth, hidden=hidden)
    glow = Glow(config, torch_generator(0, "flow"))
    glow.initialise(x)
    steps = fastest(
        {
            "plain": training_step(plain, lambda: plain(x)[1]),
            "f32": training_step(glow, lambda: glow(x)[1]),
            "bf16": training_step(glow, lambda: glow(x, coupling_dtype=torch.bfloat16)[1]),
        },
        rounds,
    )
    many = x.repeat(4, 1, 1, 1)
    with torch.no_grad():
        encodes = fastest({"plain": lambda: plain(many), "f32": lambda: glow.encode(many)}, rounds)
    parameters = sum(p.numel() for p in glow.parameters()) / 1e6
    print(f"{size} px, {blocks} x {depth} x {hidden}, {parameters:.2f} M parameters, batch {batch}")
    with torch.no_grad():
        forward = flops(lambda: glow.encode(x)) / batch
    rates = {"f32": product_rate(torch.float32), "bf16": product_rate(torch.bfloat16)}
    for title, times, images in (("training step", steps, batch), ("encode", encodes, 4 * batch)):
        for name, seconds in times.items():
            work = forward * images * (3 if times is steps else 1) / seconds
            peak = rates["bf16" if name == "bf16" else "f32"]
            print(
                f"  {title:14}{name:6}{images / seconds:9.1f} images/s{times['plain'] / seconds:7.2f} x plain"
                f"{work / 1e9:7.0f} GFLOP/s, {work / peak:4.0%} of a matrix product"
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  peak memory of the process so far {peak:.2f} GiB", flush=True)


def measure_preset(name: str, batch: int) -> None:
    """Print what one training step and one encode of a preset take, as the preset trains it."""
    preset = flow_preset(name)
    config, settings = preset.config, preset.training
    shape = (batch, 3, config.size, config.size)
    x = torch.rand(shape, generator=torch_generator(0, "benchmark")) - 0.5
    glow = Glow(config, torch_generator(0, "flow"))
    glow.initialise(x)
    dtype = torch.bfloat16 if settings.bf16 else None
    step = training_step(glow, lambda: glow(x, dtype, settings.recompute)[1])
    for title, call in (("step", step), ("encode", torch.no_grad()(lambda: glow.encode(x)))):
        start = time.perf_counter()
        call()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{name}, batch {batch}: one {title} {time.perf_counter() - start:.1f} s, peak memory {peak:.2f} GiB",
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
        size, blocks, depth, hidden, batch = map(int, text.split("x"))
        compare(size, blocks, depth, hidden, batch, arguments.rounds)


if __name__ == "__main__":
    main()
