"""The contract of the three parties: what passes between them and what they must compute alike.

`load_spec`, `load_bundle` and `load_certificate` read the three artefacts, and `load_audit` what an
auditor says of a bundle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_spec.lazy import lazily

if TYPE_CHECKING:
    from shared_spec.artifacts.audit import load_audit
    from shared_spec.artifacts.bundle import load_bundle
    from shared_spec.artifacts.certificate import load_certificate
    from shared_spec.artifacts.spec import load_spec

    __version__: str

__all__ = ["__version__", "load_audit", "load_bundle", "load_certificate", "load_spec"]

__getattr__ = lazily(
    __name__,
    {
        "load_audit": "artifacts.audit",
        "load_bundle": "artifacts.bundle",
        "load_certificate": "artifacts.certificate",
        "load_spec": "artifacts.spec",
    },
)
