"""The data producer: learns representations in which similar individuals lie provably close together."""

from __future__ import annotations

from producer.model import load_encoder

__all__ = ["load_encoder"]
