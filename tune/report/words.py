"""How the report writes numbers and joins words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..training.metrics import METRIC_LABELS
from .figures.words import number_text

# The largest class has this many times the sequences of the smallest.
UNEVEN = 2
# Within a point of the majority's share a network has learned next to nothing.
AT_THE_MAJORITY = 0.01


def percent(share: float) -> str:
    """A share as precise as a person can use it: ``96.4%``, ``99.64%``, ``100%``."""
    if share >= 1:
        return "100%"
    return f"{share:.2%}" if share > 0.99 else f"{share:.1%}"


def score(value: float | None, metric: str) -> str:
    """A score of any metric."""
    if value is None:
        return "–"
    return number_text(value) if metric == "loss" else percent(value)


def about_balance(test: Mapping[str, Any]) -> str | None:
    """What accuracy hides where classes are uneven: balanced accuracy, and whether it is the majority's share.

    Args:
        test: Scores of an evaluation, as they are stored.
    """
    counts = {one["class"]: one["support"] for one in test.get("per_class", ()) if one["support"]}
    balanced = test.get("balanced_accuracy")
    if balanced is None or not counts or max(counts.values()) < UNEVEN * min(counts.values()):
        return None
    largest = max(counts, key=lambda name: counts[name])
    share = counts[largest] / sum(counts.values())
    beside = f"balanced accuracy (every class counts the same) {percent(balanced)}"
    if test["accuracy"] > share + AT_THE_MAJORITY:
        return beside
    return (
        f"{beside}: always answering {largest!r}, the largest class, has an accuracy of {percent(share)} too, so that "
        "it is no better than the majority; --metric balanced_accuracy searches for one that is"
    )


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
