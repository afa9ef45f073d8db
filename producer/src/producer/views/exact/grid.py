"""A mesh of points on a curve g(tau), R(z + tau epsilon a) or a chain, and how far g can be from its chords.

On a segment with endpoint preactivations A, B of a neuron, the chord of relu exceeds relu by at most
|A||B| / (|A| + |B|) when the signs differ and by 0 otherwise; affine layers carry such errors on by |W|. So g deviates
from the chord of its end values by a computable delta, whatever the mesh (docs/guarantees.md, D.2). Segments whose
bound is above what is asked for are bisected; the others are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from scipy.sparse import csr_array
from torch import Tensor

from producer.views.network import BoundedNetwork, Curves
from shared_spec.rounding import INFLATION

__all__ = ["LineMesh", "relu_gap", "uniform_parameters"]

_TINY = torch.finfo(torch.float64).tiny

_SPARSE = 0.05
"""Below this share of non-zero entries a sparse product is faster than a dense one."""


def uniform_parameters(points: int, device: torch.device | None = None) -> Tensor:
    """An odd number of parameters from -1 to 1, ends and 0 exact; [points] float64."""
    half = points // 2
    return torch.arange(-half, half + 1, dtype=torch.float64, device=device) / half


def relu_gap(first: Tensor, second: Tensor) -> Tensor:
    """Largest difference between the chord of relu and relu on [first, second]; 0 where the signs agree."""
    below = torch.minimum(first, second).neg_().clamp_min_(0.0)
    above = torch.maximum(first, second).clamp_min_(0.0)
    less, more = torch.minimum(below, above), torch.maximum(below, above)
    # less more / (less + more), but no step of it can underflow or overflow to less than that.
    return less / (less / more.clamp_min_(_TINY)).add_(1.0)


@dataclass
class LineMesh:
    """Points and segments on the curves of n individuals; grows by bisection.

    Attributes:
        owner: individual of each point, [p].
        tau: parameter of each point, [p]; in [-1, 1] along a vector.
        layers: preactivations of each point; the last entry is g, [p, d].
        left: index of each segment's first point, [s].
        right: index of each segment's last point, [s].
        deviation: bound on the distance between g and the chord on each segment, [s]; rounding not included.
    """

    network: BoundedNetwork
    rays: Curves
    owner: Tensor = field(init=False)
    tau: Tensor = field(init=False)
    layers: list[Tensor] = field(init=False)
    left: Tensor = field(init=False)
    right: Tensor = field(init=False)
    deviation: Tensor = field(init=False)

    @classmethod
    def start(cls, network: BoundedNetwork, rays: Curves, parameters: Sequence[Tensor]) -> LineMesh:
        """A mesh whose points are, per individual, the given increasing parameters, ends and corners among them."""
        mesh = cls(network, rays)
        mesh.tau = torch.cat(list(parameters))
        counts = torch.tensor([len(tau) for tau in parameters], device=mesh.tau.device)
        mesh.owner = torch.repeat_interleave(counts)
        mesh.layers = mesh._evaluate(mesh.owner, mesh.tau)
        same = mesh.owner[1:] == mesh.owner[:-1]
        joined = same & ~torch.isin(mesh.tau[:-1], rays.ends)
        mesh.left = torch.nonzero(joined).squeeze(1)
        mesh.right = mesh.left + 1
        mesh.deviation = mesh._deviation(mesh.left, mesh.right)
        return mesh

    @property
    def values(self) -> Tensor:
        """Values of g at the points, [p, d]."""
        return self.layers[-1]

    def bisect(self, segments: Tensor) -> None:
        """Splits the segments with these indices at their midpoints."""
        left, right = self.left[segments], self.right[segments]
        owner = self.owner[left]
        tau = 0.5 * (self.tau[left] + self.tau[right])
        middle = torch.arange(len(tau), device=tau.device) + len(self.tau)
        fresh = self._evaluate(owner, tau)
        self.layers = [torch.cat(pair) for pair in zip(self.layers, fresh, strict=True)]
        self.owner, self.tau = torch.cat([self.owner, owner]), torch.cat([self.tau, tau])
        keep = torch.ones_like(self.left, dtype=torch.bool)
        keep[segments] = False
        starts, ends = torch.cat([left, middle]), torch.cat([middle, right])
        self.deviation = torch.cat([self.deviation[keep], self._deviation(starts, ends)])
        self.left = torch.cat([self.left[keep], starts])
        self.right = torch.cat([self.right[keep], ends])

    def _evaluate(self, owner: Tensor, tau: Tensor) -> list[Tensor]:
        return self.network.encoder.preactivations(self.rays.along(owner, tau))

    def _deviation(self, left: Tensor, right: Tensor) -> Tensor:
        """The delta of D.2 for segments between these points, [s]."""
        network = self.network
        if not network.encoder.magnitudes:
            return self.tau.new_zeros(len(left))
        errors = self.tau.new_zeros(())
        for index, magnitude in enumerate(network.encoder.magnitudes):
            first, second = self.layers[index][left], self.layers[index][right]
            hidden = errors + relu_gap(first, second)
            if index:
                # Off on the whole segment, up to rounding, which is passed on whole elsewhere.
                hidden[torch.maximum(first, second) + errors <= 0.0] = 0.0
            errors = _spread(hidden, magnitude)
        return network.deviation_norm(hidden, errors)


def _spread(errors: Tensor, magnitude: Tensor) -> Tensor:
    """|W| e for rows e of `errors` [s, h], given |W|^T, rounded up; first-layer errors are almost all zero."""
    on_host = errors.device.type == "cpu"
    if on_host and int(torch.count_nonzero(errors)) < _SPARSE * errors.numel():
        product = csr_array(errors.numpy()) @ magnitude.numpy()
        return torch.from_numpy(product) * INFLATION
    return errors @ magnitude * INFLATION
