"""The errors that the commands report in one line; each class carries its exit code.

A message says what is wrong, where, what was expected and what to do about it. Anything else that escapes a
command is a bug: it keeps its traceback and exits with 1.
"""

from __future__ import annotations

__all__ = [
    "ArtifactError",
    "AuditFailed",
    "DataError",
    "ExpiredError",
    "LassiError",
    "PolicyNotMet",
    "SettingsError",
]


_LONGEST = 2000


class LassiError(Exception):
    """Root of all errors that a user can act on.

    Whoever wrote an artefact decides how long its names are, so the middle of a long message is left out.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST // 2]} ... {message[-_LONGEST // 4 :]}"
        super().__init__(message)


class SettingsError(LassiError):
    """A setting is impossible, or could only lead to abstention."""

    exit_code = 2


class ArtifactError(LassiError):
    """An artefact is truncated, tampered with, of an unknown version, or made from something else."""

    exit_code = 3


class PolicyNotMet(LassiError):
    """The certificates exist but do not reach the level that was asked for."""

    exit_code = 4


class AuditFailed(LassiError):
    """The audit is written, and it has findings."""

    exit_code = 7


class DataError(LassiError):
    """The data are missing, unreadable, or do not hold what was asked of them."""

    exit_code = 5


class ExpiredError(LassiError):
    """A certificate, a signed statement or its key is no longer valid: expired, retired or revoked."""

    exit_code = 6
