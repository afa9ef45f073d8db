"""The two views as the bundle stores them: their tensors per shard, and what the manifest says about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from producer.views.exact.view import certify_exact
from producer.views.plan import make_plan
from producer.views.smoothing import certify_smoothing
from producer.views.statements import SmoothingSettings
from shared_spec.artifacts.bundle import BOUND_STATUS
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.artifacts.document import Strict
from shared_spec.relu_network import ReluNetwork
from shared_spec.similarity import SimilaritySet
from shared_spec.statements import words_of
from shared_spec.terms import Statement as Terms

__all__ = ["ExactSettings", "Views"]


class ExactSettings(Strict):
    """Settings of the exact view; see `producer.views.exact.view.certify_exact`."""

    tolerance: float = Field(default=0.05, gt=0)
    method: Literal["grid", "polyline"] = "grid"
    max_cells: int = Field(default=20_000, gt=0)
    tube_vertices: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Views:
    """Which views a bundle gets, and with which settings; None leaves a view out."""

    smoothing: SmoothingSettings | None
    exact: ExactSettings | None

    def only(self, names: Sequence[str]) -> Views:
        """These views alone."""
        return Views(
            self.smoothing if "smoothing" in names else None,
            self.exact if "exact" in names else None,
        )

    @property
    def cost(self) -> int:
        """An order of the work per individual."""
        return 2 * (self.smoothing is not None) + (self.exact is not None)

    def entries(self, similarity: SimilaritySet, splits: Sequence[str]) -> dict[str, ViewEntry]:
        """What the manifest says, for bounds on these splits.

        Validation individuals only help consumers choose their noise, for which one view, the cheaper, is enough.

        Raises:
            SettingsError: for settings that could only abstain.
        """
        others = tuple(split for split in splits if split != "valid" or self.exact is None)
        entries = {}
        if self.smoothing is not None:
            plan = make_plan(self.smoothing, similarity.epsilon)
            entries["smoothing"] = ViewEntry(
                statement=plan.statement,
                sentence=words_of(plan.statement).sentence,
                alpha=dict(plan.events),
                settings=plan.numbers(),
                splits=others,
            )
        if self.exact is not None:
            entries["exact"] = ViewEntry(
                statement=Terms.X,
                sentence=words_of(Terms.X).sentence,
                alpha={},
                settings=self.exact.model_dump(),
                splits=tuple(splits),
            )
        return entries

    def tensors(
        self,
        encoder: ReluNetwork,
        latents: Tensor,
        sample_ids: Sequence[str],
        similarity: SimilaritySet,
        seed: int,
        advance: Callable[[int], None],
    ) -> dict[str, Tensor]:
        """The shard tensors of these individuals in every view; `advance` is told how many more are done."""
        found: dict[str, Tensor] = {}
        if self.exact is not None:
            exact = certify_exact(
                encoder, latents, similarity.vectors, similarity.epsilon, **self.exact.model_dump()
            )
            found |= {
                "representation": exact.representation,
                "exact.centre": exact.centre,
                "exact.radius": exact.radius,
                "exact.status": exact.status,
                "exact.lower_bound": exact.lower_bound,
                "exact.effort": exact.effort,
            }
            if exact.tubes is not None:
                name = "exact.tube" if exact.tubes.kind == "polyline" else "exact.affine"
                found |= {name: exact.tubes.points, "exact.delta": exact.tubes.delta}
        if self.smoothing is not None:
            view = certify_smoothing(encoder, latents, sample_ids, similarity, self.smoothing, seed)
            codes = [BOUND_STATUS.index(status) for status in view.status]
            found |= {
                "smoothing.centre": view.centre,
                "smoothing.radius": view.radius,
                "smoothing.status": torch.tensor(codes, dtype=torch.uint8),
                "smoothing.quantile": view.quantile,
                "smoothing.ball_radius": view.ball_radius,
                "smoothing.ball_count": view.ball_count,
            }
        if found:
            advance(len(sample_ids))
        return found
