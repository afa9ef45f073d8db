"""The settings of the exact view."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import field_validator

from shared_spec.settings import Settings, setting

__all__ = ["ExactSettings"]


class ExactSettings(Settings):
    """Settings of the exact view; `producer.views.exact.bounds.certify_exact` says what they do."""

    group: ClassVar[str] = "Exact view"

    tolerance: float = setting(
        0.02, "How far a radius may be above what is attained, relatively.", gt=0
    )
    exact_method: Literal["grid", "polyline"] = setting(
        "grid",
        "For one attribute: start from a grid (fast) or from all breakpoints (exact up to rounding).",
    )
    max_cells: int = setting(20_000, "Effort per individual, past which it is UNDECIDED.", ge=1)
    tube_vertices: int = setting(
        0,
        "Export tubes of so many vertices too, of all chains together. A tube reveals the direction of the attribute.",
        ge=0,
    )

    @field_validator("tube_vertices")
    @classmethod
    def _no_lone_vertex(cls, vertices: int) -> int:
        if vertices == 1:
            raise ValueError("expected 0 (no tube) or at least 2")
        return vertices
