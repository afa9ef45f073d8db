"""Every choice of a flow and its training, with the sizes that are ready to use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from shared_spec.errors import SettingsError
from shared_spec.flow.config import GlowConfig
from shared_spec.settings import Settings, resolve, setting

__all__ = ["FLOW_PRESETS", "FlowSettings", "FlowTrainingSettings", "learning_rate"]


class FlowTrainingSettings(Settings):
    """How a flow is trained. Two runs with equal settings, seed, data and threads are equal bit for bit on one CPU."""

    group: ClassVar[str] = "Training of the flow"

    steps: int = setting(..., "Steps of the optimiser in all.", gt=0)
    batch: int = setting(64, "Images per step, over all processes.", gt=0)
    micro_batch: int | None = setting(
        None,
        "Images that a process takes at a time: fewer need less memory and give the same gradient. "
        "All of its share unless given.",
        gt=0,
    )
    learning_rate: float = setting(1e-3, "Of Adam, after warm-up.", gt=0)
    warmup: int = setting(100, "Steps over which the rate rises linearly from zero.", ge=0)
    decay: Literal["none", "linear", "cosine"] = setting(
        "linear", "How the rate falls from the end of warm-up to the last step."
    )
    clip: float = setting(1.0, "Largest l2 norm of the gradient of bits per dimension.", gt=0)
    ema: float = setting(
        0.99,
        "Decay of the moving average of the weights, which is measured and kept; 0 keeps the weights.",
        ge=0,
        lt=1,
    )
    flips: bool = setting(False, "Mirror every training image with probability 1/2.")
    bf16: bool = setting(
        False,
        "bfloat16 in the coupling networks, in training only, and only where the processor multiplies it.",
    )
    recompute: bool = setting(
        False, "Activations once more in the backward pass: less memory, about a third more time."
    )
    evaluate_every: int = setting(
        500, "Steps between measurements on held-out images, and checkpoints.", gt=0
    )
    held_out: int = setting(512, "Images of the split valid that are measured, at most.", gt=0)
    initial_images: int = setting(256, "Images on which ActNorm is initialised.", gt=0)


def learning_rate(settings: FlowTrainingSettings, step: int) -> float:
    """Adam's rate at `step`, counted from 0: warm-up, then decay to zero after the last step."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    if settings.decay == "none":
        return settings.learning_rate
    left = (settings.steps - step) / max(settings.steps - settings.warmup, 1)
    if settings.decay == "cosine":
        left = 0.5 - 0.5 * math.cos(math.pi * left)
    return settings.learning_rate * left


FLOW_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "demo": {
        **{"size": 32, "blocks": 3, "flows": 8, "hidden": 64},
        **{"steps": 1100, "batch": 32, "learning_rate": 4e-3, "bf16": True},
    },
    "fairface": {
        **{"size": 32, "blocks": 3, "flows": 8, "hidden": 128},
        **{"steps": 2800, "batch": 32, "learning_rate": 3e-3, "bf16": True},
    },
    "fairface-64": {
        **{"size": 64, "blocks": 4, "flows": 8, "hidden": 64},
        **{"steps": 3600, "batch": 16, "learning_rate": 3e-3, "bf16": True},
    },
    "paper": {
        **{"size": 64, "blocks": 4, "flows": 32, "hidden": 512},
        **{"steps": 200_000, "batch": 16, "learning_rate": 1e-4, "warmup": 1000, "decay": "none"},
        **{"ema": 0.999, "evaluate_every": 2000, "recompute": True},
    },
    "paper-128": {
        **{"size": 128, "blocks": 5, "flows": 32, "hidden": 512},
        **{"steps": 200_000, "batch": 16, "learning_rate": 1e-4, "warmup": 1000, "decay": "none"},
        **{"ema": 0.999, "evaluate_every": 2000, "recompute": True, "micro_batch": 4},
    },
}
"""Architecture and training by field name: the demo, photographs at 32 and at 64 pixels, an hour of 2 cores each, and
the paper's two sizes."""


@dataclass(frozen=True)
class FlowSettings:
    """What fixes a flow, together with its data and a seed."""

    architecture: GlowConfig
    training: FlowTrainingSettings

    @classmethod
    def preset(cls, name: str = "demo", **changes: Any) -> FlowSettings:  # noqa: ANN401 - of the field's type
        """The preset of this name with some fields changed, as in `FlowSettings.preset("demo", steps=200)`.

        Raises:
            SettingsError: the preset or a field is unknown, or a value is impossible.
        """
        if name not in FLOW_PRESETS:
            raise SettingsError(
                f"no flow preset {name!r}; expected one of {', '.join(FLOW_PRESETS)}"
            )
        values = {**FLOW_PRESETS[name], **changes}
        shape = {key: values.pop(key) for key in GlowConfig.model_fields if key in values}
        return cls(resolve(GlowConfig, shape), resolve(FlowTrainingSettings, values))
