"""What certificates need of the arithmetic is seen to, whatever whoever calls has set and whatever computes."""

import inspect

import numpy as np
import pytest
import rational_line as oracle
import torch
from far_device import FAR, far_device

from producer.views.exact.bounds import certify_chains, certify_exact
from producer.views.exact.settings import ExactSettings
from producer.views.smoothing.view import SmoothingView
from shared_spec import arithmetic
from shared_spec.arithmetic import full_precision, require_float64
from shared_spec.errors import SettingsError
from shared_spec.flow import Glow, GlowConfig
from shared_spec.latents import encode_images
from shared_spec.relu_network import ReluNetwork
from shared_spec.rng import numpy_generator, torch_generator
from shared_spec.similarity import SimilaritySet
from shared_spec.smoothing.settings import SmoothingSettings

ENCODER = oracle.small_encoder((5, 10, 4), 1)
LATENTS, VECTORS = oracle.small_set(ENCODER, 3, 1, 1)


def switches():
    """What decides how float32 is multiplied and convolved."""
    backends = torch.backends
    places = (backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv)  # fmt: skip
    return [place.fp32_precision for place in places] + [
        torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")
    ]


STRICT = ["ieee"] * 4 + [False] * 2


def published(precision):
    def turn_on():
        torch.set_float32_matmul_precision(precision)

    return turn_on


LOOSE = {
    "nothing": lambda: None,
    "high": published("high"),
    "medium": published("medium"),
    "matmul TF32": lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
    "cuDNN TF32": lambda: setattr(torch.backends.cudnn, "allow_tf32", True),
    "all TF32": lambda: setattr(torch.backends, "fp32_precision", "tf32"),
}


@pytest.fixture(params=LOOSE)
def loose(request):
    """Each switch turned on, and autocast, as somebody might who calls; what was set before is set again."""
    backends = torch.backends
    places = [
        backends, backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn, backends.mkldnn.matmul,
        backends.mkldnn.conv,
    ]  # fmt: skip
    before = [place.fp32_precision for place in places]
    LOOSE[request.param]()
    with (
        torch.autocast("cpu", torch.bfloat16),
        torch.autocast("cuda", torch.bfloat16, enabled=False),
    ):
        yield
    for place, precision in zip(places, before, strict=True):
        place.fp32_precision = precision


def test_the_switches_are_off_within_and_as_they_were_after(loose):
    before = switches()
    assert before != STRICT, "nothing was turned on"
    with full_precision():
        assert switches() == STRICT
    assert switches() == before
    with pytest.raises(KeyError), full_precision():
        raise KeyError
    assert switches() == before


def bound_exactly():
    certify_exact(ENCODER, LATENTS, VECTORS, 1.0)


def bound_chains():
    certify_chains(ENCODER, LATENTS[None], torch.tensor([[1, 0, 2]]), ExactSettings())


def smooth():
    view = SmoothingView(SmoothingSettings(n0=1000, n=1000, statement="paper", alpha=0.05))
    view.bound(ENCODER, LATENTS[:1], ["a"], SimilaritySet(VECTORS, 0.5), 0)


def predict():
    view = SmoothingView(SmoothingSettings(n0=1000, n=1000, statement="paper", alpha=0.05))
    view.predict(ENCODER, LATENTS[:1], ["a"], SimilaritySet(VECTORS, 0.5), 0)


@pytest.mark.parametrize("compute", [bound_exactly, bound_chains, smooth, predict])
def test_whatever_bounds_does_so_in_full_precision(compute, monkeypatch):
    seen, first_layer = [], ReluNetwork.first_layer
    monkeypatch.setattr(
        ReluNetwork, "first_layer", lambda *words: (seen.append(switches()), first_layer(*words))[1]
    )
    with torch.autocast("cpu", torch.bfloat16):
        compute()
    assert seen
    assert all(found == STRICT for found in seen)


