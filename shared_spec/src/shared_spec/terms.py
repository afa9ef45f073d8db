"""The words of the contract as types: what a status, a statement, a reason or a method may be.

Each is the string that artefacts store. Where code tells them apart it does so by an exhaustive `match`, so that a type
checker finds whoever forgot a new one.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Literal, TypeAlias

__all__ = [
    "BoundStatus",
    "ClassWeights",
    "EncoderMethod",
    "HeadKind",
    "RadiusMethod",
    "Reason",
    "Shown",
    "Similar",
    "Statement",
    "Status",
    "ViewName",
]


class ViewName(StrEnum):
    """The views of these packages; `shared_spec.views` says what each means to a reader."""

    SMOOTHING = "smoothing"
    EXACT = "exact"


class Statement(StrEnum):
    """What a view's radii support (docs/guarantees.md, A.3 to A.5); `shared_spec.statements` has the words."""

    X = "X"
    D = "D"
    I = "I"  # noqa: E741 - its name in the paper's vocabulary
    PAPER = "paper"


class BoundStatus(IntEnum):
    """Codes of a view's `status` tensor; only BOUNDED may certify, and so may no code that is not listed."""

    BOUNDED = 0
    ABSTAIN = 1
    UNDECIDED = 2


class Status(StrEnum):
    """What was decided about an individual."""

    CERTIFIED = "CERTIFIED"
    NOT_CERTIFIED = "NOT_CERTIFIED"
    ABSTAIN = "ABSTAIN"
    UNDECIDED = "UNDECIDED"


class Reason(StrEnum):
    """Why an individual is not certified; empty for one who is."""

    NONE = ""
    FAR = "d_cs >= d_rs"
    NOT_PROVED = "not proved"
    WITNESS = "somebody similar is decided otherwise"
    PRODUCER_ABSTAINED = "producer abstained"
    PRODUCER_UNDECIDED = "producer undecided"
    HEAD_ABSTAINED = "head abstained"
    HEAD_UNDECIDED = "head undecided within its samples"


class EncoderMethod(StrEnum):
    """How an encoder was trained."""

    LASSI = "lassi"
    AUGMENT = "augment"
    NAIVE = "naive"
    PROJECT = "project"


class Similar(StrEnum):
    """What the similar people of somebody are found along: attribute vectors, or chains of images.

    The images are edits of the individual's own, or the counterparts that the data set itself knows.
    """

    VECTORS = "vectors"
    EDITS = "edits"
    COUNTERPARTS = "counterparts"


class Shown(StrEnum):
    """Why pictures of a data set's individuals may be shown to anybody."""

    DRAWN = "drawn"
    RENDERED = "rendered"
    LICENSED = "licensed"


class HeadKind(StrEnum):
    """The architecture of a head."""

    LINEAR = "linear"
    MLP = "mlp"


class RadiusMethod(StrEnum):
    """How a head is certified."""

    CLOSED_FORM = "closed-form"
    CROWN = "crown"
    SEQUENTIAL = "sequential"
    RANDOMIZED = "randomized"

    @property
    def sampled(self) -> bool:
        """Whether it certifies the smoothed head, by samples; the others certify the head itself, for certain."""
        return self in (RadiusMethod.SEQUENTIAL, RadiusMethod.RANDOMIZED)


ClassWeights: TypeAlias = Literal["none", "balanced"]
"""How classes count in a loss: by how many they are, or all alike."""
