"""How the report writes numbers and joins words."""

from __future__ import annotations

from collections.abc import Sequence

from ..training.metrics import METRIC_LABELS
from .figures.words import number_text


def percent(share: float) -> str:
    """A share as precise as a person can use it: ``96.4%``, ``99.64%``, ``100%``."""
    if share >= 1:
        return "100%"
    return f"{share:.2%}" if share > 0.99 else f"{share:.1%}"


def score(value: float | None, metric: str) -> str:
    """A score of any metric."""
    if value is None:
        return "–"
    return percent(value) if metric in ("accuracy", "macro_f1") else number_text(value)


def metric_name(metric: str) -> str:
    """A metric's name within a sentence."""
    return METRIC_LABELS.get(metric, metric)


def points(difference: float) -> str:
    """A difference between shares: ``0.4 points``."""
    return f"{100 * difference:.1f} points"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = words or ("none",)
    return f"{', '.join(most)} and {last}" if most else last
