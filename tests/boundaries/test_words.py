"""What is said of certificates is never more than what is proved, and is said in one set of words."""

import re
from pathlib import Path

import pytest

from consumer.cli import group as consumer
from producer.cli import group as producer
from regulator.cli import group as regulator
from shared_spec.statements import words_of
from shared_spec.terms import Statement

ROOT = Path(__file__).parents[2]
GROUPS = (regulator, producer, consumer)


def texts():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]:
        yield path.name, path.read_text()
    for path in ROOT.glob("*/src/**/*.py"):
        yield path.name, path.read_text()
    for group in GROUPS:
        for command in group.commands.values():
            yield f"{group.name} {command.name}", command.help


@pytest.mark.parametrize(
    "said",
    [
        r"(decision|fair|treated)[^.]{0,80}every similar (person|individual|point)",  # false of D
        r"(?<!to )trust another party's code",  # the radii are the producer's word
        r"(?<!hence )fair with probability",  # a conditional statement that nobody proved
        r"nobody has to trust",
    ],
)
def test_no_text_says_more_than_is_proved(said):
    for where, text in texts():
        assert not re.search(said, " ".join(text.split()), re.IGNORECASE), f"{where}: {said}"


def test_the_table_of_the_readme_has_the_words_of_the_statements():
    table = (ROOT / "README.md").read_text().split("## What a certificate says")[1]
    for statement in (Statement.X, Statement.D):
        (row,) = [line for line in table.splitlines() if f"({statement})" in line]
        assert words_of(statement).scope in row


def test_no_statement_speaks_of_all_where_each_is_proved_by_itself():
    for statement in (Statement.D, Statement.PAPER):
        words = words_of(statement)
        assert words.drawn
        assert "everyone" not in words.certified
        assert "each fixed similar individual" in words.sentence.lower()
        assert "by itself" in words.scope
        assert "can be false" in words.fairly


def test_population_figures_say_what_they_assume():
    """Wherever a figure about a population is shown, so is the assumption that the individuals were drawn at random."""
    for where, text in texts():
        if "fair_at_least" in text and where.endswith(".py") and "drawn at random" not in text:
            assert where == "claims.py", f"{where} shows it without its assumption"
