"""The data regulator: says, in a published spec, which individuals count as similar.

The commands are functions: `train_flow`, `publish_spec`, `preview`, `coverage` and `check_data`. Each takes paths or
what was loaded from them, settings, and a `report` that is told how far it is, and returns what it made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_spec.lazy import lazily

if TYPE_CHECKING:
    from regulator.data_check.check import check_data
    from regulator.data_check.settings import CheckSettings
    from regulator.flow.file import load_flow
    from regulator.flow.settings import FlowSettings
    from regulator.look import coverage, preview
    from regulator.pictures.settings import CoverageSettings, PreviewSettings
    from regulator.publish import publish_spec
    from regulator.signatures import rotate, sign
    from regulator.train import train_flow
    from regulator.vectors.settings import VectorSettings
    from shared_spec.trust.commitments import answer

    __version__: str

__all__ = [
    "CheckSettings",
    "CoverageSettings",
    "FlowSettings",
    "PreviewSettings",
    "VectorSettings",
    "__version__",
    "answer",
    "check_data",
    "coverage",
    "load_flow",
    "preview",
    "publish_spec",
    "rotate",
    "sign",
    "train_flow",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "CheckSettings": "regulator.data_check.settings",
        "CoverageSettings": "regulator.pictures.settings",
        "FlowSettings": "regulator.flow.settings",
        "PreviewSettings": "regulator.pictures.settings",
        "VectorSettings": "regulator.vectors.settings",
        "answer": "shared_spec.trust.commitments",
        "check_data": "regulator.data_check.check",
        "coverage": "regulator.look",
        "load_flow": "regulator.flow.file",
        "preview": "regulator.look",
        "publish_spec": "regulator.publish",
        "rotate": "regulator.signatures",
        "sign": "regulator.signatures",
        "train_flow": "regulator.train",
    },
)
