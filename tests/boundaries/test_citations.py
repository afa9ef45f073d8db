"""Whoever cites docs/guarantees.md cites something that stands there; its sections have no gaps."""

import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "guarantees.md").read_text()
SECTIONS = re.findall(r"^\*\*([A-G]\.\d+)|(?<=\. )\*\*([A-G]\.\d+)", TEXT, re.MULTILINE)
SECTIONS = [first or second for first, second in SECTIONS]
ITEMS = re.findall(r"^(\d+)\. ", TEXT.split("**A.2")[1].split("**A.3")[0], re.MULTILINE)
FILES = [path for folder in ("*/src/**", "tests/**", "benchmarks") for path in ROOT.glob(f"{folder}/*.py")]  # fmt: skip


def citations():
    for path in FILES:
        with open(path, "rb") as file:
            tokens = list(tokenize.tokenize(file.readline))
        for token in tokens:
            if token.type in (tokenize.STRING, tokenize.COMMENT):
                for found in re.finditer(r"\b([A-G]\.\d{1,2})\b(?:,? item (\d+))?", token.string):
                    yield path, token.start[0], found[1], found[2]


def test_sections_are_numbered_without_gaps():
    for letter in sorted({section[0] for section in SECTIONS}):
        mine = [int(section[2:]) for section in SECTIONS if section[0] == letter]
        assert mine == list(range(1, len(mine) + 1)), letter
    assert [int(item) for item in ITEMS] == list(range(1, len(ITEMS) + 1))


def test_every_citation_exists():
    found = list(citations())
    assert len(found) > 40
    for path, line, section, item in found:
        where = f"{path.relative_to(ROOT)}:{line}"
        assert section in SECTIONS, f"{where} cites {section}"
        assert item is None or (section == "A.2" and item in ITEMS), f"{where} cites {section} item {item}"  # fmt: skip


@pytest.mark.parametrize("wrong", ["finding 3", "section H"])
def test_no_citation_is_of_another_form(wrong):
    for path in FILES:
        if path != Path(__file__):
            text = path.read_text()
            assert not re.search(rf"guarantees\.md[^.]{{0,30}}{wrong}", text), path
