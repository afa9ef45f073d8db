"""The registry of vector methods: one entry per method, one request for all, so that a fifth is one function more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from regulator.recogniser import Recogniser, train_recogniser
from regulator.vectors.discover import discover
from regulator.vectors.groups import Groups, find_groups
from regulator.vectors.linear_boundary import Boundary, fit_boundary, linear_boundary
from regulator.vectors.mean_difference import mean_difference
from regulator.vectors.ramaswamy import ramaswamy
from regulator.vectors.request import FoundVector, VectorRequest
from shared_spec.errors import SettingsError
from shared_spec.flow import Glow
from shared_spec.rng import numpy_generator, torch_generator

__all__ = ["METHODS", "FoundVector", "Method", "VectorRequest", "compute_vectors", "group_targets"]


@dataclass(frozen=True)
class Method:
    """One way to find vectors.

    Attributes:
        name: as given to `--method`.
        description: one line for the help.
        unit: what one unit of epsilon means.
        epsilon: the paper's.
        needs_attributes: whether the user names the attributes.
        needs_target: whether a target must be named.
        compute: the method.
    """

    name: str
    description: str
    unit: Literal["vector", "unit-vector"]
    epsilon: float
    needs_attributes: bool
    needs_target: bool
    compute: Callable[[VectorRequest], list[FoundVector]]


def compute_vectors(method: str, request: VectorRequest) -> list[FoundVector]:
    """The vectors of a request by the method of this name, in the order of its attributes.

    Raises:
        SettingsError: the method is unknown, or lacks a target or attributes, or is given attributes in vain.
        DataError: a column or class is unknown, a group is empty, or nothing distinguishes the groups.
    """
    if method not in METHODS:
        raise SettingsError(f"no vector method {method!r}; expected one of {', '.join(METHODS)}")
    chosen = METHODS[method]
    if chosen.needs_target and request.target is None:
        raise SettingsError(f"method {method} needs a target; name one with --target")
    if chosen.needs_attributes and not request.attributes:
        raise SettingsError(f"method {method} needs an attribute; name one with --attribute")
    if not chosen.needs_attributes and request.attributes:
        raise SettingsError(
            f"method {method} finds its own directions and cannot be told {', '.join(request.attributes)}; "
            "leave --attribute out, or choose another method"
        )
    return chosen.compute(request)


def group_targets(groups: Groups, count: int) -> npt.NDArray[np.float64]:
    """Targets [count, 1] for a recogniser: 0 and 1 for the two groups, NaN for all others."""
    targets = np.full((count, 1), np.nan)
    targets[groups.negative], targets[groups.positive] = 0.0, 1.0
    return targets


def _by_mean_difference(request: VectorRequest) -> list[FoundVector]:
    found = []
    for index, name in enumerate(request.attributes):
        groups = find_groups(request.source, "train", name)
        vector = mean_difference(request.train, groups)
        found.append(FoundVector(name, groups.counts, vector))
        request.advance(index + 1, name, len(request.attributes))
    return found


def _by_linear_boundary(request: VectorRequest) -> list[FoundVector]:
    total = request.epochs * len(request.attributes)
    found = []
    for index, name in enumerate(request.attributes):
        groups = find_groups(request.source, "train", name)
        vector = linear_boundary(
            request.train,
            groups,
            request.valid,
            find_groups(request.source, "valid", name),
            numpy_generator(request.seed, "regulator.boundary", name),
            epochs=request.epochs,
            advance=_part(request, index * request.epochs, total),
        )
        found.append(FoundVector(name, groups.counts, vector))
    return found


def _by_ramaswamy(request: VectorRequest) -> list[FoundVector]:
    total = request.epochs * (len(request.attributes) + 1)
    target, _ = _boundary(request, str(request.target), 0, total)
    found = []
    for index, name in enumerate(request.attributes):
        attribute, groups = _boundary(request, name, (index + 1) * request.epochs, total)
        vector = ramaswamy(request.train, attribute, target)
        vector.settings.update(target=str(request.target), epochs=request.epochs)
        found.append(FoundVector(name, groups.counts, vector))
    return found


def _by_discover(request: VectorRequest) -> list[FoundVector]:
    settings, recogniser = request.discover, request.recogniser
    name, source, seed = str(request.target), request.source, request.seed
    searching = settings.directions * settings.iterations
    # The recogniser's steps are not known before its images are; they count as one unit.
    total = request.epochs + 1 + searching
    target, groups = _boundary(request, name, 0, total)
    targets = group_targets(groups, len(request.train))
    bits = request.flow.config.bits
    classifier = train_recogniser(
        source,
        "train",
        targets,
        torch_generator(seed, "regulator.recogniser", name),
        replace(recogniser, bits=bits),
    )
    request.advance(request.epochs + 1, "classifier", total)
    vectors = discover(
        partial(_decoded_probability, request.flow, classifier),
        request.train,
        [target.normal],
        torch_generator(seed, "regulator.discover", name),
        settings,
        advance=_part(request, request.epochs + 1, total),
    )
    for vector in vectors:
        vector.settings.update(target=name)
    return [
        FoundVector(f"discovered-{number}", groups.counts, vector)
        for number, vector in enumerate(vectors, start=1)
    ]


def _decoded_probability(flow: Glow, classifier: Recogniser, latents: Tensor) -> Tensor:
    """The classifier's probability of the target on decoded latents [n, q]: [n]."""
    return torch.sigmoid(classifier(flow.decode(latents))[:, 0])


def _boundary(
    request: VectorRequest, name: str, before: int, total: int
) -> tuple[Boundary, Groups]:
    groups = find_groups(request.source, "train", name)
    boundary = fit_boundary(
        request.train,
        groups,
        request.valid,
        find_groups(request.source, "valid", name),
        numpy_generator(request.seed, "regulator.boundary", name),
        epochs=request.epochs,
        advance=_part(request, before, total),
    )
    return boundary, groups


def _part(request: VectorRequest, before: int, total: int) -> Callable[[int, str], None]:
    """The progress of one part of the work, after `before` of `total` units."""
    return lambda done, word: request.advance(before + done, word, total)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "mean-difference",
            "difference of the mean latents with and without the attribute (Kingma and Dhariwal)",
            "vector", 1.0, True, False, _by_mean_difference,
        ),
        Method(
            "linear-boundary",
            "unit normal of a logistic classifier of the attribute on latents (Denton et al.)",
            "unit-vector", 10.0, True, False, _by_linear_boundary,
        ),
        Method(
            "ramaswamy",
            "the attribute's normal made orthogonal to the target's (Ramaswamy et al.)",
            "vector", 1.0, True, True, _by_ramaswamy,
        ),
        Method(
            "discover",
            "directions that change a biased classifier of the target, found without attribute labels (Li and Xu)",
            "unit-vector", 10.0, False, True, _by_discover,
        ),
    )
}  # fmt: skip
"""Every method by the name that `--method` takes."""
