"""What an auditor has in hand: a bundle, what it says it was made from, and whom the auditor's seed chose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from producer.model import Model
from shared_spec.artifacts.audit_documents import LISTED, AuditCheck, CheckEntry, Finding
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.spec import Spec
from shared_spec.chains import ChainSet
from shared_spec.data.source import Source
from shared_spec.errors import DataError
from shared_spec.flow import Glow
from shared_spec.latents import ENCODE_BATCH, encode_chains, encode_images
from shared_spec.rng import stream
from shared_spec.seeds import Seed

__all__ = ["Evidence", "Ledger", "Sample", "choose_rows", "take_sample"]


@dataclass(frozen=True)
class Evidence:
    """A bundle, and the spec, model and data that it is held against; the model is where it computes."""

    bundle: Bundle
    spec: Spec
    model: Model
    source: Source

    @property
    def foreign(self) -> bool:
        """Whether the model's representations are of another dimension than the bundle's."""
        return self.bundle.dimension != self.model.folded.output_dim

    def places(self, split: str) -> dict[str, int]:
        """Positions in the data by sample id; none of a split that the data do not have."""
        try:
            return {name: row for row, name in enumerate(self.source.sample_ids(split))}
        except DataError:
            return {}


@dataclass(frozen=True)
class Sample:
    """The individuals of one split whose numbers are computed again.

    Attributes:
        split: whose.
        sample_ids: of those that were drawn and that the data know, m.
        latents: z, [m, q] float32, or along chains [m, 1 + v, q], from the data.
        stated: by name, what the bundle's shards hold of them in the views that are looked at, [m, ...].
    """

    split: str
    sample_ids: tuple[str, ...]
    latents: Tensor
    stated: dict[str, Tensor]


@dataclass
class Ledger:
    """What one check compared, and what it found."""

    check: AuditCheck
    split: str | None = None
    compared: int = 0
    found: int = 0
    """How many differences there are."""
    findings: list[Finding] = field(default_factory=list)
    """The first of them, as many as an audit lists."""
    concerned: set[str] = field(default_factory=set)
    """Ids of the individuals of all of them."""

    def compare(
        self, what: str, stated: object, found: object, sample_id: str | None = None
    ) -> None:
        """Counts, and notes a difference."""
        self.compared += 1
        if stated != found:
            self.note(what, str(stated), str(found), sample_id)

    def note(self, what: str, stated: str, found: str, sample_id: str | None = None) -> None:
        """Notes a finding."""
        self.found += 1
        if sample_id is not None:
            self.concerned.add(sample_id)
        if len(self.findings) == LISTED:
            return
        self.findings.append(
            Finding(
                check=self.check,
                split=self.split,
                sample_id=sample_id,
                what=what[:1000],
                stated=stated[:1000],
                found=found[:1000],
            )
        )

    @property
    def entry(self) -> CheckEntry:
        """How the audit counts it."""
        return CheckEntry(
            check=self.check, split=self.split, compared=self.compared, findings=self.found
        )


def choose_rows(seed: Seed, split: str, individuals: int, sample: int) -> npt.NDArray[np.int64]:
    """Rows of the bundle's split to look at, ascending: `sample` of them drawn without replacement, or all."""
    generator = stream(seed, "audit.sample", split)
    chosen = generator.choice(individuals, size=min(sample, individuals), replace=False)
    return np.sort(chosen).astype(np.int64)


def take_sample(
    evidence: Evidence, flow: Glow, split: str, rows: npt.NDArray[np.int64], views: Iterable[str]
) -> Sample:
    """Encodes those of these rows whom the data know, and reads what the bundle states of them.

    Args:
        evidence: see there.
        flow: that of the spec, on the device that computes.
        split: of the bundle.
        rows: [m], ascending.
        views: in which their numbers will be looked at.
    """
    ids, names = evidence.bundle.sample_ids(split), tuple(views)
    place = evidence.places(split)
    known = [int(row) for row in rows if ids[row] in place]
    chosen = tuple(ids[row] for row in known)
    latents = _encode(evidence, flow, split, [place[name] for name in chosen], bool(names))
    return Sample(split, chosen, latents, _stated(evidence.bundle, split, known, names))


def _encode(
    evidence: Evidence, flow: Glow, split: str, rows: Sequence[int], similar: bool
) -> Tensor:
    """Z of these rows of the source, with their similar images where there are such.

    Never from a cache, which somebody else could have filled.
    """
    similarity = evidence.spec.similarity
    chains = similarity if similar and isinstance(similarity, ChainSet) else None
    shape = (flow.config.latent_dim,) if chains is None else chains.latent_shape
    parts, source = [torch.empty(0, *shape)], evidence.source
    for start in range(0, len(rows), ENCODE_BATCH):
        part = np.array(rows[start : start + ENCODE_BATCH], dtype=np.int64)
        if chains is None:
            parts.append(encode_images(flow, source.images(split, part)))
        else:
            parts.append(encode_chains(flow, chains, source, split, part))
    return torch.cat(parts)


def _stated(
    bundle: Bundle, split: str, rows: Sequence[int], views: tuple[str, ...]
) -> dict[str, Tensor]:
    """Representations and numbers of these views of these rows, ascending, read shard by shard."""
    wanted, first = torch.tensor(rows, dtype=torch.int64), 0
    parts: dict[str, list[Tensor]] = {}
    for tensors in bundle.shards(split):
        size = len(tensors["representation"])
        mine = wanted[(wanted >= first) & (wanted < first + size)] - first
        for name, tensor in tensors.items():
            if name == "representation" or name.startswith(tuple(f"{view}." for view in views)):
                parts.setdefault(name, []).append(tensor[mine])
        first += size
    return {name: torch.cat(values) for name, values in parts.items()}
