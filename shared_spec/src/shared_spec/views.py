"""What a view means to whoever reads a bundle: which model it certifies, where that model decides, and what must agree.

A producer registers how to compute a view (`producer.views`); a reader needs no more than what stands here. A view that
is in neither registry is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from shared_spec.errors import SettingsError
from shared_spec.terms import ViewName
from shared_spec.view_plans import exact_entry, smoothing_entry

if TYPE_CHECKING:
    from torch import Tensor

    from shared_spec.artifacts.bundle_documents import ViewEntry

__all__ = ["VIEWS", "TensorForm", "ViewContract", "contract_of", "is_of_view", "register_view"]

EntryCheck: TypeAlias = "Callable[[ViewEntry, float], str | None]"
"""Of what the manifest says of a view and epsilon: what does not follow, in words, or None."""

ShardCheck: TypeAlias = "Callable[[ViewEntry, Mapping[str, Tensor]], Iterator[tuple[str, Tensor]]]"
"""Of that and a shard's tensors, `representation` and those of the view by their short names: what may contradict
itself, in words, and whether it does [n] bool."""


@dataclass(frozen=True)
class TensorForm:
    """Shape and type of a shard's tensor.

    Attributes:
        dims: `n` individuals, `d` the dimension of representations, `1+k` with k attributes, `m` any number >= 1.
        dtype: by its safetensors name.
        required: whether every shard of the view has it.
    """

    dims: tuple[str, ...]
    dtype: str
    required: bool = True


_BALL = {
    "centre": TensorForm(("n", "d"), "F32"),
    "radius": TensorForm(("n",), "F64"),
    "status": TensorForm(("n",), "U8"),
}


@dataclass(frozen=True)
class ViewContract:
    """A reader's side of a view.

    Attributes:
        name: as artefacts store it.
        encoder: symbol of the encoder that is certified, in the name of the certified model.
        decides_at_centre: whether the certified model decides at the centre of the ball, or at R(z).
        further: by name, the tensors that a shard holds for it beside centre, radius and status.
        check_entry: see there.
        check_shard: see there.
    """

    name: str
    encoder: str
    decides_at_centre: bool
    further: Mapping[str, TensorForm]
    check_entry: EntryCheck = field(default=lambda entry, epsilon: None)
    check_shard: ShardCheck = field(default=lambda entry, tensors: iter(()))

    @property
    def tensors(self) -> dict[str, TensorForm]:
        """All tensors of a shard for this view, by name."""
        return _BALL | dict(self.further)

    def model(self, smoothed_head: bool) -> str:
        """The name of the certified model.

        >>> contract_of("smoothing").model(smoothed_head=False)
        'C∘R̂∘E'
        """
        return f"{'Ĉ' if smoothed_head else 'C'}∘{self.encoder}∘E"


def _smoothing_shard(
    entry: ViewEntry, tensors: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    from shared_spec.view_checks import smoothing_shard  # needs torch, which no document does

    return smoothing_shard(entry, tensors)


def _exact_shard(entry: ViewEntry, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    from shared_spec.view_checks import exact_shard  # as above

    return exact_shard(entry, tensors)


VIEWS: dict[str, ViewContract] = {}
"""All views that can be read, by name."""


def register_view(contract: ViewContract) -> ViewContract:
    """Makes a view readable. Raises SettingsError if another one has its name."""
    if VIEWS.setdefault(contract.name, contract) != contract:
        raise SettingsError(f"view {contract.name!r} is registered already; give it another name")
    return contract


def is_of_view(tensor: str, view: str) -> bool:
    """Whether a view speaks of a shard's tensor of this name: a representation, or one of its own."""
    return tensor == "representation" or tensor.startswith(f"{view}.")


def contract_of(name: str) -> ViewContract:
    """The view of this name. Raises SettingsError naming those that there are."""
    if name not in VIEWS:
        raise SettingsError(f"no view {name!r}; expected one of {', '.join(VIEWS)}")
    return VIEWS[name]


register_view(
    ViewContract(
        name=ViewName.SMOOTHING,
        encoder="R̂",
        decides_at_centre=True,
        further={
            "quantile": TensorForm(("n",), "F64"),
            "ball_radius": TensorForm(("n",), "F64"),
            "ball_count": TensorForm(("n",), "I64"),
        },
        check_entry=smoothing_entry,
        check_shard=_smoothing_shard,
    )
)
register_view(
    ViewContract(
        name=ViewName.EXACT,
        encoder="R",
        decides_at_centre=False,
        further={
            "lower_bound": TensorForm(("n",), "F64"),
            "effort": TensorForm(("n",), "I64"),
            "tube": TensorForm(("n", "m", "d"), "F32", required=False),
            "affine": TensorForm(("n", "1+k", "d"), "F32", required=False),
            "delta": TensorForm(("n",), "F64", required=False),
            "place": TensorForm(("n", "m"), "F64", required=False),
        },
        check_entry=exact_entry,
        check_shard=_exact_shard,
    )
)
