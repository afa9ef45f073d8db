"""The whole flow: a bijection with an exact density, rebuilt from its state, refused before it has seen data."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from pydantic import ValidationError
from torch.autograd.functional import jacobian

from shared_spec.errors import ArtifactError
from shared_spec.flow import Glow, GlowConfig
from shared_spec.rng import torch_generator


def config(**changes):
    return GlowConfig(**({"size": 8, "blocks": 2, "flows": 2, "hidden": 6} | changes))


def pixels(count, size=8, seed=0, dtype=torch.float64):
    generator = torch_generator(seed, "pixels")
    return torch.rand(count, 3, size, size, generator=generator, dtype=dtype) - 0.5


def trained(settings, dtype=torch.float64):
    """A flow with every parameter away from its initial value, as after training."""
    flow = Glow(settings, torch_generator(0, "flow")).to(dtype)
    flow.initialise(pixels(16, settings.size, dtype=dtype))
    with torch.no_grad():
        for name, parameter in flow.named_parameters():
            noise = torch.randn(parameter.shape, generator=torch_generator(1, name), dtype=dtype)
            parameter += 0.05 * noise
    return flow


CONFIGS = [
    config(),
    config(coupling="affine"),
    config(blocks=1, flows=3),
    config(size=16, blocks=3, coupling="affine"),
]


@pytest.mark.parametrize("settings", CONFIGS, ids=str)
def test_decode_undoes_encode_and_back(settings):
    flow, x = trained(settings), pixels(3, settings.size, seed=1)
    z = flow.encode(x)
    assert z.shape == (3, settings.latent_dim)
    assert torch.allclose(flow.decode(z), x, atol=1e-10), "decode(encode(x)) is not x"
    other = torch.randn(3, settings.latent_dim, generator=torch_generator(2, "z"), dtype=x.dtype)
    assert torch.allclose(flow.encode(flow.decode(other)), other, atol=1e-9), (
        "encode(decode(z)) != z"
    )


@pytest.mark.parametrize("settings", CONFIGS[:3], ids=str)
def test_log_prob_is_the_change_of_variables(settings):
    flow, x = trained(settings), pixels(2, seed=1)
    z, log_prob = flow(x)
    assert torch.equal(z, flow.encode(x)), "forward and encode disagree"
    for row in range(2):
        matrix = jacobian(lambda v: flow.encode(v.view(1, 3, 8, 8)).flatten(), x[row].flatten())
        expected = latent_log_prob(flow, z[row]) + torch.linalg.slogdet(matrix)[1]
        assert torch.allclose(log_prob[row], expected), "log p(x) != log p(z) + log|det dz/dx|"


def latent_log_prob(flow, z):
    """Log-density of one latent under the priors, by the chain rule from the last block to the first."""
    sizes = [math.prod(shape) for shape in flow._shapes]
    parts = [p.view(1, *s) for p, s in zip(z.split(sizes), flow._shapes, strict=True)]
    normal = torch.distributions.Normal(*gaussian(flow.final_prior(1)))
    total = normal.log_prob(parts[-1]).sum()
    h = flow.blocks[-1].inverse(parts[-1])
    for index in reversed(range(len(parts) - 1)):
        normal = torch.distributions.Normal(*gaussian(flow.split_priors[index](h)))
        total = total + normal.log_prob(parts[index]).sum()
        h = flow.blocks[index].inverse(torch.cat([h, parts[index]], dim=-1))
    return total


def gaussian(prior):
    return prior[0], prior[1].exp()


def test_the_density_integrates_to_one():
    # Importance sampling from a wide Gaussian around one 2x2 image of a tiny flow: q = 12.
    flow = trained(GlowConfig(size=2, blocks=1, flows=2, hidden=4, coupling="affine"))
    with torch.no_grad():
        x = flow.sample(100_000, torch_generator(0, "sample"))
        centre, spread = x.mean(0), x.std(0) * 1.15
        normal = torch.distributions.Normal(centre, spread)
        noise = torch.randn(x.shape, generator=torch_generator(1, "proposal"), dtype=x.dtype)
        proposal = centre + spread * noise
        weights = (flow(proposal)[1] - normal.log_prob(proposal).sum((1, 2, 3))).exp()
    error = float(weights.std() / math.sqrt(len(weights)))
    assert error < 0.05, "the check is too weak to say anything"
    assert abs(float(weights.mean()) - 1.0) < 6 * error, "p(x) does not integrate to 1"


def test_samples_have_the_latents_that_were_drawn():
    flow = trained(config())
    with torch.no_grad():
        x = flow.sample(4, torch_generator(0, "sample"), temperature=0.0)
        modes, _ = flow(x)
        last = modes[:, -math.prod(flow._shapes[-1]) :]
    expected = flow.final_prior.mean.flatten().expand_as(last)
    assert torch.allclose(last, expected, atol=1e-9), "temperature 0 is not the prior's mean"


def test_state_rebuilds_the_same_function_and_the_flags_survive():
    flow = trained(config(), torch.float32)
    state = flow.state_dict()
    assert all(value.dtype == torch.float32 for value in state.values()), "the state is not all f32"
    again = Glow(flow.config, torch_generator(5, "other"))
    again.load_state_dict(copy.deepcopy(state))
    x = pixels(4, seed=3, dtype=torch.float32)
    assert torch.equal(again.encode(x), flow.encode(x)), "reloaded weights encode differently"
    assert again.initialised
    with pytest.raises(ArtifactError, match="already initialised"):
        again.initialise(x)


def test_weights_come_from_the_generator_alone():
    one, two = (Glow(config(), torch_generator(4, "flow")).state_dict() for _ in range(2))
    other = Glow(config(), torch_generator(5, "flow")).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["blocks.0.mixing.lower"], other["blocks.0.mixing.lower"])


def test_a_flow_that_saw_no_data_is_refused_everywhere():
    flow, x = Glow(config(), torch_generator(0, "flow")), pixels(2, dtype=torch.float32)
    for call in (flow, flow.encode, lambda x: flow.decode(x.flatten(1))):
        with pytest.raises(ArtifactError, match="never initialised"):
            call(x)
    with pytest.raises(ArtifactError, match="never initialised"):
        flow.sample(1, torch_generator(0, "sample"))
    good = trained(config(), torch.float32)
    good.encode(x)
    state = good.state_dict() | {"blocks.1.mixing.initialised": torch.tensor([1.0, 0.0])}
    good.load_state_dict(state)
    with pytest.raises(ArtifactError, match="never initialised"):
        good.encode(x)


def test_nothing_but_initialise_touches_actnorm():
    flow = trained(config(), torch.float32)
    before = copy.deepcopy(flow.state_dict())
    flow.train()(5 * pixels(4, dtype=torch.float32))
    flow.eval().encode(9 * pixels(4, dtype=torch.float32))
    assert all(torch.equal(before[name], value) for name, value in flow.state_dict().items())


def test_every_actnorm_sees_normalised_data_after_initialisation():
    flow = Glow(config(flows=3), torch_generator(0, "flow")).double()
    x = pixels(64) * 3 + 1
    flow.initialise(x)
    last = flow.encode(x).detach()[:, -math.prod(flow._shapes[-1]) :]
    # A new coupling is the identity and a new 1x1 convolution a rotation: the last block's latents stay standardised.
    assert abs(float(last.mean())) < 1e-6, "the latents are not centred after initialisation"
    assert abs(float(last.square().mean()) - 1) < 1e-6, "the latents are not of deviation 1"


def test_recomputation_and_low_precision_change_little():
    flow, x = trained(config(hidden=16), torch.float32), pixels(4, dtype=torch.float32)
    _, plain = flow(x)
    (plain.sum()).backward()
    gradient = {name: p.grad.clone() for name, p in flow.named_parameters()}
    flow.zero_grad()
    _, recomputed = flow(x, recompute=True)
    recomputed.sum().backward()
    assert torch.equal(plain, recomputed)
    for name, parameter in flow.named_parameters():
        assert torch.allclose(parameter.grad, gradient[name], rtol=1e-5, atol=1e-5), name
    _, low = flow(x, coupling_dtype=torch.bfloat16)
    assert low.dtype == torch.float32
    assert torch.allclose(low, plain, rtol=0.02), "bfloat16 moved the likelihood by more than 2%"
    assert not torch.equal(low, plain), "coupling_dtype was ignored"


@pytest.mark.parametrize(
    "changes",
    [{"size": 12, "blocks": 3}, {"flows": 0}, {"coupling": "spline"}, {"depth": 3}, {"bits": 9}],
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(ValidationError):
        config(**changes)
