"""Laws of the encoder: folding, the split first layer, seeded weights, and what is refused."""

import pytest
import torch
from torch import nn

from producer.encoder import Decoder, Encoder, EncoderConfig, fold
from shared_spec.errors import SettingsError
from shared_spec.rng import torch_generator

CONFIG = EncoderConfig(input_dim=24, hidden=(16, 12), output_dim=8)


def trained(config=CONFIG, seed=0):
    """An encoder in eval mode whose batch norms have seen shifted and scaled data, in float64."""
    generator = torch_generator(seed, "test.encoder")
    encoder = Encoder(config, generator).double().train()
    with torch.no_grad():
        for norm in encoder.norms:
            if norm.affine:
                norm.weight.uniform_(-2, 2, generator=generator)
                norm.bias.uniform_(-1, 1, generator=generator)
        for _ in range(60):
            z = torch.randn(64, config.input_dim, generator=generator, dtype=torch.float64)
            encoder(3 * z + 1)
    return encoder.eval()


@pytest.mark.parametrize("hidden", [(), (16,), (16, 12), (10, 9, 8)])
def test_the_folded_network_is_the_module_in_eval_mode(hidden):
    encoder = trained(EncoderConfig(input_dim=24, hidden=hidden, output_dim=8))
    z = torch.randn(50, 24, generator=torch_generator(1, "z"), dtype=torch.float64)
    difference = (fold(encoder)(z) - encoder(z)).abs().max()
    assert difference < 1e-12, f"folding changed the function by {difference}"


def test_folding_keeps_negative_outputs_and_the_last_batch_norm():
    encoder = trained()
    z = 3 * torch.randn(4000, 24, generator=torch_generator(1, "z"), dtype=torch.float64) + 1
    r = fold(encoder)(z)
    assert (r < 0).any(), "a ReLU follows the last layer"
    # The last batch norm fixes mean 0 and variance 1 on data like that it was fitted to.
    assert r.mean(dim=0).abs().max() < 0.3
    assert ((r.var(dim=0) - 1).abs() < 0.5).all(), "the last batch norm was forgotten"


def test_an_encoder_in_train_mode_is_refused():
    encoder = trained()
    encoder.norms[1].train()
    with pytest.raises(SettingsError, match="train mode"):
        fold(encoder)


def test_an_activation_that_is_not_piecewise_linear_is_refused():
    encoder = trained()
    encoder.activations[0] = nn.GELU().eval()
    with pytest.raises(SettingsError, match="GELU"):
        fold(encoder)


def test_a_weight_that_is_not_finite_is_refused():
    encoder = trained()
    with torch.no_grad():
        encoder.linears[1].weight[0, 0] = float("nan")
    with pytest.raises(SettingsError, match="layer 2"):
        fold(encoder)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_first_layer_splits_into_offset_and_directions(k):
    encoder = trained()
    folded = fold(encoder)
    generator = torch_generator(2, "split")
    z = torch.randn(7, 24, generator=generator, dtype=torch.float64)
    vectors = torch.randn(k, 24, generator=generator, dtype=torch.float64)
    t = torch.randn(7, k, generator=generator, dtype=torch.float64)
    whole = encoder(z + t @ vectors)
    u0, directions = encoder.split_first_layer(z, vectors)
    assert torch.allclose(encoder.tail(u0 + t @ directions), whole, atol=1e-12)
    split = folded.tail(folded.first_layer(z) + t @ folded.directions(vectors))
    assert torch.allclose(split, whole, atol=1e-12)


def test_weights_come_from_the_generator_alone():
    before = torch.random.get_rng_state()
    first, second = (Encoder(CONFIG, torch_generator(5, "weights")) for _ in range(2))
    other = Encoder(CONFIG, torch_generator(6, "weights"))
    assert torch.equal(torch.random.get_rng_state(), before), "the global generator was used"
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key]), key
    assert not torch.equal(first.linears[0].weight, other.linears[0].weight)


def test_the_decoder_mirrors_the_encoder():
    decoder = Decoder(CONFIG, torch_generator(0, "decoder"))
    widths = [layer.in_features for layer in decoder.layers if isinstance(layer, nn.Linear)]
    assert widths == [8, 12, 16]
    assert decoder(torch.zeros(3, 8)).shape == (3, 24)


def test_the_decoder_of_a_linear_encoder_is_linear():
    config = EncoderConfig(input_dim=6, hidden=(), output_dim=3)
    assert Decoder(config, torch_generator(0, "decoder"))(torch.zeros(2, 3)).shape == (2, 6)
