"""What the encoder is trained for: lambda_1 L_cls + lambda_2 L_adv + lambda_3 L_recon (paper, eq. 5).

Naive is lambda_2 = lambda_3 = 0; data augmentation adds random points of S(x) to the classification loss alone;
transfer is lambda_1 = 0 with a reconstruction loss instead of a target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from producer.encoder import Decoder, Encoder, EncoderConfig
from producer.neighbours import neighbours
from producer.settings import ObjectiveSettings
from shared_spec.chains import Similarity, own_latents
from shared_spec.initial import linear

__all__ = ["Losses", "Networks", "losses", "mean_adversarial_distance"]


class Networks(nn.Module):
    """What is trained jointly: R, one linear auxiliary classifier per target, and Q if there is a reconstruction loss.

    Args:
        config: R's architecture; Q mirrors it.
        classes: the number of classes per target.
        reconstruct: whether Q is needed.
        generator: draws all initial weights.
    """

    def __init__(
        self,
        config: EncoderConfig,
        classes: Mapping[str, int],
        reconstruct: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(config, generator)
        self.targets = tuple(classes)
        # A list and not a dictionary of modules, whose keys may not contain every character of a target's name.
        self.heads = nn.ModuleList(
            linear(config.output_dim, n, generator) for n in classes.values()
        )
        self.decoder = Decoder(config, generator) if reconstruct else None


@dataclass(frozen=True)
class Losses:
    """The three losses and their weighted sum, each a mean over the batch (zero where it is not used).

    Attributes:
        total: the objective, with its graph.
        classification: cross entropy, nats, summed over the targets.
        adversarial: L_adv, in representation units.
        reconstruction: L_recon, in latent units.
        correct: correct predictions per target at the points z themselves, [targets].
    """

    total: Tensor
    classification: Tensor
    adversarial: Tensor
    reconstruction: Tensor
    correct: Tensor


def _cross_entropy(
    networks: Networks, representations: Tensor, labels: Tensor, class_weights: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Cross entropy summed over the targets, and the correct predictions [targets, n]; labels are [targets, n]."""
    loss = representations.new_zeros(())
    correct = torch.zeros_like(labels, dtype=torch.bool)
    for index, (head, codes) in enumerate(zip(networks.heads, labels, strict=True)):
        logits = head(representations)
        weight = class_weights[index] if class_weights else None
        loss = loss + nn.functional.cross_entropy(logits, codes, weight=weight)
        correct[index] = logits.argmax(dim=1) == codes
    return loss, correct


def losses(
    networks: Networks,
    latents: Tensor,
    labels: Tensor,
    similarity: Similarity,
    settings: ObjectiveSettings,
    generator: torch.Generator,
    class_weights: Sequence[Tensor] = (),
) -> Losses:
    """The objective on one batch; networks in train or eval mode (augmentation only in train mode).

    The adversarial point is chosen with R in eval mode and the loss is taken there in the mode the networks are in,
    as published, with z and z' in one batch.

    Args:
        networks: what is trained.
        latents: z, [n, q] float32, or [n, 1 + v, q] along chains.
        labels: class codes, [targets, n] int64.
        similarity: S(x).
        settings: the weights and the attack.
        generator: draws the points tried and added; a CPU generator.
        class_weights: [classes] per target, of the classification loss; all alike if there are none.
    """
    encoder = networks.encoder
    similar = neighbours(encoder, latents, similarity, settings.bf16)
    u0 = similar.own
    adversarial = reconstruction = u0.new_zeros(())
    if settings.lambda_2 > 0:
        furthest, _ = similar.furthest(settings, generator)
        # One pass, so that batch norm takes the same statistics for z and z'. In two passes it would subtract from
        # z' whatever shift everybody's z' have in common: an encoder that treats all alike unfairly would pay nothing.
        representations, moved = encoder.tail(torch.cat([u0, furthest])).chunk(2)
        adversarial = torch.linalg.vector_norm(representations - moved, dim=1).mean()
    else:
        representations = encoder.tail(u0)

    labelled, codes = representations, labels
    if networks.training and settings.augmentation:
        points = settings.augmentation
        extra = encoder.tail(similar.random(points, generator))
        labelled = torch.cat([representations, extra])
        codes = torch.cat([labels, labels.repeat_interleave(points, dim=1)], dim=1)
    classification, correct = _cross_entropy(networks, labelled, codes, class_weights)
    if networks.decoder is not None:
        error = own_latents(latents) - networks.decoder(representations)
        reconstruction = torch.linalg.vector_norm(error, dim=1).mean()

    total = (
        settings.lambda_1 * classification
        + settings.lambda_2 * adversarial
        + settings.lambda_3 * reconstruction
    )
    at_latents = correct[:, : len(latents)].sum(dim=1)
    return Losses(total, classification, adversarial, reconstruction, at_latents)


@torch.no_grad()
def mean_adversarial_distance(
    encoder: Encoder,
    latents: Tensor,
    similarity: Similarity,
    settings: ObjectiveSettings,
    generator: torch.Generator,
) -> Tensor:
    """Mean over the batch of max ||R(z) - R(z')||_2 over the points tried, R in eval mode: a scalar."""
    return neighbours(encoder, latents, similarity).furthest(settings, generator)[1].mean()
