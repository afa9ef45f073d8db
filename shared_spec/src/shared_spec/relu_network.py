"""The one function that is certified: affine layers with ReLUs between them, in float64, and how it rounds.

The producer's encoder (batch norm folded in) and the consumer's head are two uses of it; both views and all radii work
on this network and on nothing else (docs/guarantees.md, A.5 and D.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from shared_spec.rounding import INFLATION, LARGEST, UNDERFLOW, gamma

__all__ = ["ReluNetwork"]


@dataclass(frozen=True)
class ReluNetwork:
    """x -> W_L relu(... relu(W_1 x + b_1) ...) + b_L with L >= 1 layers, all float64.

    Attributes:
        weights: W_1 [h_1, q], ..., W_L [d, h_{L-1}].
        biases: b_1 [h_1], ..., b_L [d].
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        for tensor in (*self.weights, *self.biases):
            if tensor.dtype != torch.float64:
                raise TypeError(f"a certified network is float64, got {tensor.dtype}")

    @property
    def input_dim(self) -> int:
        """q, the dimension of the inputs."""
        return self.weights[0].shape[1]

    @property
    def output_dim(self) -> int:
        """d, the dimension of the outputs."""
        return self.weights[-1].shape[0]

    @property
    def depth(self) -> int:
        """L, the number of affine layers."""
        return len(self.weights)

    @property
    def device(self) -> torch.device:
        """Where it lies, and so where it computes."""
        return self.weights[0].device

    def to(self, device: torch.device) -> ReluNetwork:
        """The same network on a device; itself if it is there."""
        if device == self.device:
            return self
        weights, biases = ([t.to(device) for t in each] for each in (self.weights, self.biases))
        return ReluNetwork(tuple(weights), tuple(biases))

    @property
    def is_linear(self) -> bool:
        """Whether there is no hidden layer."""
        return self.depth == 1

    def __call__(self, inputs: Tensor) -> Tensor:
        """The outputs [..., d], where the network lies, for inputs [..., q] of any floating type, wherever they lie."""
        return self.tail(self.first_layer(inputs))

    def first_layer(self, inputs: Tensor) -> Tensor:
        """u0 = W_1 x + b_1 for inputs [..., q], shape [..., h_1]: computed once per individual."""
        return inputs.to(self.device, torch.float64) @ self.weights[0].T + self.biases[0]

    def directions(self, vectors: Tensor) -> Tensor:
        """U1 = W_1 a_i for vectors [k, q], shape [k, h_1]: computed once per model.

        W_1 (z + sum t_i a_i) + b_1 = u0 + t U1, so no point of S(x) ever goes through the first layer again.
        """
        return vectors.to(self.device, torch.float64) @ self.weights[0].T

    def tail(self, preactivation: Tensor) -> Tensor:
        """The rest after the first affine layer, for preactivations [..., h_1]; shape [..., d]."""
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            preactivation = preactivation.clamp_min(0.0) @ weight.T + bias
        return preactivation

    def preactivations(self, first: Tensor) -> list[Tensor]:
        """All preactivations p_1, ..., p_L (the last is the output) from p_1 [n, h_1]."""
        values = [first]
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            values.append(torch.addmm(bias, values[-1].clamp_min(0.0), weight.T))
        return values

    @cached_property
    def magnitudes(self) -> tuple[Tensor, ...]:
        """|W_2|^T, ..., |W_L|^T, contiguous."""
        return tuple(weight.abs().T.contiguous() for weight in self.weights[1:])

    def rounding(self, size: Tensor, error: Tensor, extra: int = 0) -> list[Tensor]:
        """Bounds on |float - real| of all preactivations p_1, ..., p_L, carried layer by layer (D.3).

        Relaxing a ReLU at most doubles the sum of the absolute values of its terms (|lambda p + mu| + mu <= 2 |p|),
        hence the factor 2 below: the bounds hold for evaluation and for every relaxation of it in these packages.
        They are +inf or NaN from the layer on where a sum of sizes leaves `LARGEST`: then nothing is known.

        Args:
            size: bound on the absolute values of p_1's terms, [n, h_1].
            error: what the inputs of p_1 already carry, [n, h_1].
            extra: terms beyond the layer widths that a caller adds up (directions, heads).
        """
        widths = [weight.shape[0] for weight in self.weights]
        terms = [4 * (total + extra + 16) for total in accumulate(widths)]
        total = 1.0 + size.sum(-1, keepdim=True)
        errors = [error + gamma(terms[0]) * size + _underflow(total)]
        for layer, magnitude in enumerate(self.magnitudes, start=1):
            size = 2.0 * size @ magnitude + self.biases[layer].abs()
            total = total + size.sum(-1, keepdim=True)
            carried = (errors[-1] @ magnitude + gamma(terms[layer]) * size) * INFLATION
            errors.append(carried + _underflow(total))
        return errors


def _underflow(total: Tensor) -> Tensor:
    """What underflow can cost where coefficients multiply quantities that add up to `total`."""
    return torch.where(total < LARGEST, UNDERFLOW * total, torch.inf)
