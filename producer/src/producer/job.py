"""What every verb starts from: spec, data, latents, seed, device, processes, and whom to tell how it goes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from producer.batches import Latents
from producer.nuisance import forgotten
from producer.settings import TrainingSettings
from shared_spec.artifacts.atomic import require_writable
from shared_spec.artifacts.document import DataEntry
from shared_spec.artifacts.spec import Spec, load_spec
from shared_spec.chains import ChainSet
from shared_spec.data import open_source
from shared_spec.data.source import Source
from shared_spec.device import open_device
from shared_spec.distributed import Workers, join_workers
from shared_spec.errors import DataError, SettingsError
from shared_spec.interruption import kept
from shared_spec.latents import ENCODE_BATCH, cache_folder, data_entry, encode_split, selected_rows
from shared_spec.progress import Report, silent, stage
from shared_spec.seeds import Seed
from shared_spec.trust.pins import Trust
from shared_spec.trust.subjects import spec_subject
from shared_spec.trust.verification import Origin, origin_of

__all__ = ["Job", "open_job", "spec_origin"]


@dataclass(frozen=True)
class Job:
    """One run of a verb.

    Attributes:
        spec: its flow is on the device.
        origin: who signed it; None without a trust file.
        source: the data.
        cache: folder of the latent cache.
        seed: every draw derives from it.
        device: what computes.
        force: whether what stands in the way is replaced.
        workers: the processes that share the work.
        report: told how it goes; only the first process speaks.
    """

    spec: Spec
    origin: Origin | None
    source: Source
    cache: Path
    seed: Seed
    device: torch.device
    force: bool
    workers: Workers
    report: Report
    _bases: list[Tensor] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def data(self) -> DataEntry:
        """The data, as documents name them."""
        return data_entry(self.source)

    def latents(
        self, split: str, every: int = 1, part: slice | None = None
    ) -> npt.NDArray[np.float32]:
        """Z of every `every`-th individual of a split, or of a part of them, memory-mapped: cached, or computed now.

        [n, q], or [n, 1 + v, q] where the spec's similar people lie on chains.
        """
        similarity = self.spec.similarity
        rows = selected_rows(self.source, split, every)[part or slice(None)]
        batches = -(-len(rows) // ENCODE_BATCH)
        return encode_split(
            self.spec.flow, self.source, split, cache=self.cache, every=every,
            chains=similarity if isinstance(similarity, ChainSet) else None, part=part,
            workers=self.workers,
            advance=stage(self.report, f"encoding {split} (batches)", batches),
        )  # fmt: skip

    def basis(self, latents: Latents, settings: TrainingSettings) -> Tensor:
        """What these settings keep an encoder from seeing, as `forgotten`; along chains the most is found but once.

        Args:
            latents: of `train`, which all processes have opened before one of them asks.
            settings: see there.
        """
        count = settings.forget
        for known in self._bases:
            if 0 < count <= len(known):
                return known[:count]
        found = forgotten(latents, self.spec.similarity, settings, self.report)
        if count:
            self._bases.append(found)
        return found

    def codes(self, targets: Sequence[str]) -> dict[str, Mapping[str, Tensor]]:
        """The class codes [n] of each target, for `train` and `valid`; no image is read.

        Raises:
            DataError: an unknown column, a split of fewer than two individuals, or a constant target.
        """
        found: dict[str, Mapping[str, Tensor]] = {}
        for split in ("train", "valid"):
            if len(self.source.sample_ids(split)) < 2:
                raise DataError(f"{self.source.uri}: {split} has fewer than two individuals")
            found[split] = {
                name: torch.from_numpy(self.source.labels(split, name)) for name in targets
            }
        for name, codes in found["train"].items():
            if len(set(codes.tolist())) < 2:
                raise DataError(
                    f"{self.source.uri}: all training individuals have the same {name}; choose another target"
                )
        return found


@contextmanager
def open_job(
    spec: Path | str | Spec,
    data: str | Source,
    *,
    cache: Path | str | None,
    seed: Seed,
    device: str,
    force: bool,
    report: Report,
    trust: Path | str | Trust | None = None,
) -> Iterator[Job]:
    """Opens what a verb works with, the device first, and joins the processes that torchrun started.

    Raises:
        SettingsError: there is no such device or data set, or the trust file is none.
        ArtifactError, ExpiredError: the spec, or with a trust file its signature, is not what it should be.
        DataError: the data cannot be read.
    """
    place = open_device(device)
    loaded = load_spec(spec)
    origin = spec_origin(spec, loaded, trust)
    source = open_source(data, loaded.flow.config.size)
    folder = cache_folder(None if cache is None else Path(cache))
    require_writable(folder / "latents")
    again = (
        "; `force` makes the rest again"
        if force
        else ", and so are encoders and shards that are done"
    )
    words = f"the images encoded so far are kept{again}; the same command goes on from there"
    with join_workers(place) as workers, kept(lambda: words):
        # A copy, so that a spec that was handed over stays where its owner has it.
        loaded = replace(loaded, flow=copy.deepcopy(loaded.flow).to(place))
        told = report if workers.first else silent
        yield Job(loaded, origin, source, folder, seed, place, force, workers, told)


def spec_origin(
    spec: Path | str | Spec, loaded: Spec, trust: Path | str | Trust | None
) -> Origin | None:
    """Who issued a spec, None without a trust file; raises as `origin_of`, and SettingsError without a path."""
    if trust is None:
        return None
    if isinstance(spec, Spec):
        raise SettingsError("`trust` needs the path of the spec: its signature stands beside it")
    return origin_of(spec_subject(loaded.stated, Path(spec)), trust)
