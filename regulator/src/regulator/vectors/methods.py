"""The vectors of a request by its method, and what must hold before work is done for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from regulator.vectors.contrast import find_contrast
from regulator.vectors.discover import by_discover
from regulator.vectors.groups import find_groups
from regulator.vectors.linear_boundary import by_linear_boundary
from regulator.vectors.mean_difference import by_mean_difference
from regulator.vectors.ramaswamy import by_ramaswamy
from regulator.vectors.request import AttributeVector, VectorRequest
from regulator.vectors.settings import VectorMethod, VectorSettings
from shared_spec.chains import MOST_EDITS
from shared_spec.data.counterparts import Counterparts
from shared_spec.data.source import Source
from shared_spec.errors import DataError, SettingsError
from shared_spec.settings import changed
from shared_spec.terms import Similar

__all__ = ["check_request", "check_use", "compute_vectors"]


def check_request(source: Source, attributes: Sequence[str], settings: VectorSettings) -> None:
    """Refuses, by the labels alone, what no method could find a vector for.

    Raises:
        SettingsError: the method lacks a target or attributes, is given attributes in vain, or one of them twice.
        DataError: a column or class is unknown, or a group is empty.
    """
    method, named = settings.method, ", ".join(attributes)
    if len(set(attributes)) != len(attributes):
        raise SettingsError(f"`attribute` names {named}; name each attribute once")
    if len(set(settings.adjust_for)) != len(settings.adjust_for):
        raise SettingsError(
            f"`adjust_for` names {', '.join(settings.adjust_for)}; name each column once"
        )
    if settings.similar != Similar.VECTORS and method is not VectorMethod.MEAN_DIFFERENCE:
        raise SettingsError(
            f"`method` is {method}, which finds vectors, but `similar` is {settings.similar}: leave one out"
        )
    if settings.adjust_for and (
        settings.similar == Similar.COUNTERPARTS or method is not VectorMethod.MEAN_DIFFERENCE
    ):
        raise SettingsError(
            f"`adjust_for` names {', '.join(settings.adjust_for)}, but only edits and mean differences are adjusted; "
            "leave it out"
        )
    if settings.similar == Similar.EDITS and len(attributes) > MOST_EDITS:
        raise SettingsError(
            f"`attribute` names {len(attributes)}: edits of at most {MOST_EDITS} can be combined"
        )
    if settings.similar == Similar.COUNTERPARTS:
        known = source.counterpart_attributes if isinstance(source, Counterparts) else ()
        for name in attributes or ("nothing",):
            if name not in known:
                raise DataError(
                    f"{source.uri}: knows no counterparts in {name}; it knows {', '.join(known) or 'none'}"
                )
        return
    if method.needs_target and settings.target is None:
        raise SettingsError(f"method {method} needs a target; name one with `target`")
    if method.needs_attributes and not attributes:
        raise SettingsError(f"method {method} needs an attribute; name one with `attribute`")
    if not method.needs_attributes and attributes:
        raise SettingsError(
            f"method {method} finds its own directions and cannot be told {named}; "
            "leave `attribute` out, or choose another method"
        )
    # Means need no held-out individuals; classifiers do.
    splits = ("train",) if method is VectorMethod.MEAN_DIFFERENCE else ("train", "valid")
    for name in (*attributes, *([settings.target] if settings.target else [])):
        for split in splits:
            find_groups(source, split, name)
    if settings.adjust_for:
        found = [find_contrast(source, name, settings.adjust_for) for name in attributes]
        if not any(contrast.settings for contrast in found):
            raise SettingsError(
                f"`adjust_for` names {', '.join(settings.adjust_for)}, the attribute itself; name other columns"
            )


def check_use(settings: VectorSettings, studied: bool) -> None:
    """Refuses what nothing looks at beside the other settings: whoever chose it would believe in an effect.

    Raises:
        SettingsError: a setting is other than by default, in vain, or a study is asked for of what cannot be studied.
    """
    discovering = settings.method is VectorMethod.DISCOVER
    used = {
        "epsilon": settings.similar != Similar.COUNTERPARTS,
        "images_per_chain": settings.similar == Similar.EDITS,
        "target": settings.method.needs_target,
        "boundary_epochs": studied or settings.method is not VectorMethod.MEAN_DIFFERENCE,
        "directions": discovering,
        "iterations": discovering,
    }
    if vain := changed(settings, [name for name, use in used.items() if not use]):
        raise SettingsError(
            f"{' '.join(f'`{name}`' for name in vain)}: without use where `similar` is {settings.similar} and `method` "
            f"{settings.method}; leave it out"
        )
    if studied and settings.similar == Similar.COUNTERPARTS:
        raise SettingsError(
            "`study` is of vectors and edits, but `similar` is counterparts: leave it out"
        )


def compute_vectors(request: VectorRequest) -> list[AttributeVector]:
    """The vectors of a request, in the order of its attributes.

    Raises:
        SettingsError, DataError: as `check_request`, or nothing distinguishes the groups.
    """
    check_request(request.data.source, request.attributes, request.settings)
    match request.settings.method:
        case VectorMethod.MEAN_DIFFERENCE:
            return by_mean_difference(request)
        case VectorMethod.LINEAR_BOUNDARY:
            return by_linear_boundary(request)
        case VectorMethod.RAMASWAMY:
            return by_ramaswamy(request)
        case VectorMethod.DISCOVER:
            return by_discover(request)
        case method:
            assert_never(method)