def test_a_latent_is_the_same_however_loose_whoever_calls_is(loose):
    flow = Glow(GlowConfig(size=8, blocks=1, flows=1, hidden=4), torch_generator(0, "flow"))
    images = numpy_generator(0, "images").integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
    flow.initialise(torch.from_numpy(images) / 255 - 0.5)
    with full_precision():
        expected = encode_images(flow, images)
    assert torch.equal(encode_images(flow, images), expected)
    loosely = inspect.unwrap(encode_images)(flow, images)
    assert not torch.equal(loosely, expected), "what was turned on makes no difference"


def as_float32(product, left, right):
    return product(left.float(), right.float()).double()


def as_tf32(product, left, right):
    def short(values):
        return (values.float().view(torch.int32) & ~0x1FFF).view(torch.float32).double()

    return product(short(left), short(right))


def with_a_common_exponent(product, left, right):
    """55 bits below the largest entry of a row or column, as products put together from integers have them."""

    def fixed(values, dim):
        unit = (
            values.abs().amax(dim, keepdim=True).clamp_min(1e-300).log2().ceil().exp2() * 2.0**-55
        )
        return (values / unit).round() * unit

    return product(fixed(left, -1), fixed(right, -2))


def by_strassen(product, left, right):
    """One step of it: sums of blocks, which are of unlike size, are multiplied."""
    (a, b), (c, d) = (half.chunk(2, -1) for half in left.chunk(2, -2))
    (e, f), (g, h) = (half.chunk(2, -1) for half in right.chunk(2, -2))
    m1, m2, m3 = product(a + d, e + h), product(c + d, e), product(a, f - h)
    m4, m5 = product(d, g - e), product(a + b, h)
    m6, m7 = product(c - a, e + f), product(b - d, g + h)
    top = torch.cat([m1 + m4 - m5 + m7, m3 + m5], -1)
    return torch.cat([top, torch.cat([m2 + m4, m1 - m2 + m3 + m6], -1)], -2)


@pytest.fixture
def fresh():
    """Trials of devices that were not tried before, and are tried again after."""
    arithmetic._rounds_as_assumed.cache_clear()
    yield
    arithmetic._rounds_as_assumed.cache_clear()


@pytest.mark.parametrize("multiply", [as_float32, as_tf32, with_a_common_exponent, by_strassen])
@pytest.mark.parametrize("name", ["mm", "addmm", "bmm"])
def test_a_device_that_multiplies_otherwise_is_refused(multiply, name, fresh):
    product = {"mm": torch.mm, "addmm": torch.mm, "bmm": torch.bmm}[name]

    def altered(operation, args):
        if operation.__name__.split(".")[0] == name:
            return multiply(product, *args[-2:])
        return None

    with far_device(altered) as device, pytest.raises(SettingsError, match=r"IEEE 754.*device cpu"):  # fmt: skip
        certify_exact(ENCODER.to(device), LATENTS, VECTORS, 1.0)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "sqrt", "nextafter", "_to_copy"])
def test_a_device_that_rounds_otherwise_is_refused(name, fresh):
    def nudged(operation, args):
        if operation.__name__.split(".")[0] != name:
            return None
        found = operation(*args)
        return torch.nextafter(found, torch.full_like(found, torch.inf))

    with far_device(nudged) as device, pytest.raises(SettingsError, match="IEEE 754"):
        require_float64(device)


def test_every_sound_device_passes(fresh):
    require_float64(torch.device("cpu"))
    with far_device() as device:
        require_float64(device)


def test_products_put_together_are_refused_but_on_the_host(monkeypatch):
    name = "CUBLAS_EMULATE_DOUBLE_PRECISION"
    monkeypatch.setenv(name, "0")
    with far_device() as device:
        require_float64(device)
        monkeypatch.setenv(name, "1")
        require_float64(torch.device("cpu"))
        with pytest.raises(SettingsError, match=rf"\${name}.*unset it.*cpu"):
            certify_exact(ENCODER.to(FAR), LATENTS, VECTORS, 1.0)
