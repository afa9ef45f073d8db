"""The tables and plays of examples/, which run for hours, say nothing that a command would refuse to read."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import consumer.cli
import producer.cli
import regulator.cli

EXAMPLES = Path(__file__).parents[2] / "examples"
GROUPS = {"regulator": regulator.cli, "producer": producer.cli, "consumer": consumer.cli}


def names_of(script, monkeypatch):
    """What a script of examples/ defines; what it adds to the path of imports is forgotten."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    return SimpleNamespace(**runpy.run_path(str(EXAMPLES / script)))


def read(party, command, *words):
    """Parses the words as the command does. Raises click.UsageError for what it would refuse."""
    GROUPS[party].group.commands[command].make_context(command, list(words))


def check(attributes, target, publish, fit, certify):
    """One row's commands, with what the scripts add to it."""
    named = [word for name in attributes for word in ("--attribute", name)]
    task = ["--target", target] if target else []
    read("regulator", "publish-spec", "--data", "portraits", *named, *publish, "--out", "spec")
    read("producer", "fit", "--spec", "spec", "--data", "portraits", *task, *fit, "--out", "reps")
    read("consumer", "certify", "--reps", "reps", "--target", "any", *certify, "--out", "out")


def test_every_table(monkeypatch):
    module = names_of("paper/tables.py", monkeypatch)
    for table in module.TABLES.values():
        assert table.heads.keys() <= {column for row in table.rows for column in row.fit}
        for row in table.rows:
            assert row.published.keys() <= row.fit.keys()
            for column, words in row.fit.items():
                publish = [*row.publish, *row.published.get(column, [])]
                head = [*module.FIVE_PASSES, *table.heads.get(column, [])]
                check(row.attributes, row.train_on, publish, [*words, *row.shared], head)


@pytest.mark.parametrize("name", ["portraits", "edits", "celeba", "fairface"])
def test_every_play(name, monkeypatch):
    module = names_of(f"{name}/run.py", monkeypatch)
    play = module.PLAY if hasattr(module, "PLAY") else module.play("folder")
    for method, words in play.fit.items():
        fit = ["--method", method, *words]
        check(play.attributes, play.target, [*play.flow, *play.publish], fit, play.certify)
