"""The rehearsal of the consumer: heads that learn, scores that equal brute force, a choice by its rule."""

import pytest
import torch

from producer.rehearsal import (
    LinearHeads,
    Score,
    choose_score,
    enough_epochs,
    pareto_front,
    score_heads,
    train_linear_heads,
)
from producer.views.view import ViewBounds
from shared_spec.errors import SettingsError
from shared_spec.rng import torch_generator
from shared_spec.terms import BoundStatus


def two_clusters(n=2000, d=6):
    draw = torch_generator(0, "clusters")
    labels = torch.randint(0, 2, (n,), generator=draw)
    points = torch.randn(n, d, generator=draw)
    points[:, 0] += 4.0 * labels - 2.0
    return points, labels


def train(sigmas):
    points, labels = two_clusters()
    return train_linear_heads(
        points, labels, 2, sigmas, torch_generator(1, "heads"), epochs=5, learning_rate=0.05
    )


def balls(centres, radii):
    """The bounds of people who are all bounded."""
    return ViewBounds(centres, radii, torch.full((len(radii),), BoundStatus.BOUNDED))


def test_heads_learn_what_can_be_learnt():
    points, labels = two_clusters()
    bounds = balls(points, torch.zeros(len(points)))
    (accuracy, certified), *_ = score_heads(train([0.5]), points, bounds, labels)
    assert accuracy > 0.95
    assert certified == 1.0, "a ball of radius zero has one decision"


def test_a_level_does_not_depend_on_the_levels_beside_it():
    alone, beside = train([2.5]), train([0.1, 2.5, 10.0])
    torch.testing.assert_close(alone.weight[0], beside.weight[1], rtol=0, atol=1e-5)
    torch.testing.assert_close(alone.bias[0], beside.bias[1], rtol=0, atol=1e-5)


def test_levels_differ():
    heads = train([0.1, 10.0])
    assert (heads.weight[0] - heads.weight[1]).abs().max() > 1e-3


def test_certified_is_what_an_attack_in_the_worst_direction_leaves():
    draw = torch_generator(2, "attack")
    weight, bias = torch.randn(3, 4, generator=draw), torch.randn(3, generator=draw)
    centres, radii = torch.randn(400, 4, generator=draw), torch.rand(400, generator=draw)
    labels = (centres @ weight.T + bias).argmax(1)
    heads = LinearHeads(weight[None], bias[None])
    ((accuracy, certified),) = score_heads(heads, centres, balls(centres, radii), labels)
    same = torch.ones(400, dtype=torch.bool)
    for rival in range(3):
        away = weight[rival] - weight[labels]
        length = away.norm(dim=1, keepdim=True).clamp_min(1e-12)
        moved = centres + radii[:, None] * away / length
        same &= (moved @ weight.T + bias).argmax(1) == labels
    assert accuracy == 1.0
    assert 0.1 < certified < 0.9
    assert certified == pytest.approx(float(same.double().mean()), abs=1e-9)


def test_whoever_has_no_bound_is_not_certified():
    points, labels = two_clusters(100)
    bounds = balls(points, torch.zeros(100))
    bounds.status[30:60] = BoundStatus.ABSTAIN
    bounds.status[60:] = BoundStatus.UNDECIDED
    ((_, certified),) = score_heads(train([0.5]), points, bounds, labels)
    assert certified == pytest.approx(0.3)


def score(accuracy, certified, lambda_2=0.1):
    return Score(lambda_2, 0, 1.0, "exact", accuracy, certified)


def test_the_front_is_whom_nobody_beats():
    best, fair, beaten, tie = (
        score(0.9, 0.5),
        score(0.8, 0.9),
        score(0.8, 0.5),
        score(0.9, 0.5, 0.5),
    )
    assert pareto_front([best, fair, beaten, tie]) == [best, fair, tie]


def test_the_choice_gives_up_no_more_accuracy_than_allowed():
    scores = [score(0.90, 0.2), score(0.895, 0.7), score(0.85, 1.0)]
    assert choose_score(scores, 0.01) == scores[1]
    assert choose_score(scores, 0.0) == scores[0]
    assert choose_score(scores, 0.06) == scores[2]


def test_nothing_to_choose_from_is_refused():
    with pytest.raises(SettingsError, match="nothing to choose"):
        choose_score([], 0.01)
    with pytest.raises(SettingsError, match="at least one"):
        train([])


@pytest.mark.parametrize(
    ("individuals", "epochs"), [(1, 50), (128, 50), (480, 13), (6400, 1), (100_000, 1)]
)
def test_heads_of_few_people_are_trained_for_fifty_steps_and_those_of_many_once(
    individuals, epochs
):
    assert enough_epochs(individuals) == epochs
