"""What the exact view knows of n individuals: bounded in batches where the encoder lies, joined on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from producer.views.exact.inputs import check_finite
from producer.views.exact.tubes import Tubes
from producer.views.network import Curves
from shared_spec.artifacts.bundle import UNBOUNDED
from shared_spec.device import to_host
from shared_spec.progress import Advance
from shared_spec.rounding import norm_above

__all__ = ["ExactBounds", "in_batches"]


@dataclass(frozen=True)
class ExactBounds:
    """Deterministic bounds for n individuals; statement X (docs/guarantees.md, A.5).

    Attributes:
        centre: [n, d] float32.
        radius: [n] float64, rounded up; at least max ||R(z + sum t_i a_i) - centre||_2 over ||t||_2 <= epsilon.
        status: [n] uint8 codes of `shared_spec.terms.BoundStatus`: BOUNDED, or UNDECIDED where the cap
            on the effort came before the tolerance (the radius holds all the same, but must certify nothing) or
            float64 overflows (then radius and delta are the largest float64).
        representation: R(z), [n, d] float32.
        lower_bound: [n] float64, rounded down; at most that maximum, which is attained somewhere above it.
        effort: [n] int64, points (k = 1) or cells (k > 1) evaluated.
        tubes: tubes, where they were asked for.
        rounding: [n] float64, how far R evaluated in float64 can be from R in the reals anywhere on the set.
    """

    centre: Tensor
    radius: Tensor
    status: Tensor
    representation: Tensor
    lower_bound: Tensor
    effort: Tensor
    tubes: Tubes | None
    rounding: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.float64))


def in_batches(
    latents: Tensor,
    size: int,
    bound: Callable[[Tensor], tuple[Curves, ExactBounds]],
    advance: Advance,
) -> ExactBounds:
    """Bounds at most `size` individuals at a time; `bound` also returns what they were bounded along.

    Raises:
        DataError: for latents that are not finite.
    """
    parts: list[ExactBounds] = []
    done = 0
    for batch in torch.split(latents, size):
        check_finite(batch.flatten(1), done)
        curves, found = bound(batch)
        parts.append(_on_host(replace(found, rounding=norm_above(curves.errors[-1]))))
        done += len(batch)
        advance(done, "")
    return _join(parts)


def _on_host(found: ExactBounds) -> ExactBounds:
    tubes = found.tubes
    return ExactBounds(
        centre=to_host(found.centre),
        radius=to_host(found.radius),
        status=to_host(found.status),
        representation=to_host(found.representation),
        lower_bound=to_host(found.lower_bound),
        effort=to_host(found.effort),
        rounding=to_host(found.rounding),
        tubes=None if tubes is None else tubes.on_host(),
    )


def _join(parts: list[ExactBounds]) -> ExactBounds:
    def joined(name: str) -> Tensor:
        return torch.cat([getattr(part, name) for part in parts])

    tubes = [part.tubes for part in parts if part.tubes is not None]
    places = [tube.place for tube in tubes if tube.place is not None]
    return ExactBounds(
        centre=joined("centre"),
        radius=joined("radius").clamp_max(UNBOUNDED),
        status=joined("status"),
        representation=joined("representation"),
        lower_bound=joined("lower_bound"),
        effort=joined("effort"),
        rounding=joined("rounding"),
        tubes=Tubes(
            tubes[0].kind,
            torch.cat([tube.points for tube in tubes]),
            torch.cat([tube.delta for tube in tubes]).clamp_max(UNBOUNDED),
            torch.cat(places) if places else None,
        )
        if tubes
        else None,
    )
