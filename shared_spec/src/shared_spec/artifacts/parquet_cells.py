"""Columns of a Parquet file as Python has them, each cell of its kind or refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shared_spec.artifacts.cells import Kind
from shared_spec.text import LONGEST_ID, is_printable

__all__ = ["cells_of"]

_LENGTHS = {Kind.NAME: LONGEST_ID, Kind.WORD: 200}
"""Most characters of a cell."""


def cells_of(name: str, kind: Kind, chunks: Sequence[Any]) -> list[Any]:
    """A column as Python has it. Raises ValueError for a cell that is not of its kind."""
    found: list[Any] = []
    for chunk in chunks:
        chunk.validate(full=True)
        if kind == Kind.NUMBER:
            found += _numbers(name, chunk)
        elif chunk.null_count:
            raise ValueError(f"{name}: a cell without a value")
        elif kind == Kind.COUNT:
            counts = chunk.to_numpy()
            if counts.size and not 0 <= counts.min() <= counts.max() < 10**15:
                raise ValueError(f"{name}: a number that is no count")
            found += counts.tolist()
        elif kind == Kind.WORD:
            words = np.array(_texts(name, kind, chunk.dictionary), dtype=object)
            found += words[chunk.indices.to_numpy()].tolist()
        else:
            found += _texts(name, kind, chunk)
    return found


def _numbers(name: str, chunk: Any) -> list[float | None]:  # noqa: ANN401 - pyarrow has no types
    values = chunk.to_numpy(zero_copy_only=False)  # with NaN for what is null
    missing = np.isnan(values)
    if missing.sum() != chunk.null_count or np.isneginf(values).any():
        raise ValueError(f"{name}: NaN or -inf")
    if not chunk.null_count:
        return list(values.tolist())
    cells = values.astype(object)
    cells[missing] = None
    return list(cells.tolist())


def _texts(name: str, kind: Kind, chunk: Any) -> list[str]:  # noqa: ANN401 - pyarrow has no types
    texts: list[str] = chunk.to_numpy(zero_copy_only=False).tolist()
    if texts and max(map(len, texts)) > _LENGTHS[kind]:
        raise ValueError(f"{name}: a cell of more than {_LENGTHS[kind]} characters")
    if not is_printable("".join(texts)):
        raise ValueError(f"{name}: a cell holds control characters")
    return texts
