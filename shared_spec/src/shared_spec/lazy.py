"""Names of a package that are loaded when they are first asked for: `--help` needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazily"]


def lazily(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`: each name of `homes` from its module, and who asks for names gets those.

    `__version__` is the distribution's.
    """

    def get(name: str) -> Any:  # noqa: ANN401 - whatever the module holds
        if name == "__version__":
            from importlib.metadata import version

            return version(f"lassi-{package.replace('_', '-')}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return get, lambda: sorted(homes)
