"""What a bundle will hold, decided and checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from producer.contents import BundleContents, SplitData
from producer.counterparts import CounterpartRepresentations, known_counterparts
from producer.job import Job
from producer.model import EncoderDocument, Model
from producer.parts import BundlePart, BundlePartDocument
from producer.settings import ExportSettings
from producer.shards import refuse_other_plan, write_bundle, write_part
from producer.views.registry import AnyView, view_entries
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.bundle_documents import EncoderEntry, Manifest, SplitEntry
from shared_spec.artifacts.canonical import DIGEST_PREFIX
from shared_spec.artifacts.document import this_tool
from shared_spec.artifacts.individuals import form_of
from shared_spec.artifacts.parts import Share
from shared_spec.artifacts.tables import check_writable
from shared_spec.chains import own_latents
from shared_spec.errors import ArtifactError, SettingsError
from shared_spec.latents import selected_rows
from shared_spec.progress import remark
from shared_spec.trust.commitments import load_committed
from shared_spec.trust.seeds import CommittedSeed
from shared_spec.trust.verification import origin_words

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
        committed: what the views' seed follows from; the job's own unless given.
    """

    job: Job
    out: Path
    settings: ExportSettings
    views: tuple[AnyView, ...]
    every: Mapping[str, int]
    certified: tuple[str, ...]
    targets: tuple[str, ...]
    committed: CommittedSeed | None = None

    def drawn_by(self, commitment: Path | str | None, document: EncoderDocument) -> BundlePlan:
        """This plan with the seed of a commitment to it, if there is one.

        Raises:
            SettingsError: the commitment is to something else, or was not answered by another party.
            ArtifactError: it, or its answer, is missing or malformed.
        """
        if commitment is None:
            return self
        committed, manifest = load_committed(commitment), self.manifest(document)
        try:
            committed.open(manifest.draw, manifest.parents)
        except ArtifactError as error:
            raise SettingsError(f"{commitment}: {error}") from None
        return replace(self, committed=committed)

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The class names of each label column that is shared: of the targets those that the data have.

        New people may have no labels. Raises DataError for an unknown column that was named.
        """
        known = self.job.source.classes
        names = self.settings.share or [name for name in self.targets if name in known]
        return {name: self.job.source.check_column(name) for name in names}

    @property
    def _tested(self) -> tuple[str, ...]:
        """The certified splits on which nothing is chosen: whose counterparts tell something."""
        return tuple(split for split in self.certified if split not in ("train", "valid"))

    def check(self, whole: bool = True) -> None:
        """Refuses what could only fail, or abstain, after all the work.

        Args:
            whole: whether all of the bundle is written here, and no part, whose table is CSV however large.

        Raises:
            SettingsError: no split, no individuals whose counterparts could be shown, views that could only abstain, or
                a table of individuals that needs what is not installed.
            DataError: an unknown split or label column, a split without individuals, or counterparts that nobody knows.
        """
        view_entries(self.views, self.job.spec.similarity, self.certified)
        if not self.every:
            raise SettingsError("`split` names none: expected at least one")
        individuals = sum(
            len(selected_rows(self.job.source, split, step)) for split, step in self.every.items()
        )
        labels = self.labels
        if whole:
            check_writable(individuals, form_of(labels))
        if self.settings.counterparts and not self._tested:
            raise SettingsError(
                "`counterparts` are of individuals on whom nothing is chosen: name another `split` than train and valid"
            )
        for attribute in self.settings.counterparts:
            for split in self._tested:
                known_counterparts(self.job.source, split, attribute)

    def manifest(self, document: EncoderDocument) -> Manifest:
        """What the bundle says of itself, for the encoder of this document."""
        spec, source = self.job.spec, self.job.source
        available = {split: len(source.sample_ids(split)) for split in self.every}
        return Manifest(
            spec=spec.entry,
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
            seed=self.job.seed if self.committed is None else self.committed.seed,
            commitment=self.committed,
        )  # fmt: skip

    def refuse_other(
        self, document: EncoderDocument, trained: bool = True, shard: Share | None = None
    ) -> None:
        """Raises SettingsError if `out`, finished or not, was begun with other settings and may not be replaced.

        Args:
            document: of the encoder.
            trained: whether it is there, so that its digest is known.
            shard: of the bundle that is to be written; all of it unless given.
        """
        apart_from = () if trained else ("encoder.digest",)
        manifest = self.manifest(document)
        plan = manifest if shard is None else BundlePartDocument.of(manifest, shard)
        refuse_other_plan(self.out, plan, self.job.force, apart_from)

    def write(self, model: Model) -> Bundle:
        """Encodes, bounds and writes what is not there yet."""
        job, contents = self.job, self._contents(model, Share(index=1, of=1))
        return write_bundle(self.out, contents, job.force, job.workers, job.report)

    def write_part(self, model: Model, shard: Share) -> BundlePart:
        """Encodes, bounds and writes what is not there yet of one share of the shards."""
        job, contents = self.job, self._contents(model, shard)
        return write_part(self.out, contents, shard, job.force, job.workers, job.report)

    def _contents(self, model: Model, shard: Share) -> BundleContents:
        job, manifest = self.job, self.manifest(model.document)
        mine = BundlePartDocument.of(manifest, shard).positions
        remark(job.report, f"spec {job.spec.digest}: {origin_words(job.origin)}")
        return BundleContents(
            manifest,
            model.folded.to(job.device),
            job.spec.similarity,
            self.views,
            {split: self._read(split, part) for split, part in mine.items()},
        )

    def _read(self, split: str, part: slice) -> SplitData:
        source, every = self.job.source, self.every[split]
        rows = selected_rows(source, split, every)[part]
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
        latents = self.job.latents(split, every, part)
        if split not in self.certified:
            latents = own_latents(latents)
        return SplitData([ids[row] for row in rows], latents, labels, known, part.start)


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
