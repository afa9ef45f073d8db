"""Peak memory of training and export on 200,000 latents of dimension 3,072 that live in a file (2.3 GiB).

What is counted is anonymous memory, sampled from the kernel: pages of the file itself are the page cache's. The work
runs in a process of its own, whose memory with everything imported is printed beside the peak.

    python benchmarks/memory.py [--latents 200000] [--widths 3072 512 256 128] [--certified 512]
                                [--view smoothing --view exact]
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from producer.batches import LabelledLatents
from producer.bundle_plan import encoder_entry
from producer.contents import BundleContents, SplitData
from producer.model import EncoderDocument, Model, load_encoder, save_encoder
from producer.settings import TrainingSettings
from producer.shards import write_bundle
from producer.training import train_encoder
from producer.views.registry import choose_views, view_entries
from shared_spec.artifacts.bundle_documents import Manifest, SpecEntry, SplitEntry
from shared_spec.artifacts.document import DataEntry, this_tool
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.similarity import SimilaritySet

_DIGEST = "sha256-content-v1:" + "0" * 64
_BLOCK = 4096


def write_latents(path: Path, n: int, dimension: int) -> None:
    """Gaussian latents [n, dimension] float32, block by block."""
    draw = numpy_generator(0, "benchmark")
    with path.open("wb") as file:
        for start in range(0, n, _BLOCK):
            rows = min(_BLOCK, n - start)
            draw.standard_normal((rows, dimension), dtype=np.float32).tofile(file)


def anonymous_memory(pid: int | str) -> int:
    """Bytes of a process's memory that no file backs."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("this kernel does not report RssAnon")


def work(
    step: str, folder: Path, n: int, widths: tuple[int, ...], certified: int, views: tuple[str, ...],
    queue: Any,  # noqa: ANN401
) -> None:  # fmt: skip
    """One step in a process of its own: `fit` leaves a model that `export` reads."""
    torch.set_num_threads(1)
    dimension = widths[0]
    latents = np.memmap(folder / "latents.f32", np.float32, "r", shape=(n, dimension))
    vector = 0.1 * torch.randn(1, dimension, generator=torch_generator(0, "vector"))
    similarity = SimilaritySet(vector, 1.0)
    queue.put(anonymous_memory("self"))
    start = time.perf_counter()
    if step == "fit":
        labels = torch.from_numpy((latents[:, 0] > 0).astype(np.int64))
        settings = TrainingSettings(
            hidden=widths[1:-1], dimension=widths[-1], epochs=1, lambda_2=0.1
        )
        data = LabelledLatents(latents, {"task": labels})
        trained = train_encoder(data, similarity, settings, 0)
        document = EncoderDocument(
            spec_digest=_DIGEST, data=DataEntry(uri="benchmark", size=32, digest=_DIGEST),
            encoder=trained.encoder.config, method=settings.method, targets=("task",), training=settings,
            tool=this_tool("lassi-producer"), seed=0,
        )  # fmt: skip
        save_encoder(folder / "model", document, trained.encoder)
    else:
        export(folder, load_encoder(folder / "model"), similarity, latents, certified, views)
    queue.put(time.perf_counter() - start)


def export(
    folder: Path, model: Model, similarity: SimilaritySet, latents: np.ndarray[Any, Any], certified: int,
    names: tuple[str, ...],
) -> None:  # fmt: skip
    """A bundle of all latents as the train split, and of some of them, bounded in these views, as the test split."""
    views = choose_views(names)
    splits = {
        "train": SplitData([f"train-{i}" for i in range(len(latents))], latents, {}),
        "test": SplitData([f"test-{i}" for i in range(certified)], latents[:certified], {}),
    }
    counts = {name: len(split.sample_ids) for name, split in splits.items()}
    manifest = Manifest(
        spec=SpecEntry(digest=_DIGEST, attributes=("a",), epsilon=1.0),
        data=model.document.data,
        encoder=encoder_entry(model.document),
        views=dict(view_entries(views, similarity, ("test",))),
        splits={name: SplitEntry(available=n, every=1, individuals=n) for name, n in counts.items()},
        shard_rows=1024, labels={}, tool=this_tool("lassi-producer"), seed=0,
    )  # fmt: skip
    contents = BundleContents(manifest, model.folded, similarity, views, splits)
    write_bundle(folder / "reps", contents)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latents", type=int, default=200_000)
    parser.add_argument("--widths", type=int, nargs="+", default=[3072, 512, 256, 128],
                        help="Of the encoder, q first and d last; the paper's are 12288 2048 1024 512.")  # fmt: skip
    parser.add_argument("--certified", type=int, default=512)
    parser.add_argument("--view", action="append", help="Both unless given.")
    options = parser.parse_args()
    views = tuple(options.view or ("smoothing", "exact"))
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_latents(folder / "latents.f32", options.latents, options.widths[0])
        for step in ("fit", "export"):
            queue = context.Queue()
            sizes = (options.latents, tuple(options.widths), options.certified)
            process = context.Process(target=work, args=(step, folder, *sizes, views, queue))
            process.start()
            before, peak = queue.get(), 0
            while process.is_alive():
                try:
                    peak = max(peak, anonymous_memory(process.pid or 0))
                except (RuntimeError, FileNotFoundError):
                    break  # it has just ended
                time.sleep(0.02)
            process.join()
            if process.exitcode:
                raise SystemExit(f"{step} failed")
            print(
                f"{step}: {options.latents} latents, widths {options.widths}, {options.certified} individuals "
                f"bounded ({', '.join(views)}), {queue.get():.0f} s, peak "
                f"{peak / 2**30:.2f} GiB beyond the page cache, of which {before / 2**30:.2f} GiB imports",
                flush=True,
            )


if __name__ == "__main__":
    main()
