"""The latent cache: every command that needs z = E(x) encodes an image once and memory-maps the result after.

A cache entry is named by what it was computed from (flow weights, data, split, rows), so a changed flow or data set can
never meet stale latents. Batches are encoded in a fixed partition, each marked when it is on disk: a killed run goes on
where it stopped, several processes share the work, and the bytes are the same in every case.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shared_spec.arithmetic import full_precision
from shared_spec.artifacts.atomic import storage_errors, write_atomically
from shared_spec.artifacts.canonical import canonical_json
from shared_spec.artifacts.document import DataEntry
from shared_spec.artifacts.tensors import tensor_digest
from shared_spec.chains import ChainSet
from shared_spec.data.source import Source, UInt8Images
from shared_spec.device import to_host
from shared_spec.distributed import Workers
from shared_spec.errors import DataError
from shared_spec.flow import Glow, preprocess

__all__ = [
    "ENCODE_BATCH",
    "cache_folder",
    "cached_files",
    "data_entry",
    "encode_chains",
    "encode_images",
    "encode_split",
    "evenly_spread",
    "selected_rows",
]

ENCODE_BATCH = 256
"""Images per encoding batch; part of the cache key, since a batch's size can change the last bits of its latents."""


def cache_folder(folder: Path | None) -> Path:
    """`folder`, or `$LASSI_CACHE`, or `~/.cache/lassi`."""
    return folder or Path(os.environ.get("LASSI_CACHE", Path.home() / ".cache" / "lassi"))


def cached_files(cache: Path) -> list[Path]:
    """The files of the cache in this folder, which may be deleted; nothing else that lies there."""
    pattern = r"\.?[0-9a-f]{32}\.(f32|json|done)(\.[0-9]+\.partial)?"
    if not cache.is_dir():
        return []
    return sorted(path for path in cache.iterdir() if re.fullmatch(pattern, path.name))


def selected_rows(source: Source, split: str, every: int = 1) -> npt.NDArray[np.int64]:
    """Positions of every `every`-th individual of a split, the first included. Raises DataError if there is none."""
    rows = np.arange(0, len(source.sample_ids(split)), every, dtype=np.int64)
    if len(rows) == 0:
        raise DataError(f"{source.uri}: split {split!r} has no individuals; choose another split")
    return rows


def evenly_spread(available: int, wanted: int) -> npt.NDArray[np.int64]:
    """At most `wanted` of the positions 0 ... available - 1, evenly spread, both ends included."""
    return np.unique(np.linspace(0, available - 1, min(wanted, available)).astype(np.int64))


def data_entry(source: Source) -> DataEntry:
    """How documents name the data that something was computed from."""
    return DataEntry(uri=source.uri, size=source.size, digest=source.digest())


