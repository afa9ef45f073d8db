"""Figures as files."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

__all__ = ["png"]


def png(figure: Figure) -> bytes:
    """The figure as a PNG without its usual metadata, so that the same content is the same file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130, metadata={"Software": None})
    return file.getvalue()
