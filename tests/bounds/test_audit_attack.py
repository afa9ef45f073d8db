"""The auditor's attack never exceeds what is attained, and comes close to the true maximum."""

import pytest
import torch
from torch import nn

from producer.auditing.dense_attack import Attack
from producer.encoder import Encoder, EncoderConfig, fold
from producer.views.exact.bounds import certify_exact
from shared_spec.chains import EditChains
from shared_spec.rng import torch_generator
from shared_spec.similarity import SimilaritySet


def encoder(widths, projected=0):
    generator = torch_generator(3, "audit.test")
    config = EncoderConfig(
        input_dim=widths[0], hidden=widths[1:-1], output_dim=widths[-1], projected=projected
    )
    made = Encoder(config, generator)
    for norm in made.norms:
        norm.running_mean.normal_(generator=generator)
        norm.running_var.uniform_(0.5, 2.0, generator=generator)
        if norm.affine:
            nn.init.uniform_(norm.weight, 0.5, 2.0, generator=generator)
            nn.init.normal_(norm.bias, generator=generator)
    return made.eval().requires_grad_(False)


def case(k, n=6, q=20):
    generator = torch_generator(k, "audit.case")
    latents = torch.randn(n, q, generator=generator)
    return latents, SimilaritySet(torch.randn(k, q, generator=generator), 1.3)


@pytest.mark.parametrize("widths", [(20, 16, 12, 5), (20, 5)], ids=["mlp", "linear"])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_between_what_is_proved_to_be_attained_and_what_is_proved_to_be_the_limit(k, widths):
    model, (latents, similarity) = encoder(widths), case(k)
    bounds = certify_exact(fold(model), latents, similarity.vectors, 1.3, tolerance=0.01)
    found = Attack(model, similarity).from_centre(latents, bounds.centre)
    assert (found <= bounds.radius * (1 + 1e-9)).all()
    # The maximum is above the lower bound; refinement comes close to it.
    assert (found >= 0.995 * bounds.lower_bound).all()


def test_for_one_attribute_it_finds_the_maximum_of_a_fine_grid_and_more():
    model, (latents, similarity) = encoder((20, 16, 12, 5)), case(1)
    centre = torch.zeros(len(latents), 5)
    t = torch.linspace(-1.3, 1.3, 20_001, dtype=torch.float64)[:, None]
    values = fold(model)(similarity.points(latents[:, None], t))
    dense = values.norm(dim=2).amax(1)
    found = Attack(model, similarity).from_centre(latents, centre)
    assert (found >= dense - 1e-9).all()
    assert (found <= dense + 1e-2).all()


def test_a_chain_through_every_point_of_a_fine_grid_holds_and_one_that_is_cut_does_not():
    model, (latents, similarity) = encoder((20, 16, 12, 5)), case(1)
    t = torch.linspace(-1.3, 1.3, 401, dtype=torch.float64)[:, None]
    chain = fold(model)(similarity.points(latents[:, None], t))
    attack = Attack(model, similarity)
    # Half a step of the grid, at the steepest.
    step = chain.diff(dim=1).norm(dim=2).amax(1)
    assert (attack.from_chain(latents, chain) <= 0.5 * step).all()
    cut = attack.from_chain(latents, chain[:, :200])
    ends = (chain[:, -1:] - chain[:, :200]).norm(dim=2).amin(1)
    assert (cut >= 0.5 * ends).all()


def test_along_chains_it_finds_the_maximum_of_a_fine_grid_ends_included():
    model = encoder((12, 16, 12, 5))
    generator = torch_generator(5, "audit.chains")
    chains = EditChains(torch.ones(2, 3, 2, 2), (-1.0, 0.5, 2.0))
    latents = torch.randn(4, chains.images_each, 12, generator=generator)
    corners = chains.corners(latents.double())
    share = torch.linspace(0, 1, 2001, dtype=torch.float64)[:, None]
    between = torch.lerp(corners[:, :, :-1, None], corners[:, :, 1:, None], share)
    values = fold(model)(between).flatten(1, 3)
    for centre in (torch.zeros(4, 5), values[:, -1].float()):
        dense = (values - centre[:, None].double()).norm(dim=2).amax(1)
        found = Attack(model, chains).from_centre(latents, centre)
        assert (found >= dense * (1 - 1e-6)).all()
        assert (found <= dense + 1e-2).all()


