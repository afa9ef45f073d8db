"""The settings of the sampled methods, which a certificate states and a verifier uses again."""

from __future__ import annotations

from typing import ClassVar

from shared_spec.settings import Settings, setting

__all__ = ["Sampling"]


class Sampling(Settings):
    """Randomized smoothing of the head (the paper's alpha_rs, n0 to choose the class and n to certify it).

    With the certificate's seed these give the same samples again.
    """

    group: ClassVar[str] = "Sampling (of --radius randomized, and of auto with an mlp head)"

    alpha: float = setting(0.001, "Failure probability per individual.", gt=0, lt=1)
    selection_samples: int = setting(
        2_000, "Noisy samples per individual to choose its class.", ge=1, le=10**8
    )
    samples: int = setting(
        100_000,
        "Noisy samples per individual: the cap, or the number with --report-radius.",
        ge=1,
        le=10**7,
    )
