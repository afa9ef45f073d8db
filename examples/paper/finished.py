"""What `run.py` has finished, for programs that look at it in another way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["alike", "finished"]


def finished(out: Path) -> Iterator[tuple[str, str, str, Path, Any]]:
    """Column, attributes joined by `+`, task, folder and claims of every encoder that was trained for its task."""
    for claims in sorted(out.glob("*/*/*/seed-*/claims.json")):
        column, attributes, task = claims.parts[-5:-2]
        yield column, attributes, task, claims.parent, json.loads(claims.read_text())[task]


def alike(check: Any) -> float:  # noqa: ANN401 - JSON
    """Percent of people who get the decision of all their counterparts in one attribute."""
    everybody = check["everybody"]
    return 100 * float(everybody["alike"]) / float(everybody["people"])
