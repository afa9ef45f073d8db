"""What the site has beside the pages of docs/: pages made from what is said elsewhere, and a look at what was built.

The README is the home page, the tutorial is the notebook, the reference is what `--help` and docstrings say.
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PARTIES = ("regulator", "producer", "consumer")
_LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|object|input)\b[^>]*\b(?:src|srcset|data)=[\"']?(?:https?:)?//"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|icon|preload|preconnect|modulepreload))[^>]*\bhref=[\"']?(?:https?:)?//"
    r"|@import\s+(?:url\()?[\"']?(?:https?:)?//"
    r"|url\([\"']?(?:https?:)?//",
    re.IGNORECASE,
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made from other sources."""
    pages = {
        "index.md": _from_root("README.md"),
        "changes.md": _from_root("CHANGELOG.md"),
        "tutorial.md": notebook_page((ROOT / "docs" / "tutorial.ipynb").read_text()),
        "site.css": (ROOT / "website" / "site.css").read_text(),
    }
    for party in PARTIES:
        pages[f"reference/{party}-commands.md"] = command_page(party)
    for package in ("shared_spec", *PARTIES):
        pages[f"reference/{package}.md"] = f"# Package {package}\n\n::: {package}\n"
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_post_build(config: MkDocsConfig) -> None:
    """Refuses a site that would load something from another place."""
    found = [
        f"{path.relative_to(config.site_dir)}: {text[:120]}"
        for path in sorted(Path(config.site_dir).rglob("*"))
        if path.suffix in (".html", ".css")
        for text in external(path.read_text())
    ]
    if found:
        raise PluginError("the site loads from elsewhere: " + "; ".join(found[:5]))


def external(text: str) -> list[str]:
    """What a page or a style sheet loads from another host; links that somebody may follow are none."""
    return [found[0] for found in _LOADED.finditer(text)]


def command_page(party: str) -> str:
    """What `--help` prints of a party and of each of its commands, as Markdown."""
    group: click.Group = import_module(f"{party}.cli").group
    parts = [f"# Command {party}", _help(group, party)]
    for name, command in sorted(group.commands.items()):
        parts += [f"## {party} {name}", _help(command, f"{party} {name}")]
    return "\n\n".join(parts) + "\n"


def notebook_page(text: str) -> str:
    """The cells of a notebook as Markdown; cells of shell commands without their magic."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            language, code = "python", source
            if source.startswith("%%bash\n"):
                language, code = "sh", source.removeprefix("%%bash\n")
            source = f"```{language}\n{code}\n```"
        parts.append(source)
    return "\n\n".join(parts) + "\n"


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, max_content_width=96, terminal_width=96)
    return f"```text\n{command.get_help(context)}\n```"


def _from_root(name: str) -> str:
    """A page of the folder above docs/, with links as they are from inside."""
    text = (ROOT / name).read_text().replace("](docs/", "](")
    return text.replace("(tutorial.ipynb)", "(tutorial.md)")
