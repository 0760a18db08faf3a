"""How the report writes numbers and joins words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..study.stored import Ensemble
from ..training.metrics import BY_CLASS, METRIC_LABELS
from .figures.words import number_text, percent

# The largest class has this many times the sequences of the smallest.
UNEVEN = 2
# Within a point of the majority's share a network has learned next to nothing.
AT_THE_MAJORITY = 0.01


def score(value: float | None, metric: str) -> str:
    """A score of any metric."""
    return number_text(value) if metric == "loss" and value is not None else percent(value)


def about_balance(test: Mapping[str, Any], metric: str) -> str | None:
    """What accuracy hides where classes are uneven: balanced accuracy, and whether it is the majority's share.

    Args:
        test: Scores of an evaluation, as they are stored.
        metric: That decided.
    """
    balanced = test.get("balanced_accuracy")
    if balanced is None:
        return None
    try:
        counts = {one["class"]: one["support"] for one in test.get("per_class") or () if one["support"]}
    except (KeyError, TypeError):  # What another version, or another program, has written.
        return None
    if not counts or max(counts.values()) < UNEVEN * min(counts.values()):
        return None
    largest = max(counts, key=lambda name: counts[name])
    share = counts[largest] / sum(counts.values())
    beside = f"balanced accuracy (every class counts the same) {percent(balanced)}"
    if test["accuracy"] > share + AT_THE_MAJORITY:
        return beside
    advice = "" if metric in BY_CLASS else "; --metric balanced_accuracy searches for one that is"
    return (
        f"{beside}: always answering {largest!r}, the largest class, has an accuracy of {percent(share)} too, so that "
        f"it is no better than the majority{advice}"
    )


def mean_in_words(ensemble: Ensemble) -> str:
    """What is handed over, where it is the mean of several networks."""
    with_floor = ensemble["chosen"]["minirocket"]
    n_networks = len(ensemble["members"]) - with_floor
    return _mean_of(n_networks, with_floor=with_floor, of=f" of trial {ensemble['trial']}")


def _mean_of(n_networks: int, *, with_floor: bool, of: str = "") -> str:
    networks = "a network" if n_networks == 1 else f"{n_networks} networks"
    return f"the mean of {networks}{of}{' and MiniRocket' if with_floor else ''}"


def about_mean(ensemble: Ensemble, single: float | None, single_test: Mapping[str, Any] | None, metric: str) -> str:
    """What a mean of several networks is worth beside a single one of them.

    Args:
        ensemble: On record.
        single: Validation score of a single network.
        single_test: Its scores on the test set; None where there is none.
        metric: That decided.
    """
    found, tested = ensemble["chosen"]["score"], ensemble.get("test")
    name = metric_name(metric)
    sentence = (
        f"Handed over is {mean_in_words(ensemble)}: validation {name} {score(found, metric)}, "
        f"{score(single, metric)} with a single network"
    )
    if found == single:
        sentence += " (level: the lower validation loss decided)"
    if tested is not None and single_test is not None:
        both = percent(tested["accuracy"]), percent(single_test["accuracy"])
        sentence += f"; test accuracy {both[0]}, {both[1]} with a single network"
    return f"{sentence}. It takes {milliseconds(ensemble['latency_ms'])} a sequence on one thread of this processor."


def about_no_mean(found: Ensemble, metric: str) -> str:
    """Why no mean of several networks is handed over, although it was judged.

    Args:
        found: On record.
        metric: That decided.
    """
    judged = [
        f"{score(one['score'], metric)} for {_mean_of(one['networks'], with_floor=one['minirocket'])}"
        for one in found["candidates"]
        if one["networks"] + one["minirocket"] > 1
    ]
    return f"No mean of several networks is better on validation: {listed(judged)}."


def metric_name(metric: str) -> str:
    """A metric's name within a sentence."""
    return METRIC_LABELS.get(metric, metric)


def milliseconds(latency: float) -> str:
    """``1.4 ms``, ``190 ms``."""
    return f"{number_text(float(f'{latency:.2g}'))} ms"


def points(difference: float) -> str:
    """A difference between shares: ``0.4 points``."""
    return f"{100 * difference:.1f} points"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = words or ("none",)
    return f"{', '.join(most)} and {last}" if most else last
