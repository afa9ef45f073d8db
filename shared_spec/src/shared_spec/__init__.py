"""The contract of the three parties: what passes between them and what they must compute alike.

`load_spec`, `load_bundle` and `load_certificate` read the three artefacts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared_spec.artifacts.bundle import load_bundle
    from shared_spec.artifacts.certificate import load_certificate
    from shared_spec.artifacts.spec import load_spec

__all__ = ["load_bundle", "load_certificate", "load_spec"]

_HOMES = {"load_bundle": "bundle", "load_certificate": "certificate", "load_spec": "spec"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    # Loaded on first use: reading a bundle needs no flow, and `--help` needs no torch.
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"shared_spec.artifacts.{_HOMES[name]}"), name)
