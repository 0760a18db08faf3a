"""From what a network says of the windows of a stream to decisions: one rule for the report, ``predict`` and ``serve``.

Whatever decides at a moment was said before it, so that a stream that is being measured gets the very decisions that
were judged. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from pydantic import Field

from data.streams.null_class import null_class

from ..config.schema import LONGEST, Section

SMOOTHED_WINDOWS, MOST_WINDOWS = 3, 1_000
# Of these a study chooses on validation, where its data are streams.
N_WINDOWS = (SMOOTHED_WINDOWS, 1, 2, 4, 6, 8)
MIN_WINDOWS = (1, 2, 3, 5)


class DecisionRule(Section):
    """How the windows of a stream become decisions.

    Attributes:
        hop: Steps from one window to the next.
        n_windows: Successive windows whose mean probabilities decide.
        threshold: Of the classes other than the null class the most likely one is decided if it has at least this
            probability, else null; None: the most likely of all classes is decided.
        min_windows: Successive windows at which a class other than the null class has to be decided before it holds;
            until then it is null.
    """

    hop: int = Field(ge=1, le=LONGEST)
    n_windows: int = Field(SMOOTHED_WINDOWS, ge=1, le=MOST_WINDOWS)
    threshold: float | None = Field(None, ge=0, le=1)
    min_windows: int = Field(1, ge=1, le=MOST_WINDOWS)

    def in_words(self, class_names: Sequence[str]) -> str:
        """How it decides, but for the hop."""
        together = (
            "by the last window alone" if self.n_windows == 1 else f"by the last {self.n_windows} windows together"
        )
        null = null_class(class_names)
        needs = [] if self.threshold is None else [f"a probability of at least {self.threshold:g}"]
        needs += [f"{self.min_windows} decisions in a row"] if self.min_windows > 1 else []
        if null is None or not needs:
            return together
        return f"{together}; a class other than {class_names[null]!r} needs {' and '.join(needs)}"


class Stretch(NamedTuple):
    """A stretch of one decision in seconds of its stream.

    Attributes:
        known: End of the window by which it is known.
        windows: At the end of which it is decided.
    """

    label: int
    begin: float
    end: float
    known: float = 0.0
    windows: slice = slice(0)


def decide(
    probabilities: Float[NDArray[np.float64], "windows classes"], rule: DecisionRule, null: int | None
) -> tuple[Int[NDArray[np.int64], " windows"], Float[NDArray[np.float64], "windows classes"]]:
    """The class that is decided at the end of each of successive windows, and the probabilities that decide.

    The windows are in order of time, ``rule.hop`` apart. Without a null class there is neither a threshold nor a least
    number of decisions.
    """
    means = trailing_mean(probabilities, rule.n_windows)
    labels = means.argmax(axis=1)
    if rule.threshold is not None and null is not None:
        others = means.copy()
        others[:, null] = -1
        labels = np.where(others.max(axis=1) >= rule.threshold, others.argmax(axis=1), null)
    if rule.min_windows > 1 and null is not None:
        rows = np.arange(len(labels))
        begins = np.maximum.accumulate(np.where(np.diff(labels, prepend=-1) != 0, rows, 0))
        labels = np.where(rows - begins >= rule.min_windows - 1, labels, null)
    return labels, means


def stretches(
    probabilities: Float[NDArray[np.float64], "windows classes"],
    starts: Float[NDArray[np.float64], " windows"],
    ends: Float[NDArray[np.float64], " windows"],
    rule: DecisionRule,
    null: int | None,
) -> list[Stretch]:
    """The whole time of successive windows in stretches of one decision, which is about the middle of its windows.

    What needs several decisions began with the first of them, and is known by the last.
    """
    labels, _ = decide(probabilities, rule, null)
    n_before = 0 if null is None else rule.min_windows - 1
    for a in np.flatnonzero(np.diff(labels, prepend=-1 if null is None else null)).tolist() if n_before else ():
        if labels[a] != null:
            labels[a - n_before : a] = labels[a]
    centres = trailing_mean((starts + ends)[:, None] / 2, rule.n_windows)[:, 0]
    borders = np.concatenate([starts[:1], (centres[1:] + centres[:-1]) / 2, [ends.max()]])
    changes = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist(), len(labels)]
    return [
        Stretch(
            int(labels[a]),
            float(borders[a]),
            float(borders[b]),
            float(ends[a if labels[a] == null else a + n_before]),
            slice(a, b),
        )
        for a, b in pairwise(changes)
    ]


def trailing_mean(
    values: Float[NDArray[np.float64], "windows columns"], n_windows: int
) -> Float[NDArray[np.float64], "windows columns"]:
    """The mean of each row and the ``n_windows - 1`` before it, or as many as there are."""
    sums = np.cumsum(values, axis=0, dtype=np.float64)
    sums[n_windows:] -= sums[:-n_windows].copy()
    means: NDArray[np.float64] = sums / np.minimum(np.arange(1, len(values) + 1), n_windows)[:, None]
    return means
