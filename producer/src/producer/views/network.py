"""The encoder along a similarity set, with all that its certificates need to know about it in advance.

z + sum t_i a_i reaches the first ReLU as u0 + tau V with tau = t / epsilon in the unit ball and V_i = epsilon W_1 a_i,
so the latent space never appears again. Each preactivation carries a bound on how far floats may be from the reals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from shared_spec.errors import ArtifactError
from shared_spec.relu_network import ReluNetwork
from shared_spec.rounding import INFLATION, UNIT, gamma

__all__ = ["BoundedNetwork", "Rays"]


@dataclass(frozen=True)
class Rays:
    """n similarity sets as the first ReLU sees them: p_1(tau) = offset + tau @ slopes, ||tau||_2 <= 1.

    Attributes:
        offset: u0 = W_1 z + b_1, [n, h_1] float64.
        slopes: V = epsilon W_1 a_i, [k, h_1] float64, shared by all individuals.
        errors: per layer l = 1..L a bound on |float - real| of its preactivations, [n, h_l], valid for every tau in
            the cube [-1, 1]^k and for every way of evaluating it that this package uses (docs/guarantees.md, D.3).
    """

    offset: Tensor
    slopes: Tensor
    errors: tuple[Tensor, ...]

    def first(self, tau: Tensor) -> Tensor:
        """p_1 at parameters tau [..., p, k] of individuals [...], shape [n, p, h_1]."""
        return self.offset.unsqueeze(-2) + tau @ self.slopes

    def individual(self, index: int) -> Rays:
        """The set of one individual, still with a leading axis of length 1."""
        pick = slice(index, index + 1)
        return Rays(self.offset[pick], self.slopes, tuple(error[pick] for error in self.errors))


@dataclass(frozen=True)
class BoundedNetwork:
    """A folded encoder with the absolute values and norms of its weights, computed once per model.

    Attributes:
        encoder: the certified network.
        vectors: the attribute vectors a_i, [k, q] float64.
        epsilon: radius of the similarity set.
        slopes: V = epsilon W_1 a_i, [k, h_1].
        row_norms: upper bounds on the l2 norms of the rows of W_1, [h_1].
    """

    encoder: ReluNetwork
    vectors: Tensor
    epsilon: float
    slopes: Tensor
    row_norms: Tensor

    @classmethod
    def of(cls, encoder: ReluNetwork, vectors: Tensor, epsilon: float) -> BoundedNetwork:
        """Prepares the encoder for vectors [k, q]. Raises ArtifactError if anything is not finite."""
        for name, tensors in (("weight", encoder.weights), ("bias", encoder.biases)):
            _require_finite(name, tensors)
        _require_finite("attribute vector", tuple(vectors))
        return cls(
            encoder=encoder,
            vectors=vectors.to(torch.float64),
            epsilon=float(epsilon),
            slopes=encoder.directions(vectors) * float(epsilon),
            row_norms=torch.linalg.vector_norm(encoder.weights[0], dim=1) * INFLATION,
        )

    @cached_property
    def spectral(self) -> float:
        """Upper bound on ||W_L||_2."""
        last = self.encoder.weights[-1]
        largest = torch.linalg.eigvalsh(last @ last.T)[-1].clamp_min(0.0)
        return float(largest.sqrt()) * (1.0 + 1e-9)

    def rays(self, latents: Tensor) -> Rays:
        """The similarity sets of latents [n, q]."""
        offset = self.encoder.first_layer(latents)
        return Rays(offset, self.slopes, tuple(self._errors(latents, offset)))

    def output_error(self, latents: Tensor, offset: Tensor) -> Tensor:
        """Upper bounds [n] on ||float - real||_2 of the representations at any tau; latents [n, q], offset [n, h_1]."""
        norms: Tensor = torch.linalg.vector_norm(self._errors(latents, offset)[-1], dim=1)
        return norms * INFLATION

    def _errors(self, latents: Tensor, offset: Tensor) -> list[Tensor]:
        """Rounding bounds per layer over the cube of parameters."""
        encoder = self.encoder
        length = torch.linalg.vector_norm(latents.to(torch.float64), dim=1, keepdim=True)
        reach = self.epsilon * float(torch.linalg.vector_norm(self.vectors, dim=1).sum())
        size = offset.abs() + self.slopes.abs().sum(0)
        error = gamma(encoder.input_dim + 4) * (
            self.row_norms * (length + reach) * INFLATION + encoder.biases[0].abs()
        )
        return encoder.rounding(size, error, extra=len(self.slopes))

    def deviation_norm(self, errors: Tensor, image: Tensor) -> Tensor:
        """Upper bound on ||W_L x||_2 over |x| <= errors [s, h], given image = |W_L| errors [s, d]."""
        norm = torch.linalg.vector_norm
        bound = torch.minimum(norm(image, dim=-1), self.spectral * norm(errors, dim=-1))
        return bound * (INFLATION * (1.0 + UNIT))


def _require_finite(name: str, tensors: Sequence[Tensor]) -> None:
    for index, tensor in enumerate(tensors, start=1):
        if not bool(torch.isfinite(tensor).all()):
            raise ArtifactError(
                f"{name} {index} holds a value that is not finite, so no bound exists; "
                "train the encoder or publish the spec again"
            )
