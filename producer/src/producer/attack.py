"""The adversary of LASSI's loss: which point of S(x) does the encoder move furthest away?

S(x) has k dimensions, a handful, so trying points beats gradient ascent (paper, section 4.2). A point costs only the
layers after the first: its preactivation is u0 + sum t_i U1_i, with u0 = W_1 z + b_1 and U1_i = W_1 a_i given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from producer.encoder import Encoder
from producer.settings import AttackKind
from shared_spec.errors import SettingsError
from shared_spec.similarity import SimilaritySet, ball_grid

__all__ = ["attack_points", "folded_tail", "furthest_point", "grid_side"]


def grid_side(points: int, k: int) -> int:
    """How many points per axis a grid of at most `points` has in k dimensions.

    Raises:
        SettingsError: fewer than two.
    """
    per_axis = int(points ** (1.0 / k) + 1e-9)
    if per_axis < 2:
        raise SettingsError(
            f"`attack_points` is {points}: a grid attack on {k} attributes needs at least {2**k}; "
            "ask for more points or for the random attack"
        )
    return per_axis


def attack_points(
    kind: AttackKind,
    similarity: SimilaritySet,
    individuals: int,
    points: int,
    generator: torch.Generator,
) -> Tensor:
    """The coefficients to try, [individuals or 1, s, k] float64, s <= points.

    `random`: `points` draws per individual, uniform in S(x), as published. `grid`: one regular grid of the ball for
    everybody, its sphere included; the maximiser up to the spacing, and nothing is drawn.

    Raises:
        SettingsError: too few points for a grid of two per axis.
    """
    k = similarity.k
    if kind == "random":
        return similarity.uniform(individuals * points, generator).reshape(individuals, points, k)
    return similarity.epsilon * ball_grid(grid_side(points, k), k)[None]


def _scale_and_shift(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Batch norm in eval mode as x * scale + shift."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if not norm.affine:
        return scale, -norm.running_mean * scale
    scale = scale * norm.weight
    return scale, norm.bias - norm.running_mean * scale


def folded_tail(encoder: Encoder) -> Callable[[Tensor], Tensor]:
    """The rest of R after the first affine map, in eval mode: preactivations [n, h_1] -> [n, d].

    R is taken in eval mode whatever mode the encoder is in, as published: the adversary must not depend on who else is
    in the batch. Batch norm is folded once per call, in the encoder's own precision.
    """
    scale, shift = _scale_and_shift(encoder.norms[0])  # type: ignore[arg-type]
    layers = _folded_layers(encoder)

    return lambda preactivation: _through(layers, preactivation * scale + shift)


def _folded_layers(encoder: Encoder) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each layer after the first, with its batch norm in eval mode."""
    layers = []
    for layer, norm in zip(encoder.linears[1:], encoder.norms[1:], strict=True):
        scale, shift = _scale_and_shift(norm)  # type: ignore[arg-type]
        weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
        layers.append((weight * scale[:, None], bias * scale + shift))
    return layers


def _through(layers: Sequence[tuple[Tensor, Tensor]], hidden: Tensor) -> Tensor:
    """The folded layers after the first batch norm's output [n, h_1], which is overwritten: [n, d]."""
    for weight, bias in layers:
        hidden = nn.functional.linear(hidden.relu_(), weight, bias)
    return hidden


@torch.no_grad()
def furthest_point(
    encoder: Encoder, preactivation: Tensor, directions: Tensor, t: Tensor
) -> tuple[Tensor, Tensor]:
    """The maximiser of ||R(z) - R(z + sum t_i a_i)||_2 among the coefficients to try, per individual (paper, eq. 2).

    R is taken in eval mode, as in `folded_tail`.

    Args:
        encoder: R.
        preactivation: u0 = W_1 z + b_1, [n, h_1].
        directions: U1 = W_1 a_i, [k, h_1].
        t: what to try, [n or 1, s, k].

    Returns:
        The chosen coefficients [n, k] and their distances [n], of the preactivation's dtype.
    """
    scale, shift = _scale_and_shift(encoder.norms[0])  # type: ignore[arg-type]
    centre, moves = preactivation * scale + shift, directions * scale
    layers = _folded_layers(encoder)
    t = t.to(preactivation).expand(len(preactivation), -1, -1)
    reference = _through(layers, centre.clone())
    # One point of everybody at a time: the batch is wide enough for the matrix products, and memory stays small.
    distances = torch.stack(
        [
            torch.linalg.vector_norm(
                _through(layers, torch.addmm(centre, step, moves)) - reference, dim=1
            )
            for step in t.unbind(dim=1)
        ],
        dim=1,
    )
    distance, index = distances.max(dim=1)
    chosen = t.gather(1, index[:, None, None].expand(-1, 1, t.shape[2])).squeeze(1)
    return chosen, distance
