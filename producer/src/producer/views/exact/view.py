"""The exact view as a type: its settings, its statement, and what of its bounds a bundle holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from producer.views.exact.batches import ExactBounds
from producer.views.exact.bounds import certify_chains, certify_exact
from producer.views.exact.settings import ExactSettings
from producer.views.view import View, ViewBounds
from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.chains import ChainSet, Similarity
from shared_spec.errors import SettingsError
from shared_spec.progress import Advance
from shared_spec.relu_network import ReluNetwork
from shared_spec.rounding import INFLATION, above, norm_above
from shared_spec.seeds import Seed
from shared_spec.similarity import SimilaritySet
from shared_spec.statements import words_of
from shared_spec.terms import BoundStatus, Statement, ViewName
from shared_spec.views import contract_of

__all__ = ["ExactView", "handed_over"]

_MOST_ATTRIBUTES = 8
"""The boxes that cover the ball of coefficients, and the corners of each, double with every attribute."""


class ExactView(View[ExactSettings]):
    """Statement X (docs/guarantees.md, A.5): deterministic, for every point of the similarity set."""

    contract = contract_of(ViewName.EXACT)
    settings_type = ExactSettings
    cost = 1

    def entry(self, similarity: Similarity, splits: Sequence[str]) -> ViewEntry:
        """What the manifest says.

        Raises:
            SettingsError: more attributes together than boxes can cover, or several with the method of one.
        """
        k = similarity.k if isinstance(similarity, SimilaritySet) else 1
        if k > _MOST_ATTRIBUTES:
            raise SettingsError(
                f"`view` names exact, which bounds at most {_MOST_ATTRIBUTES} attributes together, and the spec has "
                f"{k}: name smoothing alone, or ask for a spec of fewer"
            )
        if k > 1 and self.settings.exact_method == "polyline":
            raise SettingsError(
                f"`exact_method` is polyline, which is of one attribute, and the spec has {k}: leave it out"
            )
        return ViewEntry(
            statement=Statement.X,
            sentence=words_of(Statement.X).sentence,
            alpha={},
            settings=self.settings.model_dump(mode="json"),
            splits=tuple(splits),
        )

    def bound(
        self,
        encoder: ReluNetwork,
        latents: Tensor,
        sample_ids: Sequence[str],
        similarity: Similarity,
        seed: Seed,
        advance: Advance = lambda done, word: None,
    ) -> ViewBounds:
        """As `certify_exact`, handed over; nothing is drawn."""
        settings = self.settings
        if isinstance(similarity, ChainSet):
            bounds = certify_chains(encoder, latents, similarity.visits, settings, advance=advance)
            return _view_bounds(handed_over(bounds))
        bounds = certify_exact(
            encoder, latents, similarity.vectors, similarity.epsilon, tolerance=settings.tolerance,
            method=settings.exact_method, max_cells=settings.max_cells, tube_vertices=settings.tube_vertices,
            advance=advance,
        )  # fmt: skip
        return _view_bounds(handed_over(bounds))


def _view_bounds(found: ExactBounds) -> ViewBounds:
    further = {"lower_bound": found.lower_bound, "effort": found.effort}
    if found.tubes is not None:
        shape = "tube" if found.tubes.kind == "polyline" else "affine"
        further |= {shape: found.tubes.points, "delta": found.tubes.delta}
        if found.tubes.place is not None:
            further["place"] = found.tubes.place
    return ViewBounds(found.centre, found.radius, found.status, found.representation, further)


def handed_over(bound: ExactBounds) -> ExactBounds:
    """Bounds of real representations, widened to hold those that are evaluated and handed over as well.

    Guarantee, for every z' of the set: R(z') in the reals, in float64 and as the float32 form of that lies within the
    radius, and within delta of the tube (docs/guarantees.md, A.5). Whoever evaluates R(z') in float64 is off by
    `rounding` at most; float32 then moves it by 2^-24 of its norm, which centre and radius bound, and by 2^-150 per
    coordinate below float32's normal range. Whoever could be too large for float32 is UNDECIDED, and whoever's vertices
    could be off by more than a witness leaves room for (docs/guarantees.md, E.1).
    """
    size = norm_above(bound.centre.to(torch.float64)) + bound.radius + bound.rounding
    tiny = 2.0**-149 * bound.centre.shape[1]
    moved = (bound.rounding + 2.0**-24 * size + tiny) * INFLATION
    tubes = bound.tubes
    if tubes is not None:
        tubes = replace(tubes, delta=above((tubes.delta + moved) * INFLATION).clamp_max(UNBOUNDED))
    radius = above((bound.radius + moved) * INFLATION).clamp_max(UNBOUNDED)
    fits = (size + moved < torch.finfo(torch.float32).max) & (
        bound.rounding <= 2.0**-22 * (1.0 + size)
    )
    status = torch.where(fits, bound.status, BoundStatus.UNDECIDED).to(torch.uint8)
    return replace(bound, radius=radius, status=status, tubes=tubes)
