"""Every command that a page or a help text shows is one that the programs take."""

import re
import shlex
from pathlib import Path

import click
import pytest

from consumer.cli import group as consumer
from producer.cli import group as producer
from regulator.cli import group as regulator

ROOT = Path(__file__).parents[2]
GROUPS = {"regulator": regulator, "producer": producer, "consumer": consumer}


def shown_commands():
    texts = {
        str(path.relative_to(ROOT)): path.read_text()
        for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    }
    texts |= {f"{name}/README.md": (ROOT / name / "README.md").read_text() for name in GROUPS}
    for name, group in GROUPS.items():
        texts[f"{name} --help"] = group.help
        texts |= {
            f"{name} {command.name} --help": command.help for command in group.commands.values()
        }
    for where, text in texts.items():
        whole = text.replace("\\\n", " ")
        for line in re.findall(
            r"^\s+((?:regulator|producer|consumer) [a-z-]+ .*)$", whole, re.MULTILINE
        ):
            yield pytest.param(line, id=f"{where}: {line[:40]}")


@pytest.mark.parametrize("line", list(shown_commands()))
def test_a_shown_command_has_the_options_that_it_shows(line):
    party, name, *words = shlex.split(line)
    assert name in GROUPS[party].commands, f"{party} has no {name}"
    command = GROUPS[party].commands[name]
    known = {
        flag for parameter in command.params for flag in parameter.opts + parameter.secondary_opts
    }
    used = {word for word in words if word.startswith("--")}
    assert used <= known, used - known
    required = {p.opts[0] for p in command.params if p.required and isinstance(p, click.Option)}
    assert required <= used, f"leaves out {required - used}"


def test_there_are_commands_to_check():
    assert len(list(shown_commands())) > 15


def test_every_command_explains_itself_with_an_example():
    for group in GROUPS.values():
        for command in group.commands.values():
            assert "Example:" in command.help, command.name


def test_options_have_hyphens():
    for group in GROUPS.values():
        for command in group.commands.values():
            for parameter in command.params:
                assert not any("_" in flag for flag in parameter.opts if flag.startswith("-")), (
                    parameter.opts
                )


def test_links_between_the_pages_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
