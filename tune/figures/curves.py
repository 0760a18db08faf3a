"""How trials learned: the score after each epoch of the best, the middle and the pruned ones."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from optuna.trial import FrozenTrial, TrialState

from .axes import ScoreAxis, score_axis
from .scores import is_drawable, scored_trials
from .words import StudyContext, Words, counted

MOST_PRUNED = 40
BEST, MEDIAN, PRUNED = "best", "median", "pruned"


class Curve(NamedTuple):
    """One trial's score after each of its epochs.

    Attributes:
        number: Of the trial.
        kind: ``best``, ``median`` or ``pruned``.
        points: Epochs and scores.
    """

    number: int
    kind: str
    points: tuple[tuple[int, float], ...]


class Losses(NamedTuple):
    """The losses of one trial after each epoch, means over its folds."""

    epochs: tuple[int, ...]
    train: tuple[float, ...]
    validation: tuple[float, ...]


class CurvesInfo(NamedTuple):
    """Learning curves.

    Attributes:
        curves: From those in the background to the best, which is drawn on top.
        losses: Of the best trial; None where its history is not stored.
        axis: The scores that are shown.
        last_epoch: The latest of all.
        words: What to write around the figure.
    """

    curves: tuple[Curve, ...]
    losses: Losses | None
    axis: ScoreAxis
    last_epoch: int
    words: Words


def curves_info(trials: Sequence[FrozenTrial], context: StudyContext) -> CurvesInfo | str:
    """Learning curves of a study, or a sentence that says why there are none.

    Args:
        trials: All trials of the study.
        context: How to name and write things.
    """
    complete = sorted(scored_trials(trials), key=lambda scored: -context.sign * scored.score)
    chosen = [(PRUNED, trial) for trial in trials if trial.state == TrialState.PRUNED and _points(trial)]
    n_pruned = len(chosen)
    # Evenly from the first to the last, since the early ones are pruned by other standards.
    chosen = chosen[:: max(1, -(-n_pruned // MOST_PRUNED))]
    n_shown = len(chosen)
    if len(complete) > 2:
        chosen.append((MEDIAN, complete[len(complete) // 2].trial))
    if complete:
        chosen.append((BEST, complete[0].trial))
    curves = tuple(Curve(trial.number, kind, points) for kind, trial in chosen if (points := _points(trial)))
    if not curves:
        return "no trial has reported a score after an epoch"
    axis = score_axis([score for curve in curves for _, score in curve.points], context)
    losses = _losses(complete[0].trial) if complete else None
    notes = []
    if n_pruned:
        shown = f", of which {n_shown} are shown" if n_shown < n_pruned else ""
        notes.append(f"Grey: {counted(n_pruned, 'pruned trial')}{shown}; each ends where it was stopped.")
    if losses is not None:
        notes.append(
            "The training loss is what was minimised, with dropout, smoothed labels and varied data, so that it may "
            "well lie above the validation loss. A validation loss that rises at the end says: learned by heart."
        )
    last = max(epoch for curve in curves for epoch, _ in curve.points)
    return CurvesInfo(curves, losses, axis, last, Words("Learning curves", _summary(curves, context), tuple(notes)))


def _summary(curves: Sequence[Curve], context: StudyContext) -> str:
    best = next((curve for curve in curves if curve.kind == BEST), None)
    if best is None:
        return "No trial has run to its end yet."
    epoch, score = max(best.points, key=lambda point: context.sign * point[1])
    first = best.points[0]
    return (
        f"The best, trial {best.number}, had {context.score(first[1])} after epoch {first[0]} and its best, "
        f"{context.score(score)}, after epoch {epoch} of {best.points[-1][0]}."
    )


def _points(trial: FrozenTrial) -> tuple[tuple[int, float], ...]:
    return tuple((epoch, score) for epoch, score in sorted(trial.intermediate_values.items()) if is_drawable(score))


def _losses(trial: FrozenTrial) -> Losses | None:
    """From the stored history; None where there is none, or where it is not what this version writes."""
    folds = trial.user_attrs.get("history") or []
    by_epoch: dict[int, list[tuple[float, float]]] = {}
    try:
        for fold in folds:
            for epoch in fold:
                pair = float(epoch["train_loss"]), float(epoch["validation"]["loss"])
                if all(map(is_drawable, pair)):
                    by_epoch.setdefault(int(epoch["epoch"]), []).append(pair)
    except (KeyError, TypeError, ValueError):
        return None
    if len(by_epoch) < 2:
        return None
    epochs = tuple(sorted(by_epoch))

    def means(index: int) -> tuple[float, ...]:
        return tuple(fmean(pair[index] for pair in by_epoch[epoch]) for epoch in epochs)

    return Losses(epochs, means(0), means(1))
