"""Which score of a trial can be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

from optuna.trial import FrozenTrial, TrialState

from .words import StudyContext

# Beyond this, differences and squares of scores overflow; a loss of that size has diverged.
_LARGEST_SCORE = 1e100


class Point(NamedTuple):
    """A trial and its score."""

    number: int
    score: float


class Scored(NamedTuple):
    """A trial and its score."""

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


def reached_score(trial: FrozenTrial, sign: int) -> float | None:
    """The best score that a trial which did not complete has reported, which decided on it; None where there is none.

    Args:
        trial: Of the study.
        sign: 1 where more is better, else -1.
    """
    reported = filter(is_drawable, trial.intermediate_values.values())
    return max(reported, key=lambda score: sign * score, default=None)


def scored_trials(trials: Sequence[FrozenTrial]) -> list[Scored]:
    """The complete trials whose scores can be drawn."""
    return [Scored(trial, score) for trial in trials if (score := final_score(trial)) is not None]


def reached(trials: Sequence[FrozenTrial], sign: int) -> list[Scored]:
    """The trials without a final score that have reported one, with the best that they reported."""
    return [
        Scored(trial, score)
        for trial in trials
        if trial.state in (TrialState.PRUNED, TrialState.RUNNING)
        and final_score(trial) is None
        and (score := reached_score(trial, sign)) is not None
    ]


class Stars(NamedTuple):
    """What the figures point out.

    Attributes:
        selected: The search's trial to use; None before there is one.
        leader: The best score of the search, where that is another trial.
        sentence: Which these are.
        label: What a legend calls the first.
        leader_label: What a legend calls the second.
    """

    selected: Point | None
    leader: Point | None
    sentence: str
    label: str
    leader_label: str

    @property
    def number(self) -> int:
        """Of the first; -1 without one."""
        return -1 if self.selected is None else self.selected.number


def stars(trials: Sequence[FrozenTrial], context: StudyContext) -> Stars:
    """The trial that is handed over, and the one that only looked better in the search."""
    scored = [one.point for one in scored_trials(trials)]
    leader = max(scored, key=lambda point: context.sign * point.score, default=None)
    every = {point.number: point for point in (*scored, *(one.point for one in reached(trials, context.sign)))}
    selected = leader if context.selected is None else every.get(context.selected, leader)
    if selected is None or leader is None or leader.number == selected.number:
        leader = None
    label = "selected" if context.floor is None else "best of the search"
    sentence = (
        "" if selected is None else f"{label.capitalize()}: trial {selected.number}, {_twice(selected, context)}."
    )
    leader_label = "best score of the search"
    if leader is not None:
        sentence += f" Trial {leader.number} has the best score of the search, {_twice(leader, context)}"
        fresh = context.fresh.get(leader.number)
        if fresh is not None and context.sign * fresh < context.sign * leader.score:
            sentence += ": it did not repeat"
            leader_label += ", did not repeat"
        sentence += "."
    if context.floor is not None:
        sentence = f"MiniRocket is handed over, {context.score(context.floor)}: no trial beats it. {sentence}".rstrip()
    return Stars(selected, leader, sentence, label, leader_label)


def _twice(point: Point, context: StudyContext) -> str:
    score, fresh = context.score(point.score), context.fresh.get(point.number)
    return score if fresh is None else f"{score} in the search and {context.score(fresh)} with fresh seeds"


def what_helps(n_needed: int, n_complete: int, trials: Sequence[FrozenTrial]) -> str:
    """The end of a sentence: how many trials would be enough, if as many of them complete as so far."""
    n_finished = sum(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in trials)
    if not n_complete:
        return ": more trials would help"
    return f": about {9 * math.ceil(n_needed / n_complete * n_finished / 9)} trials (--resume --trials) would do"


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
