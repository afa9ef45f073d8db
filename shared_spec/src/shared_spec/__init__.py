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
    from shared_spec.errors import (
        ArtifactError,
        DataError,
        ExpiredError,
        LassiError,
        PolicyNotMet,
        SettingsError,
    )
    from shared_spec.trust.settings import Answer, Issuance, Rotation
    from shared_spec.trust.subjects import sign
    from shared_spec.trust.trust_file import load_trust

    __version__: str

__all__ = [
    "Answer",
    "ArtifactError",
    "DataError",
    "ExpiredError",
    "Issuance",
    "LassiError",
    "PolicyNotMet",
    "Rotation",
    "SettingsError",
    "__version__",
    "load_audit",
    "load_bundle",
    "load_certificate",
    "load_spec",
    "load_trust",
    "sign",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "ArtifactError": "shared_spec.errors",
        "DataError": "shared_spec.errors",
        "ExpiredError": "shared_spec.errors",
        "LassiError": "shared_spec.errors",
        "PolicyNotMet": "shared_spec.errors",
        "SettingsError": "shared_spec.errors",
        "Answer": "shared_spec.trust.settings",
        "Issuance": "shared_spec.trust.settings",
        "Rotation": "shared_spec.trust.settings",
        "load_audit": "shared_spec.artifacts.audit",
        "load_bundle": "shared_spec.artifacts.bundle",
        "load_certificate": "shared_spec.artifacts.certificate",
        "load_spec": "shared_spec.artifacts.spec",
        "load_trust": "shared_spec.trust.trust_file",
        "sign": "shared_spec.trust.subjects",
    },
)
