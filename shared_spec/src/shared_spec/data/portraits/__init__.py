"""The embedded data set: stylised portraits drawn from known factors, so that everything runs without a download."""

from __future__ import annotations

from shared_spec.data.portraits.source import Portraits

__all__ = ["Portraits"]
