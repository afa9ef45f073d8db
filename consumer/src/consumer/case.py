"""A case: whom to decide by which head. Every decision, claim and verification follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from consumer.decide import decide
from consumer.decisions import Bounds, Decisions, Draws
from consumer.head import Head
from shared_spec.artifacts.bundle import Bundle
from shared_spec.artifacts.certificate import Certificate
from shared_spec.artifacts.head_documents import HeadConfig
from shared_spec.errors import ArtifactError
from shared_spec.frozen_head import FrozenHead
from shared_spec.sampling import Sampling
from shared_spec.seeds import Seed
from shared_spec.terms import RadiusMethod, Similar, Statement
from shared_spec.views import contract_of

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """The individuals of one split of a bundle, and a head.

    Attributes:
        bundle: what the producer states.
        split: whose individuals.
        head: C, trained.
        sampling: settings of the sampled methods.
        seed: root of the individuals' random streams.
    """

    bundle: Bundle
    split: str
    head: Head
    sampling: Sampling
    seed: Seed

    @property
    def config(self) -> HeadConfig:
        """The head's sizes, classes and noise."""
        return self.head.config

    @cached_property
    def frozen(self) -> FrozenHead:
        """The function that is certified."""
        return self.head.frozen()

    @property
    def draws(self) -> Draws:
        """Noise and streams of the sampled methods."""
        return Draws(self.config.sigma_rs, self.sampling, self.seed)

    def decide(
        self,
        view: str,
        method: RadiusMethod,
        sample_ids: Sequence[str],
        tensors: Mapping[str, Tensor],
    ) -> Decisions:
        """Decides the individuals of one shard by one method.

        Args:
            view: of the bundle.
            method: that fits the head.
            sample_ids: who they are [n].
            tensors: of the shard.
        """
        return decide(self.frozen, self._bounds(view, tensors), method, self.draws, sample_ids)

    def _bounds(self, view: str, tensors: Mapping[str, Tensor]) -> Bounds:
        """What a shard states about its individuals in one view."""
        at_centre = contract_of(view).decides_at_centre
        spec, statement = self.bundle.manifest.spec, self.bundle.manifest.views[view].statement
        return Bounds(
            points=tensors[f"{view}.centre" if at_centre else "representation"],
            centres=tensors[f"{view}.centre"],
            radii=tensors[f"{view}.radius"],
            status=tensors[f"{view}.status"],
            tube=tensors.get(f"{view}.tube"),
            affine=tensors.get(f"{view}.affine"),
            delta=tensors.get(f"{view}.delta"),
            place=tensors.get(f"{view}.place"),
            epsilon=spec.epsilon if statement == Statement.X else None,
            along_vector=spec.similar == Similar.VECTORS and len(spec.attributes) == 1,
        )


def require_same_encoder(certificate: Certificate, bundle: Bundle) -> None:
    """Raises ArtifactError unless bundle and certificate speak of the same encoder and the same spec."""
    document, manifest = certificate.document, bundle.manifest
    for name, stated, actual in (
        ("encoder", document.encoder_digest, manifest.encoder.digest),
        ("spec", document.spec, manifest.spec),
    ):
        if stated != actual:
            raise ArtifactError(
                f"{certificate.path}: was made from {name} {stated}, but {bundle.path} has {actual}; "
                f"take a bundle of that {name}"
            )
