"""The data consumer: trains a classifier and proves, person by person, that similar individuals are treated alike.

`certify`, `merge`, `predict` and `verify` are the commands of the same names as functions, `certify_part` is
`certify --shard`; `load_head` gives a certificate's classifier. `receipt` gives one person's line of a certificate, and
`verify_receipt` checks it; `evidence` says what a certificate claims in the form of another system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_spec.lazy import lazily

if TYPE_CHECKING:
    from consumer.committing import commit
    from consumer.evidencing.verb import evidence
    from consumer.head import load_head
    from consumer.issue import certify, certify_part
    from consumer.merging import merge
    from consumer.parts import load_certificate_part
    from consumer.prediction import predict
    from consumer.receipts import receipt, verify_receipt
    from consumer.settings import HeadSettings, MethodSettings
    from consumer.signatures import rotate, sign
    from consumer.verification import verify
    from shared_spec.imprint import Imprint
    from shared_spec.sampling import Sampling

    __version__: str

__all__ = [
    "HeadSettings",
    "Imprint",
    "MethodSettings",
    "Sampling",
    "__version__",
    "certify",
    "certify_part",
    "commit",
    "evidence",
    "load_certificate_part",
    "load_head",
    "merge",
    "predict",
    "receipt",
    "rotate",
    "sign",
    "verify",
    "verify_receipt",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "HeadSettings": "consumer.settings",
        "Imprint": "shared_spec.imprint",
        "MethodSettings": "consumer.settings",
        "Sampling": "shared_spec.sampling",
        "certify": "consumer.issue",
        "certify_part": "consumer.issue",
        "commit": "consumer.committing",
        "evidence": "consumer.evidencing.verb",
        "load_certificate_part": "consumer.parts",
        "load_head": "consumer.head",
        "merge": "consumer.merging",
        "predict": "consumer.prediction",
        "receipt": "consumer.receipts",
        "rotate": "consumer.signatures",
        "sign": "consumer.signatures",
        "verify": "consumer.verification",
        "verify_receipt": "consumer.receipts",
    },
)
