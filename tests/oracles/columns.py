"""Rows of one view, column by column, from rows one by one."""

from operator import attrgetter

from shared_spec.artifacts.rows import COLUMNS, Rows


def in_columns(rows):
    """These rows, at least one, all of one view."""
    columns = zip(*map(attrgetter(*COLUMNS), rows), strict=True)
    found = dict(zip(COLUMNS, map(list, columns), strict=True))
    (view,) = set(found["view"])
    plain = {name: list(map(str, found[name])) for name in ("status", "reason")}
    return Rows(**found | plain | {"view": view})
