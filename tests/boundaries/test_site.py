"""The site is built strictly from docs/, loads nothing from elsewhere, and has a page for every command and name."""

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
PARTIES = ("regulator", "producer", "consumer")


def _load(path):
    spec = importlib.util.spec_from_file_location("site_hooks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks = _load(ROOT / "website" / "hooks.py")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_every_command_and_every_name_is_in_the_reference(site):
    for party in PARTIES:
        commands = (site / "reference" / f"{party}-commands" / "index.html").read_text()
        for name, command in importlib.import_module(f"{party}.cli").group.commands.items():
            assert f"{party} {name} [OPTIONS]" in commands
            for parameter in command.params:
                assert all(flag in commands for flag in parameter.opts if flag.startswith("--"))
    for package in ("shared_spec", *PARTIES):
        page = (site / "reference" / package / "index.html").read_text()
        for name in importlib.import_module(package).__all__:
            assert name.startswith("__") or f'id="{package}.{name}"' in page, f"{package}.{name}"


def test_every_page_of_docs_is_in_the_site(site):
    for page in (ROOT / "docs").glob("*.md"):
        assert (site / page.stem / "index.html").exists(), page.name
    assert "LASSI: certified individual fairness" in (site / "index.html").read_text()


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://unpkg.com/x.js">',
        "<script async src=//cdn.example/x.js>",
        '<link href="https://fonts.example/css" rel="stylesheet">',
        '<img alt="" src="http://example.org/badge.svg">',
        "@import url(https://example.org/a.css);",
        "body { background: url('//example.org/a.png') }",
    ],
)
def test_what_loads_from_elsewhere_is_seen(text, tmp_path):
    assert hooks.external(text)
    suffix = "html" if text.startswith("<") else "css"
    (tmp_path / f"page.{suffix}").write_text(text)
    with pytest.raises(hooks.PluginError, match=f"page.{suffix}"):
        hooks.on_post_build(SimpleNamespace(site_dir=str(tmp_path)))


def test_links_and_own_files_are_none():
    assert not hooks.external(
        '<a href="https://example.org">x</a><script src="../assets/a.js"></script>'
        '<link rel="canonical" href="https://example.org/"><img src="data:image/png;base64,AA//">'
    )
