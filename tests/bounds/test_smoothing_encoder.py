"""The smoothing view of an encoder: attacks, the textbook, streams of draws, and what is refused."""

import math
from fractions import Fraction

import pytest
import textbook_smoothing as textbook
import torch
from random_encoders import random_net

from producer.encoder import fold
from producer.views.smoothing.center_smoothing import certify, predict
from producer.views.smoothing.sampling import draws, evaluation_errors, representation_map
from producer.views.smoothing.view import SmoothingView
from shared_spec.errors import DataError, SettingsError
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.smoothing.plan import make_plan
from shared_spec.smoothing.settings import SmoothingSettings
from shared_spec.terms import BoundStatus

SMALL = SmoothingSettings(n0=2000, n=2000)
PAPER = SmoothingSettings(statement="paper", n0=5000, n=5000)
EPSILON = 1.0


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("statement", ["D", "paper"])
def test_the_deployed_encoder_stays_within_the_radius_all_over_the_similarity_set(k, statement):
    folded = fold(random_net())
    generator = torch_generator(4, "test.attack")
    similarity = SimilaritySet(torch.randn(k, 24, generator=generator), EPSILON)
    z = torch.randn(1, 24, generator=generator)
    settings = PAPER if statement == "paper" else SMALL
    view = SmoothingView(settings).bound(folded, z, ["x"], similarity, 0)
    assert view.status.tolist() == [BoundStatus.BOUNDED]
    t = torch.cat(
        [similarity.uniform(20, generator), torch.eye(k) * EPSILON, -torch.eye(k) * EPSILON]
    )
    points = similarity.points(z, t)
    answers = SmoothingView(settings).predict(
        folded, points, [str(i) for i in range(len(t))], similarity, 0
    )
    answered = answers.status == BoundStatus.BOUNDED
    assert answered.double().mean() > 0.8, "the deployed encoder abstains too often"
    moved = (answers.centre.double() - view.centre[0].double()).norm(dim=1)
    assert (moved[answered] <= view.radius[0]).all()
    assert moved[answered].max() > 0.05 * view.radius[0], "the attack does not move the encoder"


@pytest.mark.parametrize("k", [1, 2])
def test_the_same_draws_give_the_textbook_its_radius(k):
    encoder = random_net()
    generator = torch_generator(5, "test.textbook")
    similarity = SimilaritySet(torch.randn(k, 24, generator=generator), EPSILON)
    z = torch.randn(1, 24, generator=generator)
    settings = SmoothingSettings(statement="paper", n0=4000, n=2000, candidates=4000)
    view = SmoothingView(settings).bound(fold(encoder), z, ["x"], similarity, 7)
    sigma = settings.sigma_at(EPSILON)
    sets = [
        draws(7, f"smoothing.{purpose}", "x", n, k, sigma)
        for purpose, n in (("centre", 4000), ("check", 4000), ("radius", 2000))
    ]
    centre, radius = textbook.certify(encoder, z[0], similarity.vectors, EPSILON, sigma, *sets)
    assert radius is not None
    assert (centre - view.centre[0]).norm() < 0.02 * radius, "another medoid"
    assert float(view.radius[0]) == pytest.approx(radius, rel=0.01)
    fast = SmoothingView(settings.model_copy(update={"candidates": 200})).bound(
        fold(encoder), z, ["x"], similarity, 7
    )
    assert float(fast.radius[0]) == pytest.approx(radius, rel=0.05), "200 candidates lose too much"


def test_an_individual_is_the_same_in_any_company():
    folded = fold(random_net())
    generator = torch_generator(6, "test.batch")
    similarity = SimilaritySet(torch.randn(2, 24, generator=generator), EPSILON)
    z = torch.randn(5, 24, generator=generator)
    ids = [f"person-{i}" for i in range(5)]
    settings = SmoothingSettings(n0=400, n=400)
    together = SmoothingView(settings).bound(folded, z, ids, similarity, 0)
    order = [3, 0, 4]
    apart = SmoothingView(settings).bound(folded, z[order], [ids[i] for i in order], similarity, 0)
    for name, tensor in together.tensors("view").items():
        assert torch.equal(tensor[order], apart.tensors("view")[name]), name
    renamed = SmoothingView(settings).bound(folded, z[:1], ["another"], similarity, 0)
    reseeded = SmoothingView(settings).bound(folded, z[:1], ids[:1], similarity, 1)
    assert len({float(v.further["quantile"][0]) for v in (together, renamed, reseeded)}) == 3, (
        "a stream is shared"
    )


@pytest.mark.parametrize("k", [1, 2])
def test_evaluation_is_as_close_to_the_reals_as_is_said(k):
    # The first bias takes away nearly all of a long latent's part, so that most digits cancel.
    folded = fold(random_net())
    generator = torch_generator(8, "test.rounding")
    similarity = SimilaritySet(torch.randn(k, 24, generator=generator), EPSILON)
    z = 1e9 * torch.randn(24, generator=generator, dtype=torch.float64)
    shift = folded.weights[0] @ z - folded.biases[0]
    folded = ReluNetwork(folded.weights, (-shift, *folded.biases[1:]))
    sigma = 0.65
    t = draws(0, "radius", "x", 400, k, sigma)
    offset = folded.first_layer(z)
    g = representation_map(
        folded, offset, folded.directions(similarity.vectors), float(t.norm(dim=1).max())
    )
    far = max(
        math.dist(point.tolist(), in_rationals(folded, z, similarity.vectors, coefficients))
        for point, coefficients in zip(g(t[:20]), t[:20], strict=True)
    )
    error = evaluation_errors(folded, similarity, sigma)(z, offset)
    assert 1e-9 < far <= error < 1e-2, f"{far} from the reals, {error} allowed"


