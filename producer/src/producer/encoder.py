"""The representation encoder R: an MLP with batch norm, and its folding into affine layers and ReLUs.

Training works on the module; the certificates work on the folded float64 network and on nothing else. The module
splits after its first affine map because W_1 (z + sum t_i a_i) + b_1 = (W_1 z + b_1) + sum t_i (W_1 a_i): no point
of S(x) ever has to pass through the widest layer (docs/guarantees.md, C.1).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from producer.projection import project, span_basis
from producer.settings import TrainingSettings
from shared_spec.artifacts.document import Strict, Width
from shared_spec.chains import ChainSet, Similarity
from shared_spec.errors import SettingsError
from shared_spec.initial import linear
from shared_spec.relu_network import ReluNetwork
from shared_spec.terms import EncoderMethod

__all__ = ["Decoder", "Encoder", "EncoderConfig", "fold"]

_BATCH_NORM_EPS = 1e-5


class EncoderConfig(Strict):
    """The architecture of R: input_dim -> hidden... -> output_dim."""

    input_dim: Width
    hidden: tuple[Width, ...] = Field(max_length=64)
    output_dim: Width
    projected: int = Field(default=0, ge=0, le=1024)
    """Directions that are projected away before the first layer, so that R is constant on every S(x)."""

    @classmethod
    def of(cls, settings: TrainingSettings, similarity: Similarity) -> EncoderConfig:
        """The architecture that these settings ask for.

        Raises:
            SettingsError: directions to forget where similar individuals lie along vectors, more of them than there
                are, or none of them where projection needs some.
        """
        return cls(
            input_dim=similarity.latent_dim,
            hidden=settings.hidden,
            output_dim=settings.dimension,
            projected=_projected(settings, similarity),
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """All widths in order, input and output included."""
        return (self.input_dim, *self.hidden, self.output_dim)


def _projected(settings: TrainingSettings, similarity: Similarity) -> int:
    """How many directions are projected away exactly; those that are forgotten along chains are not."""
    project, q = settings.method == EncoderMethod.PROJECT, similarity.latent_dim
    if isinstance(similarity, ChainSet):
        if project and not settings.forget:
            raise SettingsError(
                "along chains everybody's similar individuals differ in another way, so the `method` project cannot "
                f"forget all of it: say how many of the {q} directions with `forget`, half to two thirds to begin with"
            )
        if settings.forget >= q:
            raise SettingsError(
                f"`forget` is {settings.forget} of {q} directions, which leaves none to learn from: expected fewer"
            )
        return 0
    if settings.forget:
        raise SettingsError(
            f"`forget` is {settings.forget}, but this spec's similar people lie along attribute vectors: the `method` "
            "project forgets those exactly, without a number"
        )
    return len(span_basis(similarity.vectors)) if project else 0


class Encoder(nn.Module):
    """R: Linear, batch norm and ReLU per hidden layer; last a Linear and a batch norm without scale and shift.

    The last batch norm fixes the scale of the representation, without which the adversarial loss could be met by
    shrinking it. With `config.projected`, what is orthogonal to the rows of `basis` [r, q] is all that R sees.

    Args:
        config: the widths.
        generator: draws the initial weights; a CPU generator, move the module afterwards.
    """

    basis: Tensor | None

    def __init__(self, config: EncoderConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.linears = nn.ModuleList(linear(a, b, generator) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(
            nn.BatchNorm1d(width, eps=_BATCH_NORM_EPS, affine=layer < len(widths) - 2)
            for layer, width in enumerate(widths[1:])
        )
        self.activations = nn.ModuleList(nn.ReLU() for _ in config.hidden)
        empty = torch.zeros(config.projected, config.input_dim, dtype=torch.float64)
        self.register_buffer("basis", empty if config.projected else None)

    def forward(self, latents: Tensor) -> Tensor:
        """R(z) for latents [n, q]: [n, d]; a batch of one only in eval mode."""
        return self.tail(self.first_layer(latents))

    def first_layer(self, latents: Tensor) -> Tensor:
        """W_1 z + b_1 for latents [..., q], before batch norm: [..., h_1]."""
        preactivation: Tensor = self.linears[0](self._seen(latents))
        return preactivation

    def _seen(self, latents: Tensor) -> Tensor:
        if self.basis is None:
            return latents
        with torch.autocast(latents.device.type, enabled=False):
            return project(latents, self.basis)

    def split_first_layer(self, latents: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """W_1 z + b_1 for latents [n, q] and W_1 a_i for vectors [k, q]: ([n, h_1], [k, h_1]).

        One matrix product for both, so that the gradient of W_1, the largest tensor of all, is formed once.
        """
        first = self.linears[0]
        weight, bias = first.get_parameter("weight"), first.get_parameter("bias")
        product = nn.functional.linear(self._seen(torch.cat([latents, vectors])), weight)
        return product[: len(latents)] + bias, product[len(latents) :]

    def tail(self, preactivation: Tensor) -> Tensor:
        """The rest of R after the first affine map, for preactivations [n, h_1]: [n, d]."""
        hidden: Tensor = self.norms[0](preactivation)
        for activation, layer, norm in zip(
            self.activations, self.linears[1:], self.norms[1:], strict=True
        ):
            hidden = norm(layer(activation(hidden)))
        return hidden


class Decoder(nn.Module):
    """Q: R^d -> R^q, the mirror image of R with batch norm and ReLU between its affine layers (paper, eq. 4)."""

    def __init__(self, config: EncoderConfig, generator: torch.Generator) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(config.widths[:0:-1]):
            layers += [linear(inputs, outputs, generator), nn.BatchNorm1d(outputs), nn.ReLU()]
        first_width = config.widths[1]
        self.layers = nn.Sequential(*layers, linear(first_width, config.input_dim, generator))

    def forward(self, representations: Tensor) -> Tensor:
        """Q(r) for representations [n, d]: [n, q]."""
        latents: Tensor = self.layers(representations)
        return latents


def _folded_layer(layer: nn.Linear, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Weight and bias of norm(layer(.)) in eval mode, float64: diag(s) W and (b - mean) s + shift."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise SettingsError("the batch norm keeps no running statistics, so it cannot be folded")
    scale = torch.rsqrt(variance.double() + norm.eps)
    shift = torch.zeros_like(scale)
    if norm.affine:
        scale = scale * norm.weight.double()
        shift = norm.bias.double()
    weight = layer.weight.double() * scale[:, None]
    return weight, (layer.bias.double() - mean.double()) * scale + shift


@torch.no_grad()
def fold(encoder: Encoder) -> ReluNetwork:
    """The function that `encoder` computes in eval mode, as affine layers and ReLUs in float64 on the CPU.

    docs/guarantees.md, C.2. What is certified is the folded network; it equals the module up to the module's own
    float32 rounding.

    Raises:
        SettingsError: the encoder is in train mode, a weight is not finite, or an activation is not a ReLU.
    """
    if any(module.training for module in encoder.modules()):
        raise SettingsError(
            "the encoder is in train mode, where batch norm makes an individual's representation depend on who "
            "else is in the batch and nothing can be certified: call encoder.eval() first"
        )
    for activation in encoder.activations:
        if not isinstance(activation, nn.ReLU):
            raise SettingsError(
                f"the activation {type(activation).__name__} is not piecewise linear as a ReLU is, so it cannot "
                "be folded: expected torch.nn.ReLU"
            )
    pairs = [
        _folded_layer(layer, norm)  # type: ignore[arg-type]
        for layer, norm in zip(encoder.linears, encoder.norms, strict=True)
    ]
    for index, (weight, bias) in enumerate(pairs):
        if not (bool(torch.isfinite(weight).all()) and bool(torch.isfinite(bias).all())):
            raise SettingsError(f"layer {index + 1} of the encoder is not finite: train it again")
    if encoder.basis is not None:
        first, bias = pairs[0]
        # Once more: what rounding left of the attributes in the first product.
        pairs[0] = project(project(first, encoder.basis), encoder.basis), bias
    return ReluNetwork(
        weights=tuple(weight.cpu().contiguous() for weight, _ in pairs),
        biases=tuple(bias.cpu().contiguous() for _, bias in pairs),
    )
