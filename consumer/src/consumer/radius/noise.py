"""Logits of a head under Gaussian noise, with the noise drawn where it matters: after the first layer.

The head sees noise n ~ N(0, sigma^2 I_d) only through W_1 n ~ N(0, sigma^2 W_1 W_1^T), whose rank is at most the
width h of the first layer. With W_1^T = Q R, W_1 n and sigma R^T g, g ~ N(0, I), have the same law, so min(h, d)
numbers per sample suffice instead of d (docs/guarantees.md, C.5). Everything is float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared_spec.errors import SettingsError
from shared_spec.frozen_head import FrozenHead
from shared_spec.rounding import INFLATION

__all__ = ["LARGEST_NORMAL", "NoisyHead", "Streams"]

LARGEST_NORMAL = 14.0
"""What no draw exceeds: the ziggurat behind `standard_normal` reaches 13.71, as its tail is 3.65 - log(U) / 3.65 with
U >= 2^-53. A normal number does with probability below 2e-44."""

Streams = Sequence[np.random.Generator]
"""One generator per individual, keyed by its sample id, so that no batch size or order changes a draw."""


class NoisyHead:
    """The head C at r + N(0, sigma_rs^2 I): the law behind the smoothed head.

    Args:
        head: the base head C.
        sigma: sigma_rs, standard deviation per coordinate of the representation.

    Raises:
        SettingsError: sigma is not positive and finite.
    """

    def __init__(self, head: FrozenHead, sigma: float) -> None:
        if not 0.0 < sigma < float("inf"):
            raise SettingsError(
                f"sigma_rs is {sigma!r}: randomized smoothing needs a positive standard deviation"
            )
        self.head = head
        self.sigma = sigma
        triangle = torch.linalg.qr(head.weights[0].T, mode="r").R
        self._factor = sigma * triangle
        self.noise_dim = triangle.shape[0]

    def _logits(self, points: Tensor, samples: int, streams: Streams) -> Tensor:
        """Logits [n, samples, classes] at points [n, d], `samples` draws from each individual's own stream."""
        noise = np.empty((len(streams), samples, self.noise_dim))
        for row, stream in enumerate(streams):
            stream.standard_normal(out=noise[row])
        base = points.to(torch.float64) @ self.head.weights[0].T + self.head.biases[0]
        return self.head.tail(base[:, None] + torch.from_numpy(noise) @ self._factor)

    def wins(
        self, points: Tensor, classes: Tensor, samples: int, streams: Streams
    ) -> NDArray[np.bool_]:
        """Whether `classes` [n] is the strict winner of each noisy sample; [n, samples] bool, in the order drawn.

        Ties, wins by less than the rounding of the logits, and logits that are not finite count as lost, which can
        only lower the probability that is certified.
        """
        logits = self._logits(points, samples, streams)
        index = classes[:, None, None].expand(-1, samples, 1)
        rival = logits.scatter(-1, index, -torch.inf).amax(-1)
        lead = logits.gather(-1, index)[..., 0] - rival
        won = lead > self._rounding(points)[:, None]
        return np.asarray(won.numpy(), dtype=np.bool_)

    def _rounding(self, points: Tensor) -> Tensor:
        """Bound [n] on the rounding of a difference of two logits, whatever noise is drawn."""
        weight, bias = self.head.weights[0], self.head.biases[0]
        noise = LARGEST_NORMAL * self._factor.abs().sum(0)
        size = points.to(torch.float64).abs() @ weight.abs().T + bias.abs() + noise
        terms = self.head.input_dim + self.noise_dim
        errors = self.head.rounding(size * INFLATION, torch.zeros_like(size), extra=terms)
        return 2.0 * errors[-1].amax(1)

    def votes(self, points: Tensor, samples: int, streams: Streams) -> Tensor:
        """How many of the noisy samples each class wins, [n, classes] int64; logits that are not finite do not vote."""
        logits = self._logits(points, samples, streams)
        valid = torch.isfinite(logits).all(-1)
        winners = torch.nn.functional.one_hot(logits.argmax(-1), self.head.classes)
        return (winners * valid[..., None]).sum(1)
