"""The encoder over one similarity set, reduced to the neurons that can switch there, and its affine forms on boxes.

Over one similarity set most neurons are always active or always inactive; folding those away leaves a small network
in k + N variables, whose couplings keep all cancellation between layers that |W_3||W_2| would lose. On a box of
parameters every remaining ReLU becomes an affine form plus an independent error (docs/guarantees.md, D.4).

Forms and ranges are those of computed preactivations. The real ones differ by at most the rounding bounds of `Rays`,
which the ReLUs, being 1-Lipschitz, pass on whole: they are added once, to the output.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from producer.views.exact.cells import Cells
from producer.views.network import BoundedNetwork, Rays
from shared_spec.rounding import INFLATION, gamma, norm_above

__all__ = ["AffineRows", "Forms", "ReducedNetwork", "linear_forms", "reduce_network"]


@dataclass(frozen=True)
class AffineRows:
    """Quantities offset + tau @ slopes + hidden @ coupling of the parameters and of N switching neurons.

    Attributes:
        offset: [h]. slopes: [k, h]. coupling: [N, h].
        error: bound on |float - real| over the cube of parameters, [h].
    """

    offset: Tensor
    slopes: Tensor
    coupling: Tensor
    error: Tensor

    def __getitem__(self, rows: Tensor) -> AffineRows:
        return AffineRows(
            self.offset[rows], self.slopes[:, rows], self.coupling[:, rows], self.error[rows]
        )

    def at(self, tau: Tensor, hidden: Tensor) -> Tensor:
        """Values at points tau [c, k] with hidden [c, N]; shape [c, h]."""
        return self.offset + tau @ self.slopes + hidden @ self.coupling


@dataclass(frozen=True)
class Forms:
    """Affine forms centre + sum s_i generators_i +- error on boxes, s in the box's own coordinates [-1, 1]^k.

    Attributes:
        centre: [c, h]. generators: [c, k, h]. error: [c, h], >= 0.
        influence: [c, k], how much of the errors each axis causes; where to split.
    """

    centre: Tensor
    generators: Tensor
    error: Tensor
    influence: Tensor


@dataclass(frozen=True)
class ReducedNetwork:
    """R on one similarity set.

    Attributes:
        layers: the switching neurons of each hidden layer; layer l couples to those of the layers before it.
        output: the rows of interest, coupled to all switching neurons.
    """

    layers: tuple[AffineRows, ...]
    output: AffineRows

    @cached_property
    def importance(self) -> Tensor:
        """How far an error in each switching neuron can move the output, directly or through later ones; [N]."""
        importance: Tensor = torch.linalg.vector_norm(self.output.coupling, dim=1)
        end = len(importance)
        for layer in reversed(self.layers):
            start = end - len(layer.offset)
            importance[:start] += layer.coupling.abs() @ importance[start:end]
            end = start
        return importance

    def values(self, tau: Tensor) -> Tensor:
        """The output at points tau [c, k] of the unit ball, [c, d]."""
        hidden = tau.new_zeros(len(tau), 0)
        for layer in self.layers:
            hidden = torch.cat([hidden, layer.at(tau, hidden).clamp_min(0.0)], dim=1)
        return self.output.at(tau, hidden)

    def relative_to(self, centre: Tensor, generators: Tensor | None = None) -> ReducedNetwork:
        """The output minus centre [d] and, if given, minus tau @ generators [k, d]."""
        rows = self.output
        size = rows.offset.abs() + centre.abs()
        slopes = rows.slopes
        if generators is not None:
            slopes = slopes - generators
            size = size + rows.slopes.abs().sum(0) + generators.abs().sum(0)
        error = rows.error + gamma(len(slopes) + 8) * size
        output = AffineRows(rows.offset - centre, slopes, rows.coupling, error)
        return replace(self, output=output)

    def hidden(self, cells: Cells) -> Forms:
        """Affine forms of all switching neurons after their ReLU."""
        return hidden_forms(self.layers, self.importance, cells)


def hidden_forms(layers: tuple[AffineRows, ...], importance: Tensor, cells: Cells) -> Forms:
    """Affine forms [c, N] after the ReLUs of these layers; `importance` [N] weighs influence."""
    count, k = cells.half.shape
    zero = cells.half.new_zeros
    forms = Forms(zero(count, 0), zero(count, k, 0), zero(count, 0), zero(count, k))
    start = 0
    for layer in layers:
        before = linear_forms(layer, forms, cells)
        end = start + len(layer.offset)
        after = _relax(before, importance[start:end])
        forms = Forms(
            torch.cat([forms.centre, after.centre], 1),
            torch.cat([forms.generators, after.generators], 2),
            torch.cat([forms.error, after.error], 1),
            forms.influence + after.influence,
        )
        start = end
    return forms


def linear_forms(rows: AffineRows, hidden: Forms, cells: Cells) -> Forms:
    """Forms of affine rows of the hidden forms; the error is carried by |coupling|."""
    centre = rows.at(cells.centre, hidden.centre)
    generators = cells.half.unsqueeze(2) * rows.slopes + hidden.generators @ rows.coupling
    error = hidden.error @ rows.coupling.abs() * INFLATION
    return Forms(centre, generators, error, hidden.influence)


def _relax(forms: Forms, importance: Tensor) -> Forms:
    """relu: lambda p + mu +- mu on [low, high]; sound for any lambda in [0, 1]."""
    parts = forms.generators.abs()
    radius = (parts.sum(1) + forms.error) * INFLATION
    low, high = forms.centre - radius, forms.centre + radius
    rise, fall = high.clamp_min(0.0), low.clamp_max(0.0)
    slope = rise / (rise - fall + 1e-300)
    half = 0.5 * torch.maximum(rise - slope * high, low.clamp_min(0.0) - slope * low)
    half = half.clamp_min(0.0) * INFLATION
    influence = (parts @ (importance * half / (radius + 1e-300)).unsqueeze(2)).squeeze(2)
    return Forms(
        slope * forms.centre + half,
        slope.unsqueeze(1) * forms.generators,
        slope * forms.error + half,
        influence,
    )


def reduce_network(network: BoundedNetwork, rays: Rays, cells: Cells) -> ReducedNetwork:
    """Folds away the neurons that cannot switch on the similarity set.

    Args:
        network: the encoder.
        rays: one individual.
        cells: boxes covering the unit ball, from which the ranges of the deeper neurons are computed.
    """
    offset = rays.offset[0]
    rows = AffineRows(offset, rays.slopes, offset.new_zeros(0, len(offset)), rays.errors[0][0])
    layers: tuple[AffineRows, ...] = ()
    reach = norm_above(rays.slopes, dim=0)
    low, high = offset - reach, offset + reach
    for index in range(1, network.encoder.depth):
        if index > 1:
            low, high = _range(rows, layers, cells)
        always = low >= 0.0
        switching = ~(always | (high <= 0.0))
        layers = (*layers, rows[switching])
        weight, bias = network.encoder.weights[index], network.encoder.biases[index]
        active, kept = rows[always], weight[:, always].T
        rows = AffineRows(
            active.offset @ kept + bias,
            active.slopes @ kept,
            torch.cat([active.coupling @ kept, weight[:, switching].T]),
            rays.errors[index][0],
        )
    return ReducedNetwork(layers, rows)


def _range(rows: AffineRows, layers: tuple[AffineRows, ...], cells: Cells) -> tuple[Tensor, Tensor]:
    anything = rows.coupling.new_zeros(len(rows.coupling))
    forms = linear_forms(rows, hidden_forms(layers, anything, cells), cells)
    radius = (forms.generators.abs().sum(1) + forms.error) * INFLATION
    return (forms.centre - radius).amin(0), (forms.centre + radius).amax(0)
