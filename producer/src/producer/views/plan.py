"""The plan of the smoothing view, which readers make again."""

from __future__ import annotations

from shared_spec.smoothing.plan import make_plan

__all__ = ["make_plan"]
