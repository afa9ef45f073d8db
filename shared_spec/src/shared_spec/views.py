"""What a view means to whoever reads a bundle: which model it certifies and where that model decides.

A producer registers how to compute a view (`producer.views`); a reader needs no more than what stands here. A view that
is in neither registry is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared_spec.errors import SettingsError
from shared_spec.terms import ViewName

__all__ = ["VIEWS", "ViewContract", "contract_of", "register_view"]


@dataclass(frozen=True)
class ViewContract:
    """A reader's side of a view.

    Attributes:
        name: as artefacts store it.
        encoder: symbol of the encoder that is certified, in the name of the certified model.
        decides_at_centre: whether the certified model decides at the centre of the ball, or at R(z).
        tensors: names of the tensors, beside centre, radius and status, that a shard may hold for it.
    """

    name: str
    encoder: str
    decides_at_centre: bool
    tensors: frozenset[str]

    def model(self, smoothed_head: bool) -> str:
        """The name of the certified model.

        >>> contract_of("smoothing").model(smoothed_head=False)
        'C∘R̂∘E'
        """
        return f"{'Ĉ' if smoothed_head else 'C'}∘{self.encoder}∘E"


VIEWS: dict[str, ViewContract] = {}
"""All views that can be read, by name."""


def register_view(contract: ViewContract) -> ViewContract:
    """Makes a view readable. Raises SettingsError if another one has its name."""
    if VIEWS.setdefault(contract.name, contract) != contract:
        raise SettingsError(f"view {contract.name!r} is registered already; give it another name")
    return contract


def contract_of(name: str) -> ViewContract:
    """The view of this name. Raises SettingsError naming those that there are."""
    if name not in VIEWS:
        raise SettingsError(f"no view {name!r}; expected one of {', '.join(VIEWS)}")
    return VIEWS[name]


register_view(
    ViewContract(
        ViewName.SMOOTHING, "R̂", True, frozenset({"quantile", "ball_radius", "ball_count"})
    )
)
register_view(
    ViewContract(
        ViewName.EXACT, "R", False, frozenset({"lower_bound", "effort", "tube", "affine", "delta"})
    )
)
