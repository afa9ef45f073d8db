"""The methods that find vectors, and what may be chosen of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from shared_spec.errors import SettingsError
from shared_spec.settings import Settings, setting
from shared_spec.terms import Similar

__all__ = ["DiscoverSettings", "VectorMethod", "VectorSettings"]

Unit = Literal["vector", "unit-vector"]


class VectorMethod(StrEnum):
    """One way to find vectors; `regulator.vectors.methods` says which function each is.

    Attributes:
        description: one line for the help.
        unit: what one unit of epsilon means: one times the vector, which has the method's own length or length 1.
        epsilon: the paper's.
        needs_attributes: whether the user names the attributes; else the method finds directions by itself.
        needs_target: whether a target must be named.
    """

    description: str
    unit: Unit
    epsilon: float
    needs_attributes: bool
    needs_target: bool

    def __new__(
        cls,
        value: str,
        description: str,
        unit: Unit,
        epsilon: float,
        needs_attributes: bool,
        needs_target: bool,
    ) -> VectorMethod:
        """A member of this name with its facts."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.description, member.unit, member.epsilon = description, unit, epsilon
        member.needs_attributes, member.needs_target = needs_attributes, needs_target
        return member

    MEAN_DIFFERENCE = (
        "mean-difference",
        "difference of the mean latents with and without the attribute (Kingma and Dhariwal)",
        *("vector", 1.0, True, False),
    )
    LINEAR_BOUNDARY = (
        "linear-boundary",
        "unit normal of a logistic classifier of the attribute on latents (Denton et al.)",
        *("unit-vector", 10.0, True, False),
    )
    RAMASWAMY = (
        "ramaswamy",
        "the attribute's normal made orthogonal to the target's (Ramaswamy et al.)",
        *("vector", 1.0, True, True),
    )
    DISCOVER = (
        "discover",
        "directions that change a biased classifier of the target, found without attribute labels (Li and Xu)",
        *("unit-vector", 10.0, False, True),
    )


_EDITS_EPSILON = 1.5
"""The mean images are half a difference from the middle; one and a half cover most of both groups (docs/meaning.md)."""


class VectorSettings(Settings):
    """How the vectors are found and how far one may move along them."""

    group: ClassVar[str] = "Vectors"

    similar: Similar = setting(
        Similar.VECTORS,
        "vectors: S(x) is a ball along attribute vectors; edits: chains of edited images of x, one per combination of "
        "attributes, whose edits are differences of mean images; counterparts: the images that the data set knows.",
    )
    method: VectorMethod = setting(
        VectorMethod.MEAN_DIFFERENCE,
        "; ".join(f"{method.value}: {method.description}" for method in VectorMethod) + ".",
    )
    target: str | None = setting(
        None,
        "Task column NAME or NAME:BEGIN:END, for the methods that look at one.",
        metavar="NAME",
    )
    adjust_for: tuple[str, ...] = setting(
        (),
        "Column in which those compared are to be alike, so that what goes with the attribute in the data stays out of "
        "edits and mean differences. Repeat for several; an attribute's own column is passed over.",
        metavar="NAME",
    )
    epsilon: float | None = setting(
        None,
        "Radius of the ball of coefficients, the paper's for the method unless given; of edits the largest |t|, 1.5.",
        gt=0,
    )
    images_per_chain: int = setting(
        4, "Of edits: images of a chain beside one's own, evenly from -epsilon to epsilon; even.", ge=2, le=100,
        multiple_of=2,
    )  # fmt: skip
    boundary_epochs: int = setting(
        3, "Passes over the latents per linear boundary, and per probe of a study.", ge=1
    )
    directions: int = setting(3, "Of the method discover: how many.", ge=1)
    iterations: int = setting(2000, "Of the method discover: steps per direction.", ge=1)

    @property
    def radius(self) -> float:
        """The epsilon that was chosen, or else the method's."""
        if self.epsilon is not None:
            return self.epsilon
        return self.method.epsilon if self.similar == Similar.VECTORS else _EDITS_EPSILON

    @property
    def moves(self) -> tuple[float, ...]:
        """Of edits: t of the images of a chain, ascending; 0, which is oneself, is none of them."""
        half = self.images_per_chain // 2
        return tuple(self.radius * i / half for i in range(-half, half + 1) if i)


@dataclass(frozen=True)
class DiscoverSettings:
    """How the method discover seeks a direction; the defaults are the paper's.

    Attributes:
        batch: individuals per step.
        step: half-length of the walk along the unit normal, in latent units; it visits -step, 0 and step.
        orthogonality: weight of the mean squared cosine to the known directions.
        learning_rate: of Adam.
    """

    batch: int = 4
    step: float = 5.0
    orthogonality: float = 10.0
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        if self.batch < 1 or not self.step > 0:
            raise SettingsError(
                f"discover: batch {self.batch}, step {self.step}: expected both to be positive"
            )
