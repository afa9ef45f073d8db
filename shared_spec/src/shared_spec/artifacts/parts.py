"""Work that is dealt out to machines which never speak: what each leaves, and how it is put together again.

A part is a directory of its own kind. Its `part.json` says which share of the work it is and what it follows from, so
that parts can come from anywhere, in any order, twice after a kill, and only those that fit make a whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol, Self, TypeVar

from pydantic import Field, model_validator

from shared_spec.artifacts.difference import first_difference, shortly
from shared_spec.artifacts.directory import FileEntry
from shared_spec.artifacts.document import Document, Strict
from shared_spec.errors import ArtifactError, SettingsError

__all__ = ["PART", "Part", "PartDocument", "Share", "in_order", "parse_share"]

PART = "part.json"
"""Name of a part's document, which is written last."""

_MOST = 100_000


class Share(Strict):
    """The `index`-th of `of` equal shares; written `3/7`."""

    index: int = Field(ge=1)
    of: int = Field(ge=1, le=_MOST)

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.index > self.of:
            raise ValueError(f"there is no share {self.index} of {self.of}")
        return self

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def of_list(self, count: int) -> range:
        """Which of `count` things are in it: neighbours, and as many as in every other share up to one.

        >>> [list(Share(index=i, of=3).of_list(4)) for i in (1, 2, 3)]
        [[0], [1], [2, 3]]
        """
        return range(count * (self.index - 1) // self.of, count * self.index // self.of)


def parse_share(text: str | Share) -> Share:
    """The share that is written `I/N`. Raises SettingsError for anything else."""
    if isinstance(text, Share):
        return text
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    index, of = (int(number) for number in match.groups()) if match else (0, 0)
    if not 1 <= index <= of <= _MOST:
        raise SettingsError(
            f"`shard` is {text!r:.40}: expected I/N with 1 <= I <= N <= {_MOST}, as in 3/7"
        )
    return Share(index=index, of=of)


class PartDocument(Document):
    """What every part says of itself; all but `shard`, `files` and `content_digest` is the same in all parts."""

    shard: Share
    files: tuple[FileEntry, ...] = ()
    """Set when the part is written."""


class Part(Protocol):
    """A checked part."""

    @property
    def path(self) -> Path:
        """Where it is."""
        ...

    @property
    def document(self) -> PartDocument:
        """What it says of itself."""
        ...


AnyPart = TypeVar("AnyPart", bound=Part)


def in_order(parts: Sequence[AnyPart], remedies: Collection[tuple[str, str]] = ()) -> list[AnyPart]:
    """All shares of one work, each once.

    A share may be given twice if both have the same bytes, as after a kill that came late.

    Args:
        parts: in any order.
        remedies: beginnings of fields, and what to do where parts differ in them.

    Raises:
        SettingsError: there are none.
        ArtifactError: they follow from different things, a share is missing, or there are two with other bytes.
    """
    if not parts:
        raise SettingsError("no parts were named: expected every one of them")
    first, found = parts[0], dict[int, AnyPart]()
    own = {"files", "content_digest", "shard.index"}
    for part in parts:
        other = first_difference(part.document, first.document, own)
        if other is not None:
            name, mine, theirs = other
            remedy = "make the parts with the same settings from the same things"
            remedy = next((do for begin, do in remedies if name.startswith(begin)), remedy)
            raise ArtifactError(
                f"{part.path}: {name} is {shortly(mine)}, in {first.path} it is {shortly(theirs)}; {remedy}"
            )
        share = part.document.shard
        twin = found.setdefault(share.index, part)
        if twin.document.content_digest != part.document.content_digest:
            raise ArtifactError(
                f"{part.path}: is part {share} as {twin.path} is, with other bytes; "
                "name the one that you trust"
            )
    of = first.document.shard.of
    missing = [f"{index}/{of}" for index in range(1, of + 1) if index not in found]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ArtifactError(
            f"no part {', '.join(missing[:5])}{more}; make it with --shard {missing[0]}, and name it too"
        )
    return [found[index] for index in range(1, of + 1)]
