"""What a view is: one way of bounding the representations of similarity sets, with its settings and its statement.

A view is registered in `producer.views.registry`, and its reader's side in `shared_spec.views`; fit, export, certify,
verify and the report then know it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Self, TypeVar

from torch import Tensor

from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.chains import Similarity
from shared_spec.progress import Advance
from shared_spec.relu_network import ReluNetwork
from shared_spec.seeds import Seed
from shared_spec.settings import Settings, resolve
from shared_spec.views import ViewContract

__all__ = ["View", "ViewBounds"]

SettingsType = TypeVar("SettingsType", bound=Settings)


@dataclass(frozen=True)
class ViewBounds:
    """Bounds for n individuals; what they guarantee is said by the view's statement.

    Attributes:
        centre: [n, d] float32.
        radius: [n] float64, rounded up; the largest finite float64 where there is no bound.
        status: [n] uint8 codes of `shared_spec.terms.BoundStatus`.
        representation: R(z), [n, d] float32, of a view that evaluates it anyway.
        further: by name, what else the view's contract lets a shard hold.
    """

    centre: Tensor
    radius: Tensor
    status: Tensor
    representation: Tensor | None = None
    further: Mapping[str, Tensor] = field(default_factory=dict)

    def tensors(self, view: str) -> dict[str, Tensor]:
        """The tensors that a shard holds of this view."""
        found = {"centre": self.centre, "radius": self.radius, "status": self.status}
        return {f"{view}.{name}": tensor for name, tensor in {**found, **self.further}.items()}


class View(ABC, Generic[SettingsType]):
    """One way of bounding, with its settings.

    Attributes:
        contract: what readers know of it.
        settings_type: the model of its settings, all of which have defaults.
        cost: of one individual, relative to other views.
    """

    contract: ClassVar[ViewContract]
    settings_type: ClassVar[type[Settings]]
    cost: ClassVar[int]

    def __init__(self, settings: SettingsType) -> None:
        self.settings = settings

    @property
    def name(self) -> str:
        """As artefacts store it."""
        return self.contract.name

    @classmethod
    def stated(cls, entry: ViewEntry) -> Self:
        """The view with the settings that a manifest states. Raises SettingsError if they are none."""
        return cls(resolve(cls.settings_type, entry.settings))  # type: ignore[arg-type]

    @abstractmethod
    def entry(self, similarity: Similarity, splits: Sequence[str]) -> ViewEntry:
        """What the manifest says of bounds on these splits.

        Raises:
            SettingsError: for settings that could only abstain.
        """

    @abstractmethod
    def bound(
        self,
        encoder: ReluNetwork,
        latents: Tensor,
        sample_ids: Sequence[str],
        similarity: Similarity,
        seed: Seed,
        advance: Advance = lambda done, word: None,
    ) -> ViewBounds:
        """Bounds the representations of each individual's similarity set.

        An individual's bounds do not depend on who else is asked for, but for rounding. They are computed where the
        encoder lies, and returned on the host.

        Args:
            encoder: R.
            latents: z, [n, q] of any floating type, on the host; along chains [n, 1 + v, q].
            sample_ids: n different ids.
            similarity: S(x).
            seed: of whatever is drawn; never try several until the result pleases.
            advance: told how many of the n individuals are done.

        Raises:
            SettingsError: for settings that could only abstain.
            DataError: for latents that are not finite or of another dimension.
        """
