"""What a head decides along a film strip, and where it changes its mind.

R and C are affine layers with ReLUs between them, so along a segment of latents the logits are piecewise linear. A
piece ends where a preactivation is 0, and on a piece the decision changes where two logits meet. Both are computed, so
no change is missed but one that rounding hides.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shared_spec.frozen_head import FrozenHead
from shared_spec.relu_network import ReluNetwork
from shared_spec.strips import Strip

__all__ = ["DecidedStrip", "decide_along"]


@dataclass(frozen=True)
class DecidedStrip:
    """A film strip with decisions.

    Attributes:
        strip: the points and their pictures.
        at_pictures: class codes at the pictures [m].
        spans: where one decision holds, from the first picture to the last: begin and end, in pictures from the first,
            and class code.
    """

    strip: Strip
    at_pictures: npt.NDArray[np.int64]
    spans: tuple[tuple[float, float, int], ...]

    @property
    def own(self) -> int:
        """What is decided of the individual."""
        return int(self.at_pictures[self.strip.own])

    @property
    def flips(self) -> list[float]:
        """Where the decision changes, in pictures from the first."""
        return [begin for begin, _, _ in self.spans[1:]]

    def t_at(self, place: float) -> float:
        """The coefficient, or along counterparts the place in the chain, at a place in pictures from the first."""
        return float(np.interp(place, np.arange(len(self.strip.t)), self.strip.t))


def decide_along(strip: Strip, encoder: ReluNetwork, head: FrozenHead) -> DecidedStrip:
    """Decides every point of a strip as a certificate does.

    Representations are computed in float64 and handed over in float32; the head decides in float64
    (docs/guarantees.md, A.5). Where the decision changes is exact up to that rounding.

    Args:
        strip: along which.
        encoder: R.
        head: C.
    """
    first = encoder.first_layer(strip.latents)
    starts = [
        index + _changes(encoder, head, first[index : index + 2]) for index in range(len(first) - 1)
    ]
    cuts = torch.unique(torch.cat([*starts, torch.tensor([len(first) - 1.0], dtype=torch.float64)]))
    middle = torch.lerp(cuts[:-1], cuts[1:], 0.5)
    before = middle.floor().to(torch.int64)
    between = torch.lerp(first[before], first[before + 1], (middle - before).unsqueeze(1))
    return DecidedStrip(
        strip,
        _decide(encoder, head, first).numpy(),
        _spans(cuts.tolist(), _decide(encoder, head, between).tolist()),
    )


def _decide(encoder: ReluNetwork, head: FrozenHead, first: Tensor) -> Tensor:
    """Class codes where the encoder's first preactivations are these [n, h_1]."""
    return head.predict(encoder.tail(first).to(torch.float32).to(torch.float64))


def _spans(cuts: list[float], codes: list[int]) -> tuple[tuple[float, float, int], ...]:
    """Neighbours with one code together."""
    spans: list[tuple[float, float, int]] = []
    for (begin, end), code in zip(pairwise(cuts), codes, strict=True):
        if spans and spans[-1][2] == code:
            begin = spans.pop()[0]
        spans.append((begin, end, code))
    return tuple(spans)


def _changes(encoder: ReluNetwork, head: FrozenHead, ends: Tensor) -> Tensor:
    """0, and the places in (0, 1] at which the decision may become another, from a segment's first preactivations."""
    tau = torch.tensor([0.0, 1.0], dtype=torch.float64)
    tau, representations = _through(encoder, tau, ends)
    tau, logits = _through(head, tau, head.first_layer(representations))
    found = [tau[:1]]
    winner = logits.argmax(1)
    # Who wins at both ends of a piece wins on all of it: everything is linear there.
    for piece in torch.nonzero(winner[:-1] != winner[1:]).flatten().tolist():
        gaps = logits[piece : piece + 2].unsqueeze(2) - logits[piece : piece + 2].unsqueeze(1)
        at, _ = _cut_at_zeros(tau[piece : piece + 2], gaps.flatten(1))
        found.append(at[1:])
    return torch.cat(found)


def _through(network: ReluNetwork, tau: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Cuts a segment where it is not linear yet.

    Args:
        network: from its first affine layer on.
        tau: ascending places [p], between which the first preactivations are linear.
        values: those preactivations [p, h_1].

    Returns:
        More places, between which the outputs are linear, and the outputs.
    """
    for weight, bias in zip(network.weights[1:], network.biases[1:], strict=True):
        tau, values = _cut_at_zeros(tau, values)
        values = values.clamp_min(0.0) @ weight.T + bias
    return tau, values


def _cut_at_zeros(tau: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """These places [p] and values [p, h], and those between them where one of the values is 0."""
    left, right = values[:-1], values[1:]
    piece, unit = torch.nonzero((left < 0.0) != (right < 0.0), as_tuple=True)
    start, end = left[piece, unit], right[piece, unit]
    share = start / (start - end)
    between = torch.lerp(left[piece], right[piece], share.unsqueeze(1))
    tau = torch.cat([tau, torch.lerp(tau[piece], tau[piece + 1], share)])
    order = tau.argsort()
    return tau[order], torch.cat([values, between])[order]
