"""Which score of a trial can be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

from optuna.trial import FrozenTrial, TrialState

# Beyond this, differences and squares of scores overflow; a loss of that size has diverged.
_LARGEST_SCORE = 1e100


class Point(NamedTuple):
    """A trial and its score."""

    number: int
    score: float


class Scored(NamedTuple):
    """A complete trial and its score."""

    trial: FrozenTrial
    score: float

    @property
    def point(self) -> Point:
        """The trial as a point."""
        return Point(self.trial.number, self.score)


def final_score(trial: FrozenTrial) -> float | None:
    """The score of a complete trial, or that of an unfinished one so far; None where there is none, or it diverged."""
    # Of two objectives the first is the score.
    score = trial.values[0] if trial.values else None
    return score if trial.state in (TrialState.COMPLETE, TrialState.RUNNING) and is_drawable(score) else None


def last_score(trial: FrozenTrial) -> float | None:
    """The latest score that a trial which did not complete has reported; None where there is none."""
    reported = [score for _, score in sorted(trial.intermediate_values.items()) if is_drawable(score)]
    return reported[-1] if reported else None


def scored_trials(trials: Sequence[FrozenTrial]) -> list[Scored]:
    """The complete trials whose scores can be drawn."""
    return [Scored(trial, score) for trial in trials if (score := final_score(trial)) is not None]


def scored_after_the_same_epochs(trials: Sequence[FrozenTrial], sign: int) -> tuple[list[Scored], int]:
    """All trials with the best score of as many epochs as each of them has, and how many that are.

    Where most trials are ended early, the complete ones are few, and were chosen; these were not.
    """
    reported = {trial.number: max(trial.intermediate_values, default=0) for trial in trials}
    n_epochs = min((n for n in reported.values() if n), default=0)
    scored = []
    for trial in trials:
        scores = [score for epoch, score in trial.intermediate_values.items() if epoch <= n_epochs]
        if scores and all(map(is_drawable, scores)):
            scored.append(Scored(trial, sign * max(sign * score for score in scores)))
    return scored, n_epochs


def with_one_value(trial: FrozenTrial) -> FrozenTrial:
    """The trial as a study of its first objective would have it."""
    if trial.values is None or len(trial.values) == 1:
        return trial
    single = copy(trial)
    single.values = trial.values[:1]
    return single


def is_drawable(score: float | None) -> bool:
    """Whether a score is a finite number that has not diverged."""
    return score is not None and math.isfinite(score) and abs(score) < _LARGEST_SCORE
