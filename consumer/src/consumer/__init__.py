"""The data consumer: trains a classifier and proves, person by person, that similar individuals are treated alike."""

from __future__ import annotations

from consumer.head import load_head

__all__ = ["load_head"]