@pytest.mark.parametrize("k", [1, 2])
def test_evaluation_is_bounded_as_far_away_as_draws_can_fall(k):
    """At a similar individual one deviation's draw from the edge counts as much as epsilon itself."""
    folded, generator = fold(random_net()), torch_generator(9, "test.reach")
    vectors = 1e6 * torch.randn(k, 24, generator=generator)
    z = torch.randn(24, generator=generator, dtype=torch.float64)
    offset = folded.first_layer(z)

    def error(epsilon, sigma):
        return evaluation_errors(folded, SimilaritySet(vectors, epsilon), sigma)(z, offset)

    assert error(EPSILON, 0.65) >= error(EPSILON + 12 * 0.65, 1e-9)


def in_rationals(folded, z, vectors, t):
    """R(z + sum t_i a_i) without any rounding, of the stored numbers."""
    values = [Fraction(number) for number in z.tolist()]
    for share, vector in zip(t.tolist(), vectors.double().tolist(), strict=True):
        moved = (Fraction(share) * Fraction(a) for a in vector)
        values = [value + change for value, change in zip(values, moved, strict=True)]
    for index, (weight, bias) in enumerate(zip(folded.weights, folded.biases, strict=True)):
        if index:
            values = [max(value, Fraction(0)) for value in values]
        values = [
            sum(Fraction(w) * value for w, value in zip(row, values, strict=True)) + Fraction(b)
            for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
    return [float(value) for value in values]


def test_every_purpose_draws_from_a_stream_of_its_own():
    folded = fold(random_net())
    similarity = SimilaritySet(torch.ones(1, 24), EPSILON)
    z = torch.zeros(1, 24)
    settings = SmoothingSettings(n0=400, n=400)
    view = SmoothingView(settings).bound(folded, z, ["x"], similarity, 9)
    plan = make_plan(settings, EPSILON)
    sets = {
        purpose: draws(9, f"smoothing.{purpose}", "x", 400, 1, plan.sigma)
        for purpose in ("centre", "check", "radius", "query-centre", "query-check")
    }
    assert len({tuple(t[:3].flatten().tolist()) for t in sets.values()}) == 5
    assert float(torch.cat(list(sets.values()), dim=1).T.corrcoef().triu(1).abs().max()) < 0.3
    direct = folded.first_layer(z[0]), folded.directions(similarity.vectors)
    reach = max(float(sets[name].abs().max()) for name in ("centre", "check", "radius"))
    g = representation_map(folded, *direct, reach)
    error = evaluation_errors(folded, similarity, plan.sigma)(z[0], direct[0])
    bound = certify(g, plan, sets["centre"], sets["check"], sets["radius"], error)
    assert float(view.radius[0]) == bound.radius, "the purposes are not those that were drawn for"
    reused = certify(
        g, plan, sets["centre"], sets["centre"], sets["radius"], error
    ).prediction.ball_count
    assert int(view.further["ball_count"][0]) == bound.prediction.ball_count != reused
    answer = SmoothingView(settings).predict(folded, z, ["x"], similarity, 9)
    reach = max(float(sets[name].abs().max()) for name in ("query-centre", "query-check"))
    g = representation_map(folded, *direct, reach)
    expected = predict(g, plan, sets["query-centre"], sets["query-check"]).centre.float()
    assert torch.equal(answer.centre[0], expected)


def test_nobody_is_certified_for_nothing_asked():
    folded = fold(random_net())
    similarity = SimilaritySet(torch.ones(1, 24), EPSILON)
    view = SmoothingView(SMALL).bound(folded, torch.zeros(0, 24), [], similarity, 0)
    assert view.centre.shape == (0, 8)
    assert view.radius.shape == (0,)


def test_what_cannot_be_bounded_is_refused():
    folded = fold(random_net())
    similarity = SimilaritySet(torch.ones(1, 24), EPSILON)
    z = torch.zeros(2, 24)
    with pytest.raises(DataError, match="twice"):
        SmoothingView(SMALL).bound(folded, z, ["a", "a"], similarity, 0)
    with pytest.raises(DataError, match="shape"):
        SmoothingView(SMALL).bound(folded, z[:, 1:], ["a", "b"], similarity, 0)
    broken = torch.stack([z[0], z[1] + math.nan])
    with pytest.raises(DataError, match="'b' is not finite"):
        SmoothingView(SMALL).bound(folded, broken, ["a", "b"], similarity, 0)
    ideal = SMALL.model_copy(update={"statement": "I"})
    with pytest.raises(SettingsError, match="`statement` I"):
        SmoothingView(ideal).predict(folded, z, ["a", "b"], similarity, 0)
    hopeless = SMALL.model_copy(update={"n": 10})
    with pytest.raises(SettingsError, match="only abstain"):
        SmoothingView(hopeless).bound(folded, z, ["a", "b"], similarity, 0)
