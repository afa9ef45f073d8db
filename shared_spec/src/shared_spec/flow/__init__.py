"""The flow G = (E, D): the Glow architecture, encode and decode; no training.

It stands in the contract because the producer evaluates the regulator's flow: weights mean nothing without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_spec.lazy import lazily

if TYPE_CHECKING:
    from shared_spec.flow.config import GlowConfig
    from shared_spec.flow.glow import Glow
    from shared_spec.flow.pixels import bits_per_dim, dequantise, preprocess, to_images

__all__ = ["Glow", "GlowConfig", "bits_per_dim", "dequantise", "preprocess", "to_images"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Glow": "shared_spec.flow.glow",
        "GlowConfig": "shared_spec.flow.config",
        "bits_per_dim": "shared_spec.flow.pixels",
        "dequantise": "shared_spec.flow.pixels",
        "preprocess": "shared_spec.flow.pixels",
        "to_images": "shared_spec.flow.pixels",
    },
)
