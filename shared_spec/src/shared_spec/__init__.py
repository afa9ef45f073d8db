"""The contract of the three parties: what passes between them and what they must compute alike.

`load_spec`, `load_bundle` and `load_certificate` read the three artefacts, and `load_audit` what an auditor says of a
bundle; `sign` says who issued one, and `load_trust` whose signatures count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_spec.lazy import lazily

if TYPE_CHECKING:
    from shared_spec.artifacts.audit import load_audit
    from shared_spec.artifacts.bundle import load_bundle
    from shared_spec.artifacts.certificate import load_certificate
    from shared_spec.artifacts.spec import load_spec
    from shared_spec.trust.settings import Answer, Issuance, Rotation
    from shared_spec.trust.subjects import sign
    from shared_spec.trust.trust_file import load_trust

    __version__: str

__all__ = [
    "Answer",
    "Issuance",
    "Rotation",
    "__version__",
    "load_audit",
    "load_bundle",
    "load_certificate",
    "load_spec",
    "load_trust",
    "sign",
]

__getattr__ = lazily(
    __name__,
    {
        "Answer": "trust.settings",
        "Issuance": "trust.settings",
        "Rotation": "trust.settings",
        "load_audit": "artifacts.audit",
        "load_bundle": "artifacts.bundle",
        "load_certificate": "artifacts.certificate",
        "load_spec": "artifacts.spec",
        "load_trust": "trust.trust_file",
        "sign": "trust.subjects",
    },
)
