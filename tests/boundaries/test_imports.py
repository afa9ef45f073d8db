"""Who may import whom: the organisations share the contract and nothing else, and only the edges print."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared_spec", "regulator", "producer", "consumer")
FILES = [(p, path) for p in PACKAGES for path in sorted((ROOT / p / "src" / p).rglob("*.py"))]


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module


def test_there_is_something_to_check():
    assert {package for package, _ in FILES} == set(PACKAGES)
    assert len(FILES) > 50


@pytest.mark.parametrize(
    ("package", "path"), FILES, ids=[str(p.relative_to(ROOT)) for _, p in FILES]
)
def test_packages_import_shared_spec_and_never_each_other(package, path):
    allowed = {package, "shared_spec"}
    for name in imported(ast.parse(path.read_text())):
        top = name.split(".")[0]
        assert top not in set(PACKAGES) - allowed, f"{path} imports {name}"


@pytest.mark.parametrize(
    ("package", "path"), FILES, ids=[str(p.relative_to(ROOT)) for _, p in FILES]
)
def test_only_the_command_lines_print_read_arguments_or_exit(package, path):
    if "cli" in path.parts or path.name in ("console.py", "options.py", "option_fields.py"):
        return
    tree = ast.parse(path.read_text())
    for name in imported(tree):
        assert name.split(".")[0] not in ("click", "argparse"), f"{path} reads arguments"
        assert not name.startswith("shared_spec.console"), f"{path} talks to the terminal"
        assert ".cli" not in name, f"{path} imports a command line"
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in calls:
        word = ast.unparse(call)
        assert word not in ("print", "input", "sys.exit", "exit", "breakpoint"), (
            f"{path} calls {word}"
        )


def test_the_consumer_never_sees_an_image_a_latent_the_flow_or_the_encoder():
    for package, path in FILES:
        if package != "consumer":
            continue
        for name in imported(ast.parse(path.read_text())):
            for private in ("data", "flow", "latents", "similarity", "artifacts.spec"):
                assert not name.startswith(f"shared_spec.{private}"), f"{path} imports {name}"


def test_one_module_reads_safetensors_one_writes_them_and_none_opens_pickles():
    for _, path in FILES:
        names = set(imported(ast.parse(path.read_text())))
        if path.name not in ("arrays.py", "tensors.py"):
            assert not any(name.split(".")[0] == "safetensors" for name in names), path
        assert not {"pickle", "dill", "joblib", "cloudpickle"} & names, path
        text = path.read_text()
        assert "torch.load(" not in text, path
        assert "allow_pickle" not in text, path


@pytest.mark.parametrize(
    ("package", "path"), FILES, ids=[str(p.relative_to(ROOT)) for _, p in FILES]
)
def test_nothing_draws_from_a_global_stream(package, path):
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        word = ast.unparse(node.func)
        named = {keyword.arg for keyword in node.keywords}
        if word in {"torch.randn", "torch.rand", "torch.randint", "torch.randperm", "torch.normal"}:
            assert "generator" in named, f"{path}:{node.lineno} {word} without a generator"
        if word.startswith("np.random."):
            assert path.name == "rng.py" or word == "np.random.Generator", (
                f"{path}:{node.lineno} {word}"
            )
        assert word not in {"torch.manual_seed", "random.random", "random.seed"}, (
            f"{path}:{node.lineno}"
        )