def encode_split(
    flow: Glow,
    source: Source,
    split: str,
    *,
    cache: Path,
    every: int = 1,
    chains: ChainSet | None = None,
    part: slice | None = None,
    workers: Workers | None = None,
    advance: Callable[[int, str], None] = lambda done, word: None,
) -> npt.NDArray[np.float32]:
    """Latents of every `every`-th individual of a split, or of a part of them, memory-mapped read-only.

    Args:
        flow: G = (E, D); its device does the work.
        source: where the images come from.
        split: train, valid or test.
        cache: folder of cache entries.
        every: keep every n-th individual.
        chains: whose images to encode beside each individual's own; none of them unless given.
        part: start and stop among these individuals, for machines that share no cache entry; its bytes are those that
            the whole has there.
        workers: the processes that share the work, batch by batch; all must call with the same arguments.
        advance: told how many batches are done.

    Returns:
        z, shape [n, q] float32, or [n, 1 + v, q] with the images of the chains; not to be written to.

    Raises:
        DataError: if an image cannot be read, or a latent is not finite.
        LassiError: the cache cannot be written.
    """
    workers = workers or Workers()
    rows = selected_rows(source, split, every)
    within = part or slice(0, len(rows))
    key = _identity(flow, source, split, every, chains)
    final, sidecar = _entry(cache, key)
    # What one process finds missing another may find made by somebody else a moment later: the first one's word counts.
    there = workers.agree(final.exists() and sidecar.exists())
    if within != slice(0, len(rows)) and not there:
        # Whole batches of the fixed partition, so that every latent is computed among the same neighbours.
        begin = within.start - within.start % ENCODE_BATCH
        end = min(len(rows), -(-within.stop // ENCODE_BATCH) * ENCODE_BATCH)
        rows, within = rows[begin:end], slice(within.start - begin, within.stop - begin)
        key |= {"part": [begin, end]}
        final, sidecar = _entry(cache, key)
        there = workers.agree(final.exists() and sidecar.exists())
    each = () if chains is None else (chains.images_each,)
    shape = (len(rows), *each, flow.config.latent_dim)
    verb = "cached" if there else "kept"
    if not there:
        cache.mkdir(parents=True, exist_ok=True)

        def latents_of(part: slice) -> npt.NDArray[np.float32]:
            if chains is None:
                z = encode_images(flow, source.images(split, rows[part])).numpy()
            else:
                z = encode_chains(flow, chains, source, split, rows[part]).numpy()
            if not np.isfinite(z).all():
                first = source.sample_ids(split)[int(rows[part][0])]
                raise DataError(
                    f"{source.uri}: a latent in the batch of {first} is not finite; the flow diverges there"
                )
            return z

        _encode_missing(latents_of, final, shape, workers, advance)
        if workers.first:
            write_atomically(sidecar, json.dumps({**key, "shape": shape}).encode())
        workers.wait()
    bytes_kept = 4 * math.prod(shape)
    size = f"{bytes_kept / 1e6:.1f} MB"
    advance(-(-len(rows) // ENCODE_BATCH), f"{verb} in {cache}, {size}")
    if not final.exists() or final.stat().st_size != bytes_kept:
        raise DataError(
            f"{final}: is gone or has the wrong size; delete it and {sidecar.name}, and run again"
        )
    return np.memmap(final, dtype=np.float32, mode="r", shape=shape)[within]


def _identity(
    flow: Glow, source: Source, split: str, every: int, chains: ChainSet | None
) -> dict[str, Any]:
    """What latents follow from."""
    key = {
        "flow": tensor_digest(
            {name: to_host(value) for name, value in flow.state_dict().items()},
            flow.config.model_dump(),
        ),
        "data": source.digest(),
        "size": source.size,
        "split": split,
        "every": every,
        "batch": ENCODE_BATCH,
        "torch": torch.__version__,
        "format": 1,
    }
    return key if chains is None else {**key, **chains.identity()}


def _entry(cache: Path, key: Mapping[str, Any]) -> tuple[Path, Path]:
    """The files of the entry of this key: latents, and what they were computed from."""
    name = hashlib.sha256(canonical_json(dict(key))).hexdigest()[:32]
    return cache / f"{name}.f32", cache / f"{name}.json"


@full_precision()
def encode_images(flow: Glow, images: UInt8Images) -> Tensor:
    """Latents [n, q] float32 of images [n, 3, S, S], computed on the flow's device, a batch at a time."""
    device = next(flow.parameters()).device
    with torch.no_grad():
        parts = [
            to_host(flow.encode(preprocess(batch.to(device), flow.config.bits)))
            for batch in torch.split(torch.from_numpy(images), ENCODE_BATCH)
        ]
    return torch.cat(parts)


def encode_chains(
    flow: Glow, chains: ChainSet, source: Source, split: str, rows: npt.NDArray[np.int64]
) -> Tensor:
    """Latents [n, 1 + v, q] float32 of the images of these individuals' chains.

    An image that is the individual's own gets the individual's latent, to the last bit: the chain passes z.
    """
    images = chains.images_of(source, split, rows)
    z = encode_images(flow, images.reshape(-1, *images.shape[2:])).reshape(*images.shape[:2], -1)
    same = torch.from_numpy((images == images[:, :1]).all(axis=(2, 3, 4)))
    return torch.where(same[..., None], z[:, :1], z)


def _encode_missing(
    latents_of: Callable[[slice], npt.NDArray[np.float32]],
    path: Path,
    shape: tuple[int, ...],
    workers: Workers,
    advance: Callable[[int, str], None],
) -> None:
    """Encodes the batches that are not marked as done, into `path` at their places."""
    marks_path = path.with_suffix(".done")
    batches = -(-shape[0] // ENCODE_BATCH)
    if workers.first:
        _make_room(path, 4 * math.prod(shape), marks_path, batches)
    workers.wait()
    latents = np.memmap(path, np.float32, "r+", shape=shape)
    marks = np.memmap(marks_path, np.uint8, "r+", shape=(batches,))
    for batch in range(workers.rank, batches, workers.world):
        if not marks[batch]:
            part = slice(batch * ENCODE_BATCH, (batch + 1) * ENCODE_BATCH)
            latents[part] = latents_of(part)
            latents.flush()
            marks[batch] = 1
        if batch + 1 < batches:
            advance(batch + 1, "")
    marks.flush()
    workers.wait()
    if workers.first:
        marks_path.unlink(missing_ok=True)


def _make_room(path: Path, size: int, marks_path: Path, batches: int) -> None:
    """Creates the file of the latents, with all its room on the disk, and no batch marked; or leaves both as they are.

    Commands that start at once take turns: a file that another has mapped is never cut. Marks of a file that is gone
    say nothing of its successor.
    """
    with storage_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_size != size:
                marks_path.unlink(missing_ok=True)
                try:
                    os.ftruncate(descriptor, 0)
                    os.posix_fallocate(descriptor, 0, size)
                except OSError:
                    path.unlink(missing_ok=True)
                    raise
            if not marks_path.exists() or marks_path.stat().st_size != batches:
                write_atomically(marks_path, bytes(batches))
        finally:
            os.close(descriptor)
