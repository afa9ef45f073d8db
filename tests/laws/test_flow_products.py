"""The coupling network's products over tiles are its convolutions, whatever the tile, and so are their gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from shared_spec.flow import products
from shared_spec.flow.coupling import CouplingNet
from shared_spec.flow.products import coupling_products, gather_patches, scatter_patches
from shared_spec.rng import torch_generator

SHAPES = [(3, 5, 4, 2), (6, 2, 3, 3), (6,), (6, 6, 1, 1), (6,), (4, 6, 3, 3)]
"""x [n, h, w, c] and the weights of a network of 2 -> 6 -> 6 -> 4 channels."""


def operands(dtype=torch.float64):
    generator = torch_generator(0, "products")
    draws = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in SHAPES)
    return [draw.to(dtype).requires_grad_() for draw in draws]


def by_products(x, w1, b1, w2, b2, w3, dtype=None):
    return coupling_products(x, (w1, b1), (w2, b2), w3, dtype or x.dtype)


def by_convolutions(x, w1, b1, w2, b2, w3):
    y = F.relu(F.conv2d(x.permute(0, 3, 1, 2), w1, b1, padding=1))
    y = F.relu(F.conv2d(y, w2, b2))
    return F.conv2d(y, w3, padding=1).permute(0, 2, 3, 1)


@pytest.fixture(params=[1, 2, 3], ids="{} images per tile".format)
def tiled(request, monkeypatch):
    monkeypatch.setattr(products, "_images_per_tile", lambda *_: request.param)


def test_scattering_is_the_adjoint_of_gathering():
    generator = torch_generator(0, "patches")
    x = torch.randn(2, 4, 5, 3, generator=generator, dtype=torch.float64)
    patches = torch.randn(2 * 4 * 5, 27, generator=generator, dtype=torch.float64)
    left, right = (
        (gather_patches(x) * patches).sum(),
        (x * scatter_patches(patches, (2, 4, 5))).sum(),
    )
    assert torch.allclose(left, right), "<gather x, p> differs from <x, scatter p>"


@pytest.mark.usefixtures("tiled")
def test_products_are_the_convolutions():
    given = operands()
    assert torch.allclose(by_products(*given), by_convolutions(*given), atol=1e-12)
    with torch.no_grad():
        assert torch.allclose(by_products(*given), by_convolutions(*given), atol=1e-12)


@pytest.mark.usefixtures("tiled")
def test_gradients_are_those_of_finite_differences():
    assert gradcheck(by_products, operands())


@pytest.mark.usefixtures("tiled")
@pytest.mark.parametrize("fused", [True, False], ids=["as here", "without oneDNN"])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_short_types_err_by_their_rounding_only(dtype, error, fused, monkeypatch):
    if not fused:
        monkeypatch.setattr(products, "_fuses", lambda _: False)
    exact, short = operands(), operands(torch.float32)
    arriving = torch.randn(3, 5, 4, 4, generator=torch_generator(1, "products"))
    y, expected = by_products(*short, dtype=dtype), by_convolutions(*exact)
    found = torch.autograd.grad(y, short, arriving)
    wanted = torch.autograd.grad(expected, exact, arriving.double())
    for name, got, want in zip(
        ["y", "x", "w1", "b1", "w2", "b2", "w3"], (y, *found), (expected, *wanted), strict=True
    ):
        assert got.dtype == torch.float32, f"{name} is not in the type of x and the weights"
        assert (got - want).norm() <= error * want.norm(), f"{name} errs by more than rounding"


def test_an_image_itself_needs_no_gradient():
    given = operands()
    image = given[0].detach()
    by_products(image, *given[1:]).sum().backward()
    assert image.grad is None
    assert all(weight.grad is not None for weight in given[1:])


def test_no_images_give_no_outputs_and_zero_gradients():
    given = operands()
    y = by_products(given[0][:0], *given[1:])
    assert y.shape == (0, 5, 4, 4)
    y.sum().backward()
    assert not any(weight.grad.any() for weight in given[1:])


def test_accelerators_compute_the_same_network():
    net = CouplingNet(2, 6, 4, torch_generator(0, "coupling"))
    with torch.no_grad():
        net.last.weight += torch.randn(4, 6, 3, 3, generator=torch_generator(2, "products"))
        net.last.bias += 0.5
        net.last.log_scale += 0.1
    x = torch.randn(3, 5, 4, 2, generator=torch_generator(3, "products"))
    elsewhere = net.last.finish(net._convolutions(x, x.dtype))
    assert torch.allclose(elsewhere, net(x), atol=1e-5)
