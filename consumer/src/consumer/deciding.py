"""Deciding all individuals of a split in a stream: one shard is held, rows go to files as they are decided."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TypeAlias

from consumer.case import Case
from consumer.claims import decide_rows
from consumer.groups import GroupTally
from consumer.labels import CodesOf
from consumer.reality import Comparison
from consumer.tally import Tally
from shared_spec.artifacts.cells import whole_lines
from shared_spec.artifacts.rows import HEADER, Rows, read_rows
from shared_spec.progress import Report, in_turn, stage
from shared_spec.terms import RadiusMethod

__all__ = ["Decided", "Ledger", "Ledgers", "decide_split", "unnamed_files"]

Decided: TypeAlias = tuple[str, RadiusMethod]
"""A view, and the method by which its individuals were decided."""


class Ledger:
    """The rows of one view by one method, in a file, and what they add up to.

    Args:
        stream: an empty file, to write and to read.
        tally: of the rows.
    """

    def __init__(self, stream: BinaryIO, tally: Tally) -> None:
        self._stream, self.tally = stream, tally
        stream.write(HEADER + b"\n")

    def add(self, rows: Rows) -> None:
        """Writes and counts the rows of one shard."""
        self._stream.write(b"\n".join([*rows.lines(), b""]))
        self.tally.add(rows)

    def lines(self) -> Iterator[list[bytes]]:
        """The lines of all rows, without their line feeds, some at a time."""
        self._stream.seek(len(HEADER) + 1)
        for piece in whole_lines(self._stream, "rows"):
            yield piece.split(b"\n")[:-1]

    def parts(self) -> Iterator[Rows]:
        """All rows, some at a time."""
        self._stream.seek(0)
        return read_rows(self._stream, "rows")


Ledgers: TypeAlias = Mapping[Decided, Ledger]


def unnamed_files(folder: Path, stack: ExitStack) -> Callable[[str, RadiusMethod], BinaryIO]:
    """Makes files in `folder` that have no name, so that nothing is left of them whatever happens."""
    return lambda view, method: stack.enter_context(tempfile.TemporaryFile(dir=folder))


def decide_split(
    case: Case,
    methods: Mapping[str, Sequence[RadiusMethod]],
    labels: CodesOf,
    open_file: Callable[[str, RadiusMethod], BinaryIO],
    report: Report,
    groups: GroupTally | None = None,
    shards: range | None = None,
) -> tuple[Ledgers, Comparison]:
    """Decides everybody in each view by each of its methods, and compares with their counterparts.

    Each shard is read once.

    Args:
        case: whom to decide by which head.
        methods: per view.
        labels: of individuals.
        open_file: a file for each view and method.
        report: told how many are decided.
        groups: counts them, too.
        shards: of those of the split; all unless given.

    Raises:
        ArtifactError: a shard is not what it should be.
    """
    manifest = case.bundle.manifest
    individuals = manifest.splits[case.split].individuals
    mine = manifest.rows_in(case.split, shards)
    ledgers = {
        (view, method): Ledger(
            open_file(view, method), Tally(view, individuals, case.seed, manifest.spec.epsilon)
        )
        for view, tried in methods.items()
        for method in tried
    }
    comparison = Comparison(case.bundle, case.split, case.frozen)
    advance, done = stage(report, "deciding", mine), 0
    for people, tensors in case.bundle.walk(case.split, shards):
        codes, decided, count = labels(people), {}, len(people.sample_ids)
        for turn, ((view, method), ledger) in enumerate(ledgers.items()):
            along = in_turn(advance, done, count, turn, len(ledgers))
            rows = decide_rows(case, view, method, people.sample_ids, codes, tensors, along)
            ledger.add(rows)
            decided[view, method] = rows
        comparison.add(tensors, decided.items())
        if groups is not None:
            groups.add(people, decided.items())
        done += count
    return ledgers, comparison
