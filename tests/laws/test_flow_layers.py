"""Every layer of the flow, in float64: its inverse undoes it and its log-determinant is autograd's."""

from __future__ import annotations

import pytest
import torch
from torch.autograd.functional import jacobian

from shared_spec.flow.coupling import ZeroConv, coupling_layer
from shared_spec.flow.layers import pack, squeeze, unpack, unsqueeze
from shared_spec.flow.mixing import ChannelMixing
from shared_spec.flow.prior import gaussian_log_prob
from shared_spec.rng import torch_generator


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch_generator(seed, "test"), dtype=torch.float64)


def perturb(module):
    """Random values for every parameter, so that nothing is zero or the identity by initialisation."""
    module.double()
    with torch.no_grad():
        for index, parameter in enumerate(module.parameters()):
            parameter += 0.3 * draw(*parameter.shape, seed=index + 1)
    return module


def log_det_by_autograd(function, x):
    return torch.linalg.slogdet(jacobian(function, x.flatten()))[1]


def test_squeeze_moves_every_value_to_one_place_and_back():
    x = torch.arange(2 * 4 * 6 * 3).view(2, 4, 6, 3)
    assert torch.equal(unsqueeze(squeeze(x)), x), "unsqueeze does not undo squeeze"
    patch = squeeze(x)[0, 1, 2]
    assert set(patch.tolist()) == set(x[0, 2:4, 4:6].flatten().tolist()), "a patch was torn apart"


def test_pack_is_a_bijection():
    parts = [draw(3, 4, 4, 6), draw(3, 2, 2, 12, seed=1), draw(3, 1, 1, 24, seed=2)]
    z = pack(parts)
    assert z.shape == (3, sum(part[0].numel() for part in parts))
    for part, back in zip(parts, unpack(z, [part.shape[1:] for part in parts]), strict=True):
        assert torch.equal(part, back), "unpack does not undo pack"


def test_mixing_maps_invert_each_other_and_know_their_determinant():
    mixing = perturb(ChannelMixing(3, 8, torch_generator(0, "mixing")))
    matrices, offsets = mixing.maps()
    inverses, back_offsets = mixing.inverse_maps()
    x = draw(5, 8)
    for step in range(3):
        y = x @ matrices[step].T + offsets[step]
        back = y @ inverses[step].T + back_offsets[step]
        assert torch.allclose(back, x, atol=1e-10), f"step {step} is not undone"
    total = torch.linalg.slogdet(matrices)[1].sum()
    assert torch.allclose(mixing.log_det(), total), "log-determinant is not sum(log s + d)"


def test_new_mixing_is_a_rotation():
    matrices, offsets = ChannelMixing(4, 6, torch_generator(1, "mixing")).maps()
    assert torch.allclose(matrices @ matrices.mT, torch.eye(6), atol=1e-5)
    assert not offsets.any()


def test_actnorm_initialisation_gives_mean_0_and_deviation_1():
    mixing = ChannelMixing(2, 4, torch_generator(0, "mixing")).double()
    x = draw(7, 3, 3, 4) * torch.tensor([0.1, 1.0, 5.0, 40.0]) + torch.tensor([3.0, -2.0, 0, 9.0])
    mixing.initialise(1, x)
    normal = ((x + mixing.bias[1]) * mixing.log_scale[1].exp()).reshape(-1, 4)
    assert torch.allclose(normal.mean(0), torch.zeros(4, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(normal.std(0, correction=0), torch.ones(4, dtype=torch.float64))
    assert mixing.initialised.tolist() == [0.0, 1.0], "the flag of another step was touched"
    mixing.initialise(0, torch.ones(2, 2, 2, 4, dtype=torch.float64))
    assert torch.isfinite(mixing.log_scale).all(), "a constant channel made the scale infinite"


@pytest.mark.parametrize("kind", ["additive", "affine"])
def test_coupling_inverts_and_knows_its_determinant(kind):
    layer = perturb(coupling_layer(kind, 6, 5, torch_generator(0, "coupling")))
    x = draw(2, 2, 2, 6)
    y, log_det = layer(x)
    assert not torch.allclose(y, x, atol=1e-3), "the coupling does nothing, so the test is void"
    assert torch.allclose(layer.inverse(y), x, atol=1e-10), "inverse does not undo the coupling"
    found = torch.zeros(2, dtype=torch.float64) if log_det is None else log_det
    for row in range(2):
        one = log_det_by_autograd(lambda v: layer(v.view(1, 2, 2, 6))[0].flatten(), x[row])
        assert torch.allclose(found[row], one), f"{kind} log-determinant differs from autograd's"


@pytest.mark.parametrize("kind", ["additive", "affine"])
def test_new_coupling_moves_nothing_but_by_its_constant_scale(kind):
    layer = coupling_layer(kind, 6, 5, torch_generator(0, "coupling")).double()
    x = draw(2, 4, 4, 6)
    scale = 1.0 if kind == "additive" else torch.sigmoid(torch.tensor(2.0, dtype=torch.float64))
    expected = torch.cat([x[..., :3], x[..., 3:] * scale], dim=-1)
    assert torch.allclose(layer(x)[0], expected), "the last convolution does not start at zero"


def test_zero_convolution_scales_its_output():
    conv = perturb(ZeroConv(3, 4))
    x = draw(2, 5, 5, 3)
    plain = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), conv.weight, conv.bias, padding=1)
    expected = plain.permute(0, 2, 3, 1) * (3 * conv.log_scale).exp()
    assert torch.allclose(conv(x), expected), "folding changed the zero convolution"


def test_gaussian_log_prob_is_the_normal_density():
    z, mean, log_deviation = draw(3, 2, 2, 4), draw(3, 2, 2, 4, seed=1), draw(3, 2, 2, 4, seed=2)
    normal = torch.distributions.Normal(mean, log_deviation.exp())
    expected = normal.log_prob(z).sum((1, 2, 3))
    assert torch.allclose(gaussian_log_prob(z, mean, log_deviation), expected)
