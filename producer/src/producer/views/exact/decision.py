"""A known linear head decided directly, instead of by a ball: is its class the same on the whole similarity set?

The head joins the encoder's last layer, so that branch and bound works on margins and stops as soon as all of them
are positive or one member of the set gets another class. Statement X without the detour over distances.
Source: docs/guarantees.md, A.5 and D.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from producer.views.exact.affine_forms import ReducedNetwork, linear_forms, reduce_network
from producer.views.exact.branch_and_bound import sample_points, split_axis
from producer.views.exact.cells import Cells, cover
from producer.views.exact.inputs import check_finite, check_inputs, check_settings
from producer.views.limits import require_bounds
from producer.views.network import BoundedNetwork
from shared_spec.arithmetic import full_precision
from shared_spec.device import to_host
from shared_spec.relu_network import ReluNetwork
from shared_spec.rounding import INFLATION, UNDERFLOW, gamma

__all__ = ["HeadDecision", "bound_margins", "decide_linear_head"]

_CHUNK = 64


@dataclass(frozen=True)
class HeadDecision:
    """Per individual, whether a linear head gives all members of the similarity set the same class.

    Attributes:
        status: "CERTIFIED": the same class for EVERY ||t||_2 <= epsilon, in real arithmetic; "NOT_CERTIFIED": the
            counterexample gets another class; "UNDECIDED": neither was shown within the cap.
        prediction: the class at R(z), [n] int64.
        counterexample: t with ||t||_2 <= epsilon where the class differs, [n, k] float64; NaN where there is none.
        effort: boxes bounded, [n] int64.
    """

    status: tuple[str, ...]
    prediction: Tensor
    counterexample: Tensor
    effort: Tensor


@full_precision()
def decide_linear_head(
    encoder: ReluNetwork,
    latents: Tensor,
    vectors: Tensor,
    epsilon: float,
    weight: Tensor,
    bias: Tensor,
    *,
    max_cells: int = 20_000,
) -> HeadDecision:
    """Decides argmax_j (weight R(z + sum t_i a_i) + bias)_j over ||t||_2 <= epsilon; alpha = 0.

    Args:
        encoder: R.
        latents: [n, q].
        vectors: a_i, [k, q].
        epsilon: radius of the similarity set, > 0.
        weight: of the head, [classes, d].
        bias: of the head, [classes].
        max_cells: cap on the boxes per individual.

    Raises:
        SettingsError, ArtifactError, DataError: as `certify_exact`, the head being one more layer of the network.
    """
    check_settings(epsilon, 1.0, max_cells, 0)
    check_inputs(encoder, latents, vectors)
    network = BoundedNetwork.of(encoder, vectors, epsilon)
    weight, bias = (each.to(encoder.device, torch.float64) for each in (weight, bias))
    require_bounds((*encoder.weights, weight), (*encoder.biases, bias))
    start = cover(len(vectors), encoder.device)
    status, predictions, examples, effort = [], [], [], []
    for chunk, batch in enumerate(torch.split(latents, _CHUNK)):
        check_finite(batch, chunk * _CHUNK)
        rays = network.rays(batch)
        for index, prediction in enumerate(
            (encoder.tail(rays.offset) @ weight.T + bias).argmax(1).tolist()
        ):
            head = _margins(weight, bias, prediction)
            reduced = reduce_network(network, rays.individual(index), start, head)
            found, tau, used = _decide(reduced, start, max_cells)
            status.append(found)
            predictions.append(prediction)
            examples.append(to_host(tau * epsilon))
            effort.append(used)
    return HeadDecision(
        tuple(status),
        torch.tensor(predictions, dtype=torch.int64),
        torch.stack(examples) if examples else torch.zeros(0, len(vectors), dtype=torch.float64),
        torch.tensor(effort, dtype=torch.int64),
    )


def _margins(weight: Tensor, bias: Tensor, prediction: int) -> tuple[Tensor, Tensor]:
    """Rows w_c - w_j and biases b_c - b_j for all j != c."""
    others = torch.arange(len(bias), device=bias.device) != prediction
    return weight[prediction] - weight[others], bias[prediction] - bias[others]


def _decide(reduced: ReducedNetwork, start: Cells, max_cells: int) -> tuple[str, Tensor, int]:
    nowhere = torch.full_like(start.half[0], torch.nan)
    error = reduced.output.error
    if not bool(torch.isfinite(error).all()):
        return "UNDECIDED", nowhere, 0
    cells, used, points = start, len(start), sample_points(start)
    while True:
        margins, axis, worst = bound_margins(reduced, cells)
        points = torch.cat([points, worst])
        flipped = torch.nonzero((reduced.values(points) + error < 0.0).any(1)).squeeze(1)
        if len(flipped):
            return "NOT_CERTIFIED", points[flipped[0]], used
        live = torch.nonzero(~(margins > 0.0)).squeeze(1)
        if not len(live):
            return "CERTIFIED", nowhere, used
        if used >= max_cells or cells[live].finest():
            return "UNDECIDED", nowhere, used
        cells = cells[live].split(axis[live])
        used += len(cells)
        points = cells.clip(torch.zeros_like(cells.half))


def bound_margins(reduced: ReducedNetwork, cells: Cells) -> tuple[Tensor, Tensor, Tensor]:
    """Lower bound of the smallest margin per box [c], axis to split [c], and where the affine part is least [c, k]."""
    hidden = reduced.hidden(cells)
    forms = linear_forms(reduced.output, hidden, cells)
    points, exist = cells.vertices()
    values = forms.centre.unsqueeze(1) + points @ forms.generators
    least, where = torch.where(exist.unsqueeze(2), values, torch.inf).min(1)
    size = forms.centre.abs() + forms.generators.abs().sum(1)
    slack = (forms.error + reduced.output.error + gamma(64) * size) * INFLATION + UNDERFLOW
    margin, row = (least - slack).min(1)
    rows = torch.arange(len(row), device=row.device)
    worst = cells.clip(points[rows, where[rows, row]])
    return margin, split_axis(hidden.influence, forms.generators, cells), worst
