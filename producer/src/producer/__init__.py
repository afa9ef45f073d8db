"""The data producer: learns representations in which similar individuals lie provably close together.

`fit`, `export`, `merge`, `search`, `audit` and `explain` are the commands of the same names as functions, `export_part`
is `export --shard`; `load_encoder` gives a trained encoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_spec.lazy import lazily

if TYPE_CHECKING:
    from producer.auditing.examine import audit
    from producer.committing import commit
    from producer.explaining.verb import explain
    from producer.exporting import export, export_part
    from producer.fitting import fit
    from producer.merging import merge
    from producer.model import load_encoder
    from producer.parts import load_bundle_part
    from producer.searching import search
    from producer.settings import (
        AuditSettings,
        BoundSettings,
        ExplainSettings,
        ExportSettings,
        SearchSettings,
        TrainingSettings,
    )
    from producer.signatures import rotate, sign
    from producer.views.exact.settings import ExactSettings
    from shared_spec.smoothing.settings import SmoothingSettings

    __version__: str

__all__ = [
    "AuditSettings",
    "BoundSettings",
    "ExactSettings",
    "ExplainSettings",
    "ExportSettings",
    "SearchSettings",
    "SmoothingSettings",
    "TrainingSettings",
    "__version__",
    "audit",
    "commit",
    "explain",
    "export",
    "export_part",
    "fit",
    "load_bundle_part",
    "load_encoder",
    "merge",
    "rotate",
    "search",
    "sign",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "AuditSettings": "producer.settings",
        "BoundSettings": "producer.settings",
        "ExactSettings": "producer.views.exact.settings",
        "ExplainSettings": "producer.settings",
        "ExportSettings": "producer.settings",
        "SearchSettings": "producer.settings",
        "SmoothingSettings": "shared_spec.smoothing.settings",
        "TrainingSettings": "producer.settings",
        "audit": "producer.auditing.examine",
        "commit": "producer.committing",
        "explain": "producer.explaining.verb",
        "export": "producer.exporting",
        "export_part": "producer.exporting",
        "fit": "producer.fitting",
        "load_bundle_part": "producer.parts",
        "load_encoder": "producer.model",
        "merge": "producer.merging",
        "rotate": "producer.signatures",
        "search": "producer.searching",
        "sign": "producer.signatures",
    },
)
