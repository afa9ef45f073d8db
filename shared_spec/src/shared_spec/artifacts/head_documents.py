"""What is said of a head: its architecture, its classes, its noise, and how it was trained."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from shared_spec.artifacts.bundle_documents import unique
from shared_spec.artifacts.document import Count, Digest, Document, Name, Strict, Width
from shared_spec.terms import ClassWeights, HeadKind

__all__ = ["MOST_CLASSES", "HeadConfig", "HeadDocument", "HeadEntry", "HeadTraining"]

MOST_CLASSES = 1_000
"""A certificate compares every class with every other."""


class HeadConfig(Strict):
    """What fixes a head apart from its weights."""

    kind: HeadKind
    input_dim: Width
    hidden: tuple[Width, ...] = Field(default=(), max_length=64)
    """Widths of the hidden ReLU layers; empty for a linear head."""
    classes: Annotated[tuple[Name, ...], AfterValidator(unique)] = Field(
        min_length=2, max_length=MOST_CLASSES
    )
    """Names of the classes, in the order of the logits."""
    sigma_rs: float = Field(ge=0)
    """Standard deviation of the Gaussian noise per representation coordinate, in training and in smoothing."""

    @model_validator(mode="after")
    def _hidden_fits_the_kind(self) -> Self:
        if (self.kind == HeadKind.MLP) != bool(self.hidden):
            raise ValueError(
                f"hidden is {list(self.hidden)} for a {self.kind} head: expected widths for mlp, none for linear"
            )
        return self

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of all layers, input and logits included."""
        return (self.input_dim, *self.hidden, len(self.classes))


class HeadDocument(Document):
    """The document of head.safetensors."""

    media_type: Literal["application/vnd.lassi.head.v1+safetensors"] = (
        "application/vnd.lassi.head.v1+safetensors"
    )
    kind: HeadKind


class HeadTraining(Strict):
    """How a head was trained: a consumer's word, as its weights are all that is certified."""

    noise: float | Literal["auto"]
    """sigma_rs, or `auto` where it was chosen on the split `valid`."""
    epochs: Annotated[Count, Field(gt=0)]
    batch: Annotated[Count, Field(gt=0)]
    learning_rate: float = Field(gt=0)
    class_weights: ClassWeights
    training_individuals: Count


class HeadEntry(HeadConfig):
    """The consumer's classifier C; its weights are in head.safetensors."""

    digest: Digest | Literal[""] = ""
    """Set when the certificate is written."""
    settings: HeadTraining

    @model_validator(mode="after")
    def _trained_with_its_noise(self) -> Self:
        if self.settings.noise not in ("auto", self.sigma_rs):
            raise ValueError(f"noise is {self.settings.noise}, sigma_rs is {self.sigma_rs}")
        return self
