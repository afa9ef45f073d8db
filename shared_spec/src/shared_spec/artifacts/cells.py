"""CSV as artefacts hold it: UTF-8, one header, as many cells in every row, and nothing in them but printable text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from shared_spec.errors import ArtifactError
from shared_spec.text import is_printable

__all__ = ["read_cells"]


def read_cells(
    stream: BinaryIO, header: Sequence[str], where: str, earlier: Sequence[str] = ()
) -> Iterator[list[str]]:
    """The rows after the header, as they are read; the stream is closed with the last of them.

    Args:
        stream: the file.
        header: of the table.
        where: what to call it.
        earlier: another header that is read as well.

    Raises:
        ArtifactError: for another header, a row of another length, or bytes that are no such table.
    """
    line = 0
    try:
        with io.TextIOWrapper(stream, "utf-8", newline="") as text:
            reader = csv.reader(text, strict=True)
            for line, cells in enumerate(reader, 1):
                if line == 1 and earlier and cells == list(earlier):
                    header = earlier
                if line == 1 and cells != list(header):
                    raise ArtifactError(
                        f"{where}: header is {cells!s:.200}, expected {list(header)}"
                    )
                if len(cells) != len(header):
                    raise ArtifactError(
                        f"{where}:{line}: {len(cells)} cells, expected {len(header)}"
                    )
                if not is_printable("".join(cells)):
                    raise ArtifactError(f"{where}:{line}: a cell holds control characters")
                if line > 1:
                    yield cells
    except (ValueError, csv.Error) as error:
        raise ArtifactError(
            f"{where}:{line}: cannot be read ({error}); ask for the artefact again"
        ) from error
    if line == 0:
        raise ArtifactError(f"{where}: is empty, expected the header {list(header)}")
