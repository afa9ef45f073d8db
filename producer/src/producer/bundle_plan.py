"""What a bundle will hold, decided and checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from producer.counterparts import CounterpartRepresentations, known_counterparts
from producer.job import Job
from producer.model import EncoderDocument, Model
from producer.settings import ExportSettings
from producer.shards import BundleContents, SplitData, refuse_other_bundle, write_bundle
from producer.views.registry import AnyView, view_entries
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.bundle_documents import EncoderEntry, Manifest, SpecEntry, SplitEntry
from shared_spec.artifacts.canonical import DIGEST_PREFIX
from shared_spec.artifacts.document import this_tool
from shared_spec.chains import own_latents
from shared_spec.errors import SettingsError
from shared_spec.latents import selected_rows

__all__ = ["BundlePlan", "encoder_entry"]

_UNTRAINED = DIGEST_PREFIX + "0" * 64
"""Stands for the digest of an encoder that is not trained yet, in a manifest that is compared and never written."""


@dataclass(frozen=True)
class BundlePlan:
    """One bundle to write.

    Attributes:
        job: spec, data, seed, and whom to tell.
        out: the directory.
        settings: of the bundle.
        views: in which individuals are bounded.
        every: per split, every how many-th individual goes in.
        certified: the splits whose individuals are bounded.
        targets: label columns that are shared unless the settings say otherwise.
    """

    job: Job
    out: Path
    settings: ExportSettings
    views: tuple[AnyView, ...]
    every: Mapping[str, int]
    certified: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The class names of each label column that is shared. Raises DataError for an unknown one."""
        names = self.settings.share or self.targets
        return {name: self.job.source.check_column(name) for name in names}

    @property
    def _tested(self) -> tuple[str, ...]:
        """The certified splits on which nothing is chosen: whose counterparts tell something."""
        return tuple(split for split in self.certified if split not in ("train", "valid"))

    def check(self) -> None:
        """Refuses what could only fail, or abstain, after all the work.

        Raises:
            SettingsError: no split, or views that could only abstain.
            DataError: an unknown split or label column, a split without individuals, or counterparts that nobody knows.
        """
        view_entries(self.views, self.job.spec.similarity, self.certified)
        if not self.every:
            raise SettingsError("`split` names none: expected at least one")
        for split, step in self.every.items():
            selected_rows(self.job.source, split, step)
        _ = self.labels
        for attribute in self.settings.counterparts:
            for split in self._tested:
                known_counterparts(self.job.source, split, attribute)

    def manifest(self, document: EncoderDocument) -> Manifest:
        """What the bundle says of itself, for the encoder of this document."""
        spec, source = self.job.spec, self.job.source
        available = {split: len(source.sample_ids(split)) for split in self.every}
        return Manifest(
            spec=SpecEntry(
                digest=spec.digest,
                attributes=tuple(entry.name for entry in spec.document.attributes),
                epsilon=spec.document.epsilon,
                similar=spec.document.similar,
            ),
            data=self.job.data,
            encoder=encoder_entry(document),
            views=dict(view_entries(self.views, spec.similarity, self.certified)),
            splits={
                split: SplitEntry(
                    available=count, every=self.every[split], individuals=-(-count // self.every[split])
                )
                for split, count in available.items()
            },
            shard_rows=self.settings.shard_rows,
            labels=self.labels,
            counterparts=dict.fromkeys(self.settings.counterparts, self._tested),
            tool=this_tool("lassi-producer"),
            seed=self.job.seed,
        )  # fmt: skip

    def refuse_other(self, document: EncoderDocument, trained: bool) -> None:
        """Raises SettingsError if `out`, finished or not, was begun with other settings and may not be replaced.

        Args:
            document: of the encoder.
            trained: whether it is there, so that its digest is known.
        """
        apart_from = () if trained else ("encoder.digest",)
        refuse_other_bundle(self.out, self.manifest(document), self.job.force, apart_from)

    def write(self, model: Model) -> Bundle:
        """Encodes, bounds and writes what is not there yet."""
        contents = BundleContents(
            self.manifest(model.document),
            model.folded,
            self.job.spec.similarity,
            self.views,
            {split: self._read(split) for split in self.every},
        )
        job = self.job
        return write_bundle(self.out, contents, job.force, job.workers, job.report)

    def _read(self, split: str) -> SplitData:
        source, every = self.job.source, self.every[split]
        rows = selected_rows(source, split, every)
        ids = source.sample_ids(split)
        labels = {
            name: [classes[code] for code in source.labels(split, name)[rows]]
            for name, classes in self.labels.items()
        }
        attributes = self.settings.counterparts if split in self._tested else ()
        known = [
            CounterpartRepresentations(self.job.spec.flow, source, split, rows, attribute)
            for attribute in attributes
        ]
        latents = self.job.latents(split, every)
        if split not in self.certified:
            latents = own_latents(latents)
        return SplitData([ids[row] for row in rows], latents, labels, known)


def encoder_entry(document: EncoderDocument) -> EncoderEntry:
    """What a manifest says of an encoder."""
    settings = document.training.model_dump(mode="json", exclude={"method"})
    return EncoderEntry(
        digest=document.content_digest or _UNTRAINED,
        method=document.method,
        input_dim=document.encoder.input_dim,
        hidden=document.encoder.hidden,
        output_dim=document.encoder.output_dim,
        targets=document.targets,
        settings={
            name: value for name, value in settings.items() if isinstance(value, float | int | str)
        },
    )
