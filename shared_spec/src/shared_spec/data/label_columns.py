"""What a column of a label file holds: two classes, a few named ones, numbers, or free text."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from shared_spec.data.individuals import BINARY
from shared_spec.data.label_files import MAX_NAME, Report
from shared_spec.data.thresholds import parse_number
from shared_spec.text import are_measurements, is_printable

__all__ = ["MAX_CLASSES", "LabelColumn"]

MAX_CLASSES = 256
"""A column with more different values (a caption, a date, a measurement) is no label column and is not served."""

# Negative first, as in BINARY.
_BINARY = (("0", "1"), ("-1", "1"), ("no", "yes"), ("false", "true"))
# With 0/1 any other number makes numbered classes; these four words or signs mean nothing but a binary column.
_BINARY_ONLY = _BINARY[1:]
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class LabelColumn:
    """One column, told its values row by row; keeps ten bytes of each, however long they are.

    Attributes:
        name: of the column, for messages.
        no_number: the first value that is no number, and where it stands; None if all are numbers.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.no_number: str | None = None
        self._known: dict[str, tuple[int, float]] = {}
        self._first: list[str] = []
        self._codes = array("H")
        self._numbers = array("d")
        self._more = False

    def add(self, value: str, where: str) -> None:
        """The next row's value, and its `FILE:LINE`."""
        code, number = self._known.get(value) or self._learn(value, where)
        self._codes.append(code)
        self._numbers.append(number)

    def _learn(self, value: str, where: str) -> tuple[int, float]:
        number = parse_number(value)
        if number is None and self.no_number is None:
            self.no_number = f"{value!r:.80} at {where}"
        found = (len(self._known), math.nan if number is None else number)
        if len(self._known) < MAX_CLASSES:
            self._known[value] = found
            self._first.append(where)
        else:
            self._more = True
        return found

    def numbers(self) -> npt.NDArray[np.float64] | None:
        """The values of a column of numbers, shape [rows]; None for another column."""
        return None if self.no_number else np.frombuffer(self._numbers, dtype=np.float64)

    def no_label(self) -> str | None:
        """Why the column is no label; None if it may be one."""
        if any(len(value) > MAX_NAME for value in self._known):
            return f"a value of more than {MAX_NAME} characters, too long for a label"
        if self._more:
            reason = f"more than {MAX_CLASSES} different values, too many for a label"
        elif not self.no_number and are_measurements(
            [number for _, number in self._known.values()]
        ):
            reason = (
                f"{len(self._known)} different numbers, not all whole: a measurement and no label"
            )
        else:
            return None
        if self.no_number:
            return reason
        middle = float(np.median(np.frombuffer(self._numbers)))
        return f"{reason}; name a threshold, as in {self.name}>{middle:.3g}, above which half of them are"

    def words(self) -> list[tuple[str, str, int]]:
        """The different values by first appearance: each with where it stands first and in how many rows it is."""
        counts = np.bincount(
            np.frombuffer(self._codes, dtype=np.uint16), minlength=len(self._known)
        ).tolist()
        return list(zip(self._known, self._first, counts, strict=False))

    def texts(self) -> Iterator[str]:
        """The rows' values; empty for those beyond MAX_CLASSES different ones, which are not kept."""
        known = [*self._known, ""]
        return (known[code] for code in self._codes)

    def classes(self, report: Report) -> tuple[tuple[str, ...], npt.NDArray[np.int16]] | None:
        """Class names and the rows' codes, shape [rows]; None, and a report, if a value is no class.

        A column is binary if all its values are of one of the pairs 0/1, -1/1, no/yes, false/true (in any case);
        otherwise its values are class names, in the order of numbers if all are whole numbers and alphabetical if not.
        """
        lowered = {value.lower() for value in self._known}
        names: tuple[str, ...] = BINARY
        table: dict[str, int] = {}
        for pair in _BINARY:
            if lowered <= set(pair):
                table = {value: pair.index(value.lower()) for value in self._known}
                break
        else:
            if self._fault(lowered, report):
                return None
            ordered = sorted(self._known)
            if all(_WHOLE.fullmatch(value) for value in ordered):
                ordered.sort(key=int)
            names = tuple(ordered)
            table = {value: code for code, value in enumerate(ordered)}
        by_code = np.array([table[value] for value in self._known], dtype=np.int16)
        return names, by_code[np.frombuffer(self._codes, dtype=np.uint16)]

    def _fault(self, lowered: set[str], report: Report) -> bool:
        """Whether a value is no class, which is reported: of another kind than the others, empty, or no plain text."""
        for value, where, _ in self.words():
            if not is_printable(value):
                what = f"{self.name} {value!r:.80} holds control characters"
                report(f"{where}: {what}; expected a class name; correct the line")
                return True
        binary = next((pair for pair in _BINARY_ONLY if lowered & (set(pair) - {"1"})), None)
        wrong = lowered - set(binary) if binary else lowered & {""}
        if not wrong:
            return False
        value, where, n = next(word for word in self.words() if word[0].lower() in wrong)
        expected = "a class name"
        if binary:
            sign = next(word for word in self._known if word.lower() in set(binary) - {"1"})
            expected = f"{' or '.join(binary)}, of which it has {sign}"
        more = f" ({n} rows have it)" if n > 1 else ""
        report(
            f"{where}: {self.name} {value!r:.80} is no class{more}; "
            f"expected {expected}; correct the line or remove the column"
        )
        return True
