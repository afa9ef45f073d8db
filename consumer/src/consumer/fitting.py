"""Fitting the head to a bundle: representations and labels in, a trained head out; noise chosen on validation data."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
