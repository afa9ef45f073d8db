"""The views that a producer can compute, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from producer.views.exact.view import ExactView
from producer.views.smoothing.view import SmoothingView
from producer.views.view import View
from shared_spec.artifacts.bundle_documents import ViewEntry
from shared_spec.chains import Similarity
from shared_spec.errors import SettingsError
from shared_spec.settings import Settings

__all__ = ["VIEW_TYPES", "AnyView", "choose_views", "register", "view_entries"]

AnyView: TypeAlias = View[Any]
ViewType = TypeVar("ViewType", bound=type[AnyView])

VIEW_TYPES: dict[str, type[AnyView]] = {}
"""All of them; their order is the order of a command's options and of a search's tables."""


def register(view: ViewType) -> ViewType:
    """Makes a view computable. Raises SettingsError if another one has its name."""
    if VIEW_TYPES.setdefault(view.contract.name, view) is not view:
        raise SettingsError(f"view {view.contract.name!r} is registered already; rename yours")
    return view


def choose_views(names: Sequence[str], settings: Iterable[Settings] = ()) -> tuple[AnyView, ...]:
    """These views, each with the settings of its type that are among `settings`, or with its defaults.

    Raises:
        SettingsError: for an unknown view, or none.
    """
    given = {type(found): found for found in settings}
    known = ", ".join(VIEW_TYPES)
    for name in names or ("nothing",):
        if name not in VIEW_TYPES:
            raise SettingsError(f"`view` is {name!r}: expected some of {known}")
    return tuple(
        view(given.get(view.settings_type) or view.settings_type())
        for name, view in VIEW_TYPES.items()
        if name in names
    )


def view_entries(
    views: Sequence[AnyView], similarity: Similarity, splits: Sequence[str]
) -> Mapping[str, ViewEntry]:
    """What the manifest says of these views, for bounds on these splits.

    Validation individuals only help consumers choose their noise, for which one view, the cheapest, is enough.

    Raises:
        SettingsError: for settings that could only abstain.
    """
    cheapest = min(views, key=lambda view: view.cost)
    return {
        view.name: view.entry(
            similarity, [split for split in splits if split != "valid" or view is cheapest]
        )
        for view in views
    }


register(SmoothingView)
register(ExactView)
