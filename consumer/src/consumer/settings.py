"""What a consumer may choose; the defaults are the paper's but for the noise, which it chose per data set."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared_spec.artifacts.document import Width
from shared_spec.settings import Settings, setting
from shared_spec.terms import ClassWeights, HeadKind

__all__ = ["HeadSettings", "MethodSettings"]


class HeadSettings(Settings):
    """How the head is trained."""

    group: ClassVar[str] = "Training the head"

    head: HeadKind = setting(HeadKind.LINEAR, "Its architecture.")
    hidden: tuple[Width, ...] = setting(
        (64,), "Width of a hidden layer of an mlp head.", max_length=64
    )
    noise: Annotated[float, Field(ge=0)] | Literal["auto"] = setting(
        "auto", "sigma_rs, Gaussian noise on representations: a number, or chosen on validation data.",
        metavar="auto|SIGMA",
    )  # fmt: skip
    epochs: int = setting(1, "Passes over the training individuals.", ge=1, le=10**8)
    batch: int = setting(128, "Individuals per step.", ge=1, le=10**8)
    learning_rate: float = setting(1e-3, "Of Adam.", gt=0)
    class_weights: ClassWeights = setting(
        "none",
        "Weights of the loss per class; balanced makes up for rare ones, also where noise is chosen.",
    )


class MethodSettings(Settings):
    """How the head is certified."""

    group: ClassVar[str] = "Certifying the head"

    radius: Literal["auto", "closed-form", "crown", "randomized"] = setting(
        "auto", "How; randomized draws no more than it needs."
    )
    report_radius: bool = setting(
        False, "With --radius randomized: spend all --samples on everybody and report radii."
    )
