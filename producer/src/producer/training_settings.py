"""Every choice of an encoder's training."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from producer.objective import ObjectiveSettings
from shared_spec.errors import SettingsError

__all__ = ["Method", "TrainingSettings"]

Method: TypeAlias = Literal["lassi", "augment", "naive"]


class TrainingSettings(ObjectiveSettings):
    """How the encoder is trained; the defaults are the paper's.

    Attributes:
        hidden: R's hidden widths; the demo uses (512, 256) with output_dim 128.
        output_dim: d.
        epochs: 5 with a target; the paper trains 20 for transfer.
        batch_size: individuals per step, at most; an epoch is cut into batches that differ by at most one.
        learning_rate: of Adam.
        decay: how the rate falls from the first step to the last; `none` is published. With `linear` the distances
            within similarity sets settle near zero, where the constant rate's last steps keep them apart.
        choose: `last` epoch, or the `best` by the objective on the validation data.
        device: a torch device.
    """

    hidden: tuple[int, ...] = (2048, 1024)
    output_dim: int = Field(default=512, ge=1)
    epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=500, ge=4)
    learning_rate: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    decay: Literal["none", "linear"] = "none"
    choose: Literal["last", "best"] = "last"
    device: str = "cpu"

    def for_method(self, method: Method) -> TrainingSettings:
        """These settings with the losses of a method: `naive` and `augment` classify only, `lassi` keeps its weights.

        Raises:
            SettingsError: `lassi` without an adversarial loss.
        """
        if method == "lassi":
            if self.lambda_2 == 0:
                raise SettingsError(
                    "lambda_2 is 0, which is not LASSI but Naive: give it a weight or choose that method"
                )
            return self.model_copy(update={"augmentation": 0})
        points = (self.augmentation or 10) if method == "augment" else 0
        return self.model_copy(update={"lambda_2": 0.0, "lambda_3": 0.0, "augmentation": points})
