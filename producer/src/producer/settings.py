"""Every choice of the producer's verbs; the defaults are the paper's for CelebA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias, assert_never

from pydantic import field_validator

from producer.views.exact.settings import ExactSettings
from shared_spec.artifacts.document import Width
from shared_spec.errors import SettingsError
from shared_spec.settings import Settings, setting
from shared_spec.smoothing.settings import SmoothingSettings
from shared_spec.terms import ClassWeights, EncoderMethod

__all__ = [
    "PRESETS",
    "VIEW_SETTINGS",
    "AttackKind",
    "AuditSettings",
    "BoundSettings",
    "ExplainSettings",
    "ExportSettings",
    "ObjectiveSettings",
    "SearchSettings",
    "TrainingSettings",
]

AttackKind: TypeAlias = Literal["random", "grid"]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "demo": {"hidden": [512, 256], "dimension": 128, "lambda_2": 0.25, "batch": 256, "decay": "linear"},
    "paper": {"hidden": [2048, 1024], "dimension": 512, "lambda_2": 0.05, "batch": 500},
}  # fmt: skip
"""Sizes and counts by name."""

VIEW_SETTINGS: Mapping[str, Any] = {"smoothing": SmoothingSettings, "exact": ExactSettings}
"""The settings of the registered views, for options: known before a view, and with it torch, is loaded."""

_AUGMENTATION = 10
"""Of DataAug, as published."""


class ObjectiveSettings(Settings):
    """The weights of the three losses and how S(x) is searched."""

    group: ClassVar[str] = "Training the encoder"

    lambda_1: float = setting(1.0, "Weight of the classification loss (eq. 3).", ge=0)
    lambda_2: float = setting(0.05, "Weight of the adversarial loss (eq. 2).", ge=0)
    lambda_3: float = setting(
        0.0, "Weight of the reconstruction loss (eq. 4); 0.1 for transfer.", ge=0
    )
    attack: AttackKind = setting("random", "How the adversary searches S(x).")
    attack_points: int = setting(10, "Points that it tries per individual.", ge=1)
    augmentation: int = setting(
        0,
        "Random points of S(x) per individual in the classification loss, for the method augment; 0 means 10 there.",
        ge=0,
    )
    # That rounding is common to z and z', so the adversarial distances stay accurate; all else is float32.
    bf16: bool = setting(False, "Multiply the first layer in bfloat16, in training only.")


class TrainingSettings(ObjectiveSettings):
    """How the encoder is trained."""

    method: EncoderMethod = setting(
        EncoderMethod.LASSI,
        "lassi keeps similar individuals close; project forgets the attributes first, so that similar individuals "
        "coincide; augment and naive are the paper's baselines.",
    )
    forget: int = setting(
        0,
        "Along chains: how many directions R is kept from seeing, those in which similar individuals differ most "
        "compared with everybody; there the method project needs some.",
        ge=0,
    )
    encoder: Literal["mlp", "linear"] = setting(
        "mlp",
        "linear: principal components, a closed form without training or target; of the method project.",
    )
    hidden: tuple[Width, ...] = setting(
        (2048, 1024), "Width of a hidden layer of R.", max_length=64
    )
    dimension: int = setting(512, "d of the representations.", ge=1, le=2**24)
    epochs: int = setting(5, "Passes over the training individuals; 20 for transfer.", ge=1)
    batch: int = setting(
        500, "Individuals per step, at most; the batches differ by at most one.", ge=4
    )
    learning_rate: float = setting(1e-3, "Of Adam.", gt=0)
    # With `linear` the distances in similarity sets settle near zero; a constant rate's last steps keep them apart.
    decay: Literal["none", "linear"] = setting(
        "none", "How the learning rate falls; linear certifies more, none is published."
    )
    class_weights: ClassWeights = setting(
        "none", "Weights of the classification loss per class; balanced makes up for rare ones."
    )
    choose: Literal["last", "best"] = setting(
        "last", "Which epoch to keep; best is by the loss on validation data."
    )

    def resolved(self) -> TrainingSettings:
        """These settings with the losses of the method: all but LASSI only classify, and a closed form does nothing.

        Raises:
            SettingsError: LASSI without an adversarial loss, no loss at all, class weights without a classification
                loss, or augmentation, a closed form or directions to forget in a method without.
        """
        if self.augmentation and self.method != EncoderMethod.AUGMENT:
            raise SettingsError(
                f"`augmentation` is {self.augmentation}, but the `method` {self.method} has none: choose augment"
            )
        if self.forget and self.method == EncoderMethod.NAIVE:
            raise SettingsError(
                f"`forget` is {self.forget}, but the `method` naive forgets nothing: choose project"
            )
        linear = self.encoder == "linear"
        if linear and self.method != EncoderMethod.PROJECT:
            raise SettingsError(
                f"`encoder` is linear, but the `method` is {self.method}: only project has a closed form"
            )
        match self.method:
            case EncoderMethod.LASSI:
                if self.lambda_2 == 0:
                    raise SettingsError(
                        "`lambda_2` is 0, which is not LASSI but Naive: give it a weight or choose that `method`"
                    )
                changes: dict[str, Any] = {}
            case EncoderMethod.AUGMENT:
                points = self.augmentation or _AUGMENTATION
                changes = {"lambda_2": 0.0, "lambda_3": 0.0, "augmentation": points}
            case EncoderMethod.NAIVE:
                changes = {"lambda_2": 0.0, "lambda_3": 0.0}
            case EncoderMethod.PROJECT:
                changes = {"lambda_2": 0.0, "lambda_3": 0.0}
                if linear:
                    changes |= {"hidden": (), "lambda_1": 0.0}
            case _:
                assert_never(self.method)
        settings = self.model_copy(update=changes)
        if not (linear or settings.lambda_1 or settings.lambda_2 or settings.lambda_3):
            raise SettingsError(
                f"`lambda_1` is 0, and the `method` {self.method} has no other loss, so nothing would be learnt: give "
                "it a weight or choose another `method`"
            )
        if settings.class_weights == "balanced" and settings.lambda_1 == 0:
            raise SettingsError(
                "`class_weights` is balanced, but nothing is classified: give `lambda_1` a weight or leave them out"
            )
        return settings


class BoundSettings(Settings):
    """Whom to bound, and in which views."""

    group: ClassVar[str] = "The bundle"

    view: tuple[str, ...] = setting(("smoothing", "exact"), "View to bound in.", metavar="NAME")
    every: int = setting(1, "Bound every n-th individual.", ge=1, le=10**8)


class ExportSettings(BoundSettings):
    """What goes into a bundle."""

    share: tuple[str, ...] = setting(
        (), "Label column to share; the targets unless given.", metavar="NAME"
    )
    counterparts: tuple[str, ...] = setting(
        (),
        "Attribute whose true counterparts, if the data know them, go into the bundle; nothing is proved of them.",
        metavar="NAME",
    )
    shard_rows: int = setting(1024, "Individuals per shard.", ge=1, le=10**8)


class AuditSettings(Settings):
    """How much of a bundle an audit looks at."""

    group: ClassVar[str] = "The audit"

    sample: int = setting(
        300, "Individuals per split whose numbers are computed again; all of a smaller one.", ge=1
    )


class ExplainSettings(Settings):
    """What an explanation shows."""

    group: ClassVar[str] = "Picture"

    split: Literal["train", "valid", "test"] | None = setting(
        None, "Where the individual is; among the certificate's people unless given.", metavar="SPLIT"
    )  # fmt: skip
    points: int = setting(7, "Points per strip, odd: the individual is in the middle.", ge=3, le=31)


class SearchSettings(Settings):
    """What a search tries, and how it chooses."""

    group: ClassVar[str] = "The search"

    lambda_2: tuple[float, ...] = setting(
        (0.0, 0.05, 0.1, 0.25, 0.5), "Weight of the adversarial loss to try; 0 is Naive, or project with --forget.",
        min_length=1,
    )  # fmt: skip
    forget: tuple[int, ...] = setting(
        (0,), "Along chains: how many directions R is kept from seeing, to try.", min_length=1
    )
    noise: tuple[float, ...] = setting(
        (0.25, 1.0, 2.5, 5.0, 10.0), "Noise sigma_rs on representations to try.", min_length=1
    )
    give_up: float = setting(
        0.01, "Accuracy, of 1, that may be given up for certificates.", ge=0, le=1
    )

    @field_validator("lambda_2", "forget", "noise")
    @classmethod
    def _not_negative(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if any(value < 0 for value in values):
            raise ValueError("expected numbers of at least 0")
        return values
