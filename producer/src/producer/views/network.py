"""The encoder along a similarity set, with all that its certificates need to know about it in advance.

z + sum t_i a_i reaches the first ReLU as u0 + tau V with tau = t / epsilon in the unit ball and V_i = epsilon W_1 a_i,
and what lies between the corners of a chain as what lies between theirs: the latent space never appears again. Each
preactivation carries a bound on how far floats may be from the reals.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from producer.views.limits import require_bounds, require_finite
from shared_spec.arithmetic import require_float64
from shared_spec.device import to_host
from shared_spec.relu_network import ReluNetwork
from shared_spec.rounding import INFLATION, UNDERFLOW, gamma, norm_above

__all__ = ["BoundedNetwork", "Chains", "Curves", "Rays"]


class Curves(Protocol):
    """n curves, one per individual, as the first ReLU sees them: p_1 as a function of one parameter tau.

    Attributes:
        errors: per layer l = 1..L a bound on |float - real| of its preactivations, [n, h_l], valid wherever `along` is
            asked for and for every way of evaluating it that this package uses (docs/guarantees.md, D.3). Not finite
            for an individual whose preactivations are too large to be bounded.
        offset: p_1 of the individuals themselves, [n, h_1].
        ends: the tau, ascending, at which a curve ends and another one begins at the next whole number.
    """

    @property
    def errors(self) -> tuple[Tensor, ...]:
        """See there."""

    @property
    def offset(self) -> Tensor:
        """See there."""

    @property
    def ends(self) -> Tensor:
        """See there."""

    def __len__(self) -> int: ...

    def along(self, owner: Tensor, tau: Tensor) -> Tensor:
        """p_1 at parameters [p] of individuals [p]: [p, h_1]; between the parameters of a mesh it is linear."""


@dataclass(frozen=True)
class Rays:
    """n similarity sets as the first ReLU sees them: p_1(tau) = offset + tau @ slopes, ||tau||_2 <= 1.

    Attributes:
        offset: u0 = W_1 z + b_1, [n, h_1] float64.
        slopes: V = epsilon W_1 a_i, [k, h_1] float64, shared by all individuals.
        errors: per layer l = 1..L a bound on |float - real| of its preactivations, [n, h_l], valid for every tau in
            the cube [-1, 1]^k and for every way of evaluating it that this package uses (docs/guarantees.md, D.3).
            Not finite for an individual whose preactivations are too large to be bounded.
    """

    offset: Tensor
    slopes: Tensor
    errors: tuple[Tensor, ...]

    @property
    def ends(self) -> Tensor:
        """See `Curves`."""
        return self.offset.new_zeros(0)

    def __len__(self) -> int:
        return len(self.offset)

    def along(self, owner: Tensor, tau: Tensor) -> Tensor:
        """See `Curves`; for one attribute vector."""
        return self.offset[owner] + tau.unsqueeze(1) * self.slopes

    def individual(self, index: int) -> Rays:
        """The set of one individual, still with a leading axis of length 1."""
        pick = slice(index, index + 1)
        return Rays(self.offset[pick], self.slopes, tuple(error[pick] for error in self.errors))


@dataclass(frozen=True)
class Chains:
    """n individuals' chains as the first ReLU sees them, one chain after the other: at whole tau p_1 of a corner.

    Attributes:
        corners: W_1 v + b_1 of each individual's 1 + v latents, [n, 1 + v, h_1] float64.
        visits: which of them the chains pass, in order, [c, m] int64.
        errors: see `Curves`.
    """

    corners: Tensor
    visits: Tensor
    errors: tuple[Tensor, ...]

    @property
    def offset(self) -> Tensor:
        """See `Curves`: the first of the 1 + v."""
        return self.corners[:, 0]

    @property
    def ends(self) -> Tensor:
        """See `Curves`."""
        chains, corners = self.visits.shape
        starts = torch.arange(1, chains, dtype=torch.float64, device=self.visits.device)
        return starts * corners - 1.0

    def __len__(self) -> int:
        return len(self.corners)

    def along(self, owner: Tensor, tau: Tensor) -> Tensor:
        """See `Curves`."""
        order = self.visits.flatten()
        position = tau.floor().to(torch.int64).clamp_max(len(order) - 2)
        share = (tau - position).unsqueeze(1)
        start, end = order[position], order[position + 1]
        return torch.lerp(self.corners[owner, start], self.corners[owner, end], share)


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
    def of(
        cls, encoder: ReluNetwork, vectors: Tensor | None = None, epsilon: float = 0.0
    ) -> BoundedNetwork:
        """Prepares the encoder for vectors [k, q], or for chains, which need none.

        Raises:
            ArtifactError: if anything is not finite, or no bound in float64 could be relied on.
            SettingsError: if the encoder's device does not round as the bounds assume.
        """
        require_float64(encoder.device)
        require_bounds(encoder.weights, encoder.biases)
        if vectors is None:
            vectors = torch.zeros(0, encoder.input_dim, dtype=torch.float64)
        vectors = vectors.to(encoder.device, torch.float64)
        require_finite("attribute vector", vectors)
        return cls(
            encoder=encoder,
            vectors=vectors,
            epsilon=float(epsilon),
            slopes=encoder.directions(vectors) * float(epsilon),
            row_norms=norm_above(encoder.weights[0]),
        )

    @cached_property
    def spectral(self) -> float:
        """Upper bound on ||W_L||_2, from the largest eigenvalue of W_L W_L^T, computed with its entries scaled to 1.

        On the host, once per model: the only result of a decomposition that a bound trusts, and LAPACK's is backward
        stable, while an accelerator's solver may be an iteration that stops at a tolerance.
        """
        last = to_host(self.encoder.weights[-1])
        scale = last.abs().max().clamp_min(torch.finfo(torch.float64).tiny)
        scaled = last / scale
        largest = torch.linalg.eigvalsh(scaled @ scaled.T)[-1].clamp_min(0.0)
        rounding = gamma(2 * sum(last.shape) + 8) * scaled.square().sum()
        return float((largest + rounding).sqrt() * scale) * (1.0 + 1e-9)

    def rays(self, latents: Tensor) -> Rays:
        """The similarity sets of latents [n, q], wherever these lie."""
        latents = self._placed(latents)
        offset = self.encoder.first_layer(latents)
        return Rays(offset, self.slopes, tuple(self._errors(latents, offset)))

    def chains(self, latents: Tensor, visits: Tensor) -> Chains:
        """The chains of latents [n, 1 + v, q] that pass these of them in order, [c, m]; the vectors play no part."""
        encoder, latents = self.encoder, self._placed(latents)
        corners = encoder.first_layer(latents)
        length = norm_above(latents).amax(1, keepdim=True)
        # A corner may be off by this much, and so may whatever lies between two of them.
        error = self._first_error(length)
        # |A|, |B| and |B - A| are what is added up between two corners.
        size = 4.0 * corners.abs().amax(1)
        return Chains(
            corners,
            visits.to(encoder.device),
            tuple(encoder.rounding(size, error + UNDERFLOW, extra=2)),
        )

    def output_error(self, latents: Tensor, offset: Tensor) -> Tensor:
        """Upper bounds [n] on ||float - real||_2 of the representations at any tau; latents [n, q], offset [n, h_1]."""
        return norm_above(self._errors(self._placed(latents), offset)[-1])

    def _placed(self, latents: Tensor) -> Tensor:
        return latents.to(self.encoder.device, torch.float64)

    def _errors(self, latents: Tensor, offset: Tensor) -> list[Tensor]:
        """Rounding bounds per layer over the cube of parameters."""
        encoder = self.encoder
        length = norm_above(latents).unsqueeze(1)
        reach = self.epsilon * float(norm_above(self.vectors).sum())
        size = offset.abs() + self.slopes.abs().sum(0)
        error = self._first_error(length + reach)
        # epsilon multiplies W_1 a_i, and with it what the product lost.
        return encoder.rounding(size, error + UNDERFLOW * self.epsilon, extra=len(self.slopes))

    def _first_error(self, length: Tensor) -> Tensor:
        """Bound on |float - real| of p_1 = W_1 x + b_1 for inputs of at most this length [n, 1]: [n, h_1]."""
        encoder = self.encoder
        return gamma(encoder.input_dim + 4) * (
            self.row_norms * length * INFLATION + encoder.biases[0].abs()
        )

    def deviation_norm(self, errors: Tensor, image: Tensor) -> Tensor:
        """Upper bound on ||W_L x||_2 over |x| <= errors [s, h], given image = |W_L| errors [s, d]."""
        return torch.minimum(norm_above(image), self.spectral * norm_above(errors)) * INFLATION