def test_vertices_are_where_they_are_said_to_be():
    model, (latents, similarity) = encoder((20, 16, 12, 5)), case(1)
    place = torch.tensor([-1.0, -0.25, 0.5, 1.0], dtype=torch.float64).expand(len(latents), -1)
    vertices = fold(model)(similarity.points(latents[:, None], 1.3 * place[..., None]))
    attack = Attack(model, similarity)
    assert (attack.from_places(latents, vertices, place) < 1e-9).all()
    moved = vertices.clone()
    moved[:, 2, 0] += 0.1
    assert torch.allclose(attack.from_places(latents, moved, place), torch.tensor(0.1).double())
    chains = EditChains(torch.ones(2, 3, 2, 2), (-1.0, 0.5, 2.0))
    small = encoder((12, 16, 12, 5))
    own = torch.randn(4, chains.images_each, 12, generator=torch_generator(6, "audit.chains"))
    # Every corner of every chain, both ends included, and a point between two.
    corners = chains.corners(own.double())
    place = torch.arange(corners.shape[1] * corners.shape[2], dtype=torch.float64).expand(4, -1)
    attack = Attack(small, chains)
    found = attack.from_places(own, fold(small)(corners).flatten(1, 2), place)
    assert (found < 1e-9).all()
    between = fold(small)(torch.lerp(corners[:, 1, 2], corners[:, 1, 3], 0.25))[:, None]
    at = torch.full((4, 1), corners.shape[2] + 2.25, dtype=torch.float64)
    assert (attack.from_places(own, between, at) < 1e-9).all()


def test_a_chain_that_holds_as_a_set_and_is_late_is_found_late():
    """What is certified of a part of the similarity set is about the polyline's point at the same parameter."""
    model, (latents, similarity) = encoder((20, 16, 12, 5)), case(1)
    place = torch.linspace(-1.0, 1.0, 201, dtype=torch.float64).expand(len(latents), -1)
    vertices = fold(model)(similarity.points(latents[:, None], 1.3 * place[..., None]))
    attack = Attack(model, similarity)
    true = attack.from_timetable(latents, vertices, place)
    assert (true >= attack.from_chain(latents, vertices) - 1e-12).all()
    assert (true <= vertices.diff(dim=1).norm(dim=2).amax(1)).all()
    # The same points, reached a fifth of the way later or earlier; the ends stay where they are.
    late = place + 0.2 * (1.0 - place.square())
    found = attack.from_timetable(latents, vertices, late)
    values = fold(model)(similarity.points(latents[:, None], 1.3 * late[..., None]))
    assert (found >= (values - vertices).norm(dim=2).amax(1) * (1 - 1e-3)).all()
    # Nothing is said beyond the ends.
    middle = slice(50, 151)
    inner = attack.from_timetable(latents, vertices[:, middle], place[:, middle])
    assert (inner <= vertices.diff(dim=1).norm(dim=2).amax(1)).all()


def test_a_chain_of_one_vertex_is_a_centre():
    model, (latents, similarity) = encoder((20, 16, 12, 5)), case(2)
    centre, attack = torch.ones(len(latents), 5), Attack(model, similarity)
    assert torch.allclose(
        attack.from_chain(latents, centre[:, None]), attack.from_centre(latents, centre)
    )


def test_nobody_has_no_distances_and_others_change_nothing():
    model, (latents, similarity) = encoder((20, 16, 12, 5)), case(1, n=25)
    centre, attack = torch.zeros(25, 5), Attack(model, similarity)
    assert len(attack.from_centre(latents[:0], centre[:0])) == 0
    alone = torch.cat([attack.from_centre(latents[i : i + 1], centre[:1]) for i in range(25)])
    assert torch.allclose(attack.from_centre(latents, centre), alone, rtol=1e-9)


def test_it_knows_nothing_of_the_bounds():
    """Apart: an error there cannot hide itself here."""
    from pathlib import Path

    import producer.auditing.dense_attack as module

    text = Path(module.__file__).read_text()
    imported = [line.split()[1] for line in text.splitlines() if line.startswith("from ")]
    assert not any(name.startswith(("producer.views", "shared_spec.relu")) for name in imported)
