"""Every complete trial as a line across its hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from optuna.trial import FrozenTrial

from .axes import Tick, parameter_axis, score_axis
from .scores import scored_trials
from .words import StudyContext, Words

MOST_AXES = 10
MOST_LINES = 300
GOLDEN_RATIO = (5**0.5 - 1) / 2


class Column(NamedTuple):
    """One axis: the score, or a hyperparameter.

    Attributes:
        label: What to write above it.
        best: The best trial's value there, in words; empty where it has none.
        ticks: Marks, in 0..1.
    """

    label: str
    best: str
    ticks: tuple[Tick, ...]


class Line(NamedTuple):
    """One trial.

    Attributes:
        number: Of the trial.
        goodness: Its score from the worst that is shown to the best, 0..1.
        places: Where it crosses each column, 0..1; None where it lacks the hyperparameter.
        texts: What its value is in each column.
    """

    number: int
    goodness: float
    places: tuple[float | None, ...]
    texts: tuple[str, ...]


class ParallelInfo(NamedTuple):
    """Columns and the lines across them.

    Attributes:
        columns: The score, then hyperparameters from the most important.
        lines: From the worst to the best trial, so that the best is drawn on top.
        words: What to write around the figure.
    """

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    words: Words


def parallel_info(trials: Sequence[FrozenTrial], names: Sequence[str], context: StudyContext) -> ParallelInfo | str:
    """Parallel coordinates of the complete trials, or a sentence that says why there are none.

    Args:
        trials: All trials of the study.
        names: Hyperparameters that may have an axis, from the most important.
        context: How to write things.
    """
    # The first of equal ones is the best, as it is for Optuna.
    complete = sorted(scored_trials(trials)[::-1], key=lambda scored: context.sign * scored.score)
    if not complete:
        return "no trial has completed with a score that can be drawn"
    drawn = complete[-MOST_LINES:]
    present = [name for name in names if any(name in scored.trial.params for scored in drawn)]
    if not present:
        return "the study searches no hyperparameter"

    axis = score_axis([scored.score for scored in drawn], context)
    n_beyond = sum(axis.is_beyond(scored.score) for scored in drawn)
    notes = ["A line is a complete trial; the most important hyperparameters come first."]
    if len(drawn) < len(complete):
        notes.append(f"Shown are the best {len(drawn)} of {len(complete)} complete trials.")
    if len(present) > MOST_AXES:
        notes.append("Not shown: " + ", ".join(map(context.label, present[MOST_AXES:])) + ".")
    if n_beyond:
        beyond = axis.beyond_text(context)
        notes.append(f"Scores {beyond} are drawn at the end of the first axis: {n_beyond} of {len(drawn)}.")
    best = drawn[-1]
    numbers = [scored.trial.number for scored in drawn]
    axes = [parameter_axis(name, [scored.trial for scored in drawn], context) for name in present[:MOST_AXES]]
    score_places = [axis.place(scored.score) for scored in drawn]
    places = zip(score_places, *(each.spread(numbers, GOLDEN_RATIO) for each in axes), strict=True)
    texts = zip([context.score(scored.score) for scored in drawn], *(each.texts for each in axes), strict=True)
    score_ticks = tuple(Tick(axis.place(tick.place), tick.text) for tick in axis.ticks)
    return ParallelInfo(
        (
            Column(context.metric, context.score(best.score), score_ticks),
            *(Column(each.label, each.texts[-1], each.ticks) for each in axes),
        ),
        tuple(map(Line, numbers, (place if context.sign > 0 else 1 - place for place in score_places), places, texts)),
        Words(
            "Hyperparameters of every complete trial",
            f"Best: {context.score(best.score)} in trial {best.trial.number}; its values stand under the names.",
            tuple(notes),
        ),
    )
