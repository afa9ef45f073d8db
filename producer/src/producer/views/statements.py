"""The settings and the plan of the smoothing view, which readers make again."""

from __future__ import annotations

from shared_spec.smoothing.settings import Plan, SmoothingSettings

__all__ = ["Plan", "SmoothingSettings"]
