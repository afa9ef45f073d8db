"""Names of classes, files and columns are other people's text: they are shown, and obeyed by no terminal."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from shared_spec import console
from shared_spec.progress import Progress
from shared_spec.text import is_printable, visible

pytestmark = pytest.mark.pipeline

NAMES = ["[/red]", "[bold]fair[/bold]", ":smile:", "[link=http://x]y[/link]", "{x}", "\\[", "100%"]
COMMANDS = [
    "\x1b[2J", "a\rb", "\x1b]0;title\x07", "a\u202eb", "a\u2028b", "\x9b31m", "\x00", "\udc9b", "\ufeff",
]  # fmt: skip


@pytest.fixture
def shown(monkeypatch):
    """A terminal; the function returns what was written to it."""
    streams = {where: io.StringIO() for where in ("out", "err")}
    terminals = {
        where: Console(
            file=stream, force_terminal=True, width=200, color_system=None, **console.PLAIN
        )
        for where, stream in streams.items()
    }
    monkeypatch.setattr(console, "_console", terminals.__getitem__)
    return lambda: "".join(stream.getvalue() for stream in streams.values())


@pytest.mark.parametrize("name", [*NAMES, *COMMANDS])
def test_every_output_shows_the_name_and_does_not_obey_it(name, shown):
    seen = visible(name)
    console.emit({}, False, console.table(name, ["", name], [[name, name]]), name)
    console.emit({}, False, console.facts(name, [[name, name]]), console.following(name))
    console.note(name)
    for part in ("title", "word"):
        with console.reporting() as report:
            report(Progress(name if part == "title" else "x", 1, 2, name if part == "word" else ""))
            report(Progress(name if part == "title" else "x", 2, 2))
    text = shown()
    assert text.count(seen) >= 7
    assert is_printable(name) or name not in text


@pytest.mark.parametrize("name", NAMES)
def test_what_is_printable_is_left_alone(name):
    assert is_printable(name)
    assert visible(name) == name


@pytest.mark.parametrize("name", ["Größe", "年齢", "سن", "🙂"])
def test_other_scripts_are_printable(name):
    assert is_printable(name)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_become_escapes(command):
    assert not is_printable(command)
    assert is_printable(visible(command))
    assert visible(command).encode()


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "\x00"])
def test_errors_are_one_line_whatever_is_named(command, fails, copies, run, capsys):
    words = ["consumer", "certify", "--reps", copies.reps, "--out", copies.out, "--target"]
    capsys.readouterr()
    assert run(*words, f"x{command}y") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert is_printable(line)
    assert line.startswith("error: --target is")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "\x00"])
def test_places_are_named_without_being_obeyed(command, tmp_path, fails):
    line = fails(3, "no such directory", "consumer", "inspect", tmp_path / f"x{command}y")
    assert is_printable(line)


def test_labels_of_ones_own_may_not_be_commands(fails, copies):
    rows = (copies.reps / "individuals.csv").read_text().splitlines()[1:]
    ids = [row.split(",")[0] for row in rows]
    own = copies.out.with_name("own.csv")
    for label in ("\x1b[31m", "a\u202eb"):
        lines = [f"{name},{'no' if index % 2 else label}" for index, name in enumerate(ids)]
        own.write_text("\n".join(["sample_id,Hat", *lines]) + "\n")
        words = ["consumer", "certify", "--reps", copies.reps, "--target", "Hat", "--labels", own]
        fails(5, "holds control characters", *words, "--out", copies.out, nothing_at=copies.out)


def test_a_class_that_looks_like_markup_is_printed_as_it_is(copies, run, capsys):
    rows = (copies.reps / "individuals.csv").read_text().splitlines()[1:]
    own = copies.out.with_name("own.csv")
    lines = [
        f"{row.split(',')[0]},{'[/red]' if index % 2 else ':smile:'}"
        for index, row in enumerate(rows)
    ]
    own.write_text("\n".join(["sample_id,label", *lines]) + "\n")
    words = ["consumer", "certify", "--reps", copies.reps, "--target", "[/red]", "--labels", own]
    assert run(*words, "--out", copies.out) == 0
    assert "[/red], noise" in capsys.readouterr().out
    assert run("consumer", "inspect", copies.out) == 0
    assert "[/red]: :smile:, [/red]" in " ".join(capsys.readouterr().out.split())
    document = json.loads((copies.out / "certificate.json").read_text())
    assert document["head"]["classes"] == [":smile:", "[/red]"]
