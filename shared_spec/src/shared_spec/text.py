"""Other people's text: what may stand in an artefact as a name, and how anything is shown without being obeyed."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

__all__ = ["LONGEST_ID", "are_measurements", "is_printable", "separator_words", "visible"]

LONGEST_ID = 1000
"""Most characters of what individuals are called by."""

_MOST_FRACTIONS = 20
"""Different numbers, not all whole, beyond which they are a measurement and no classes."""

# Controls, invisible formatting (bidirectional overrides among it), surrogates, line and paragraph separators.
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_printable(text: str) -> bool:
    r"""Whether showing `text` does nothing but show it.

    >>> is_printable("Größe 3"), is_printable("\x1b[31m"), is_printable("a\u202eb")
    (True, False, False)
    """
    return (text.isascii() and text.isprintable()) or not any(map(_obeyed, set(text)))


def visible(text: str, keep: str = "") -> str:
    r"""`text` with whatever a terminal would obey written as an escape.

    >>> print(visible("red\x1b[31m\n"), visible("a\nb", keep="\n"), sep="|")
    red\x1b[31m\n|a
    b
    """
    if is_printable(text):
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if _obeyed(character) and character not in keep
        else character
        for character in text
    )


def are_measurements(numbers: Collection[float]) -> bool:
    """Whether the different values of a column, all numbers, are too many and too fine to be classes."""
    return len(numbers) > _MOST_FRACTIONS and not all(number.is_integer() for number in numbers)


def separator_words(header: Sequence[str]) -> str:
    """What to do where a header of one column shows that others than commas separate them; nothing where none does."""
    for sign, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and sign in header[0]:
            return f"; its separators are {name}: save it with commas"
    return ""


def _obeyed(character: str) -> bool:
    # The last two of each plane are no characters; YAML refuses them.
    return unicodedata.category(character) in _OBEYED or ord(character) & 0xFFFE == 0xFFFE
