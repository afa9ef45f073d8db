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
    from shared_spec.sampling import Sampling

    __version__: str

__all__ = [
    "HeadSettings",
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

__getattr__ = lazily(
    __name__,
    {
        "HeadSettings": "settings",
        "MethodSettings": "settings",
        "Sampling": "settings",
        "certify": "issue",
        "certify_part": "issue",
        "load_certificate_part": "parts",
        "merge": "merging",
        "load_head": "head",
        "predict": "prediction",
        "verify": "verification",
        "receipt": "receipts",
        "evidence": "evidencing.verb",
        "verify_receipt": "receipts",
        "rotate": "signatures",
        "sign": "signatures",
        "commit": "committing",
    },
)
