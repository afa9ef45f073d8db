"""From end to end: no attack on S(x) flips whom a certificate covers, and a known-unfair person is never certified."""

import numpy as np
import pytest
import torch

from consumer import load_head
from consumer.decide import decide
from consumer.decisions import Bounds, Draws
from producer import load_encoder
from producer.views.exact.bounds import certify_exact
from producer.views.smoothing.view import SmoothingView
from shared_spec import load_certificate, load_spec
from shared_spec.data import open_source
from shared_spec.frozen_head import FrozenHead
from shared_spec.latents import encode_split
from shared_spec.relu_network import ReluNetwork
from shared_spec.sampling import Sampling
from shared_spec.similarity import SimilaritySet
from shared_spec.smoothing.settings import SmoothingSettings
from shared_spec.terms import BoundStatus, RadiusMethod

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def scene(tiny):
    """Latents of the test individuals, and everybody's secrets."""
    spec = load_spec(tiny.spec)
    source = open_source(tiny.data, spec.flow.config.size)
    latents = torch.from_numpy(np.array(encode_split(spec.flow, source, "test", cache=tiny.cache)))
    return spec, latents, load_encoder(tiny.model).folded, load_head(tiny.certificate).frozen()


def rows_of(tiny, view):
    certificate = load_certificate(tiny.certificate)
    classes = certificate.document.head.classes
    rows = certificate.rows_of(view)
    return [row.status for row in rows], [classes.index(row.prediction) for row in rows]


def test_a_dense_attack_never_flips_a_certified_individual_of_the_exact_view(tiny, scene):
    spec, latents, encoder, head = scene
    statuses, predictions = rows_of(tiny, "exact")
    assert statuses.count("CERTIFIED") >= 5, "nothing to attack"
    t = torch.linspace(
        -spec.similarity.epsilon, spec.similarity.epsilon, 20_001, dtype=torch.float64
    )
    move = t[:, None] * encoder.directions(spec.similarity.vectors)
    flipped = 0
    for z, status, prediction in zip(latents, statuses, predictions, strict=True):
        decisions = head.predict(encoder.tail(encoder.first_layer(z) + move))
        if status == "CERTIFIED":
            assert (decisions == prediction).all()
        flipped += int((decisions != prediction).any())
    assert flipped + statuses.count("CERTIFIED") <= len(statuses)


def test_a_witness_is_somebody_similar_who_gets_another_decision(tiny, scene):
    """Whoever has the encoder goes where the witness stands, and finds it so; most who can be flipped have one."""
    spec, latents, encoder, head = scene
    _, predictions = rows_of(tiny, "exact")
    rows = load_certificate(tiny.certificate).rows_of("exact")
    ends = torch.tensor([-1.0, 1.0], dtype=torch.float64)[:, None] * spec.similarity.epsilon
    witnessed = 0
    for z, row, prediction in zip(latents, rows, predictions, strict=True):
        flips = (
            head.predict(encoder(spec.similarity.points(z[None], ends)).float()) != prediction
        ).any()
        if row.witness is None:
            assert not flips, "an end of the set is a vertex, and it differs"
            continue
        witnessed += 1
        assert row.status == "NOT_CERTIFIED"
        t = torch.tensor([[row.witness * spec.similarity.epsilon]], dtype=torch.float64)
        similar = encoder(spec.similarity.points(z[None], t)).float()
        assert head.predict(similar)[0] != prediction, "the witness agrees"
    assert witnessed >= 3, "nobody to look at"


def test_the_deployed_smoothed_encoder_never_flips_a_certified_individual(tiny, scene):
    """Statement D allows a failure in a hundred pairs; with the bound's slack none is seen among these."""
    spec, latents, encoder, head = scene
    statuses, predictions = rows_of(tiny, "smoothing")
    certified = [row for row, status in enumerate(statuses) if status == "CERTIFIED"][:4]
    assert certified, "nothing to attack"
    answered = 0
    for row in certified:
        t = torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None] * spec.similarity.epsilon
        points = spec.similarity.points(latents[row], t)
        ids = [f"{row}-{index}" for index in range(len(points))]
        answers = SmoothingView(SmoothingSettings()).predict(
            encoder, points, ids, spec.similarity, 0
        )
        for centre, status in zip(answers.centre, answers.status, strict=True):
            if status == BoundStatus.BOUNDED:
                answered += 1
                assert int(head.predict(centre[None])) == predictions[row]
    assert answered > 0, "the deployed encoder only abstains"


def test_a_planted_unfair_person_is_never_certified():
    """R is the identity on a plane and the head's threshold cuts the segment: every mode must refuse, 200 seeds.

    Each sampled decision may err with probability alpha; at the levels used here no failure is expected in 200.
    """
    identity = torch.eye(2, dtype=torch.float64)
    encoder = ReluNetwork((identity,), (torch.zeros(2, dtype=torch.float64),))
    similarity = SimilaritySet(torch.tensor([[1.0, 0.0]]), 1.0)
    weight = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    generator = np.random.Generator(np.random.Philox(8))
    settings = SmoothingSettings(n0=2000, n=2000)
    for seed in range(200):
        cut = generator.uniform(-0.95, 0.95)
        head = FrozenHead((weight,), (torch.tensor([0.0, -cut], dtype=torch.float64),))
        z = torch.zeros(1, 2)
        exact = certify_exact(encoder, z, similarity.vectors, 1.0, tube_vertices=2)
        bounds = [Bounds(exact.representation, exact.centre, exact.radius, exact.status, exact.tubes.points, None,
                         exact.tubes.delta)]  # fmt: skip
        if seed < 40:
            view = SmoothingView(settings).bound(encoder, z, [str(seed)], similarity, seed)
            bounds.append(Bounds(view.centre, view.centre, view.radius, view.status))
        for found in bounds:
            for method in RadiusMethod:
                sampling = Sampling(alpha=1e-4, selection_samples=100, samples=2000)
                decided = decide(head, found, method, Draws(1.0, sampling, seed), ["planted"])
                assert decided.status[0] != "CERTIFIED", (seed, method)


@pytest.mark.parametrize("status", ["ABSTAIN", "UNDECIDED"])
def test_whom_the_producer_could_not_bound_is_never_certified(status):
    code = torch.tensor([BoundStatus[status]], dtype=torch.uint8)
    head = FrozenHead(
        (torch.zeros(2, 2, dtype=torch.float64),), (torch.tensor([0.0, 9.0], dtype=torch.float64),)
    )
    bounds = Bounds(torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1, dtype=torch.float64), code)
    decided = decide(head, bounds, RadiusMethod.CLOSED_FORM, Draws(1.0, Sampling(), 0), ["a"])
    assert decided.status[0] == status
    assert decided.reason[0]


@pytest.mark.parametrize("spoiled", [float("nan"), torch.finfo(torch.float64).max])
def test_radii_that_are_no_bounds_never_certify(spoiled):
    head = FrozenHead(
        (torch.zeros(2, 2, dtype=torch.float64),), (torch.tensor([0.0, 9.0], dtype=torch.float64),)
    )
    radii = torch.tensor([spoiled], dtype=torch.float64)
    bounds = Bounds(torch.zeros(1, 2), torch.zeros(1, 2), radii, torch.zeros(1, dtype=torch.uint8))
    for method in RadiusMethod:
        draws = Draws(1.0, Sampling(selection_samples=10, samples=100), 0)
        decided = decide(head, bounds, method, draws, ["a"])
        assert decided.status[0] != "CERTIFIED", method
