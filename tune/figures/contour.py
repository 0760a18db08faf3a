"""Where good scores lie, for pairs of the most important hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from optuna.trial import FrozenTrial, TrialState

from .axes import ParameterAxis, ScoreAxis, parameter_axis, score_axis
from .scores import Point, scored_trials
from .words import StudyContext, Words

MOST_PARAMETERS = 4
FEWEST_TRIALS = 3
NEVER_TOGETHER = "no complete trial has both"
_N_CELLS = 64


class Spot(NamedTuple):
    """A trial on a panel: its place on both axes, in 0..1, slightly moved where an axis has levels."""

    x: float
    y: float
    number: int


class Panel(NamedTuple):
    """One pair of hyperparameters.

    Attributes:
        x: Horizontal axis; its places and texts belong to the complete trials, then the pruned ones.
        y: Vertical axis.
        surface: Smoothed score, a row for each cell of ``y`` and a column for each of ``x``; NaN where nothing near
            was tried. A hyperparameter with levels has a cell a level, any other 64.
        complete: The complete trials; None for one that lacks one of the two.
        pruned: The pruned ones, likewise.
    """

    x: ParameterAxis
    y: ParameterAxis
    surface: Float[np.ndarray, "y_cells x_cells"]
    complete: tuple[Spot | None, ...]
    pruned: tuple[Spot | None, ...]


class ContourInfo(NamedTuple):
    """Panels, from the most important pair.

    Attributes:
        panels: One a pair.
        points: Numbers and scores of the complete trials.
        best: The best complete trial.
        score_axis: What the colours mean.
        words: What to write around the figure.
    """

    panels: tuple[Panel, ...]
    points: tuple[Point, ...]
    best: Point
    score_axis: ScoreAxis
    words: Words


def contour_info(trials: Sequence[FrozenTrial], names: Sequence[str], context: StudyContext) -> ContourInfo | str:
    """Score surfaces over pairs of hyperparameters, or a sentence that says why there are none.

    Args:
        trials: All trials of the study.
        names: Hyperparameters that varied among the complete trials, from the most important.
        context: How to write things.
    """
    complete = scored_trials(trials)
    if len(complete) < FEWEST_TRIALS:
        return f"a contour needs at least {FEWEST_TRIALS} complete trials, and this study has {len(complete)}"
    if len(names) < 2:
        varied = f"only {context.label(names[0])} varied" if names else "none varied"
        return f"a contour needs two hyperparameters, and {varied} among the complete trials"

    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    placed = [*(scored.trial for scored in complete), *pruned]
    axes = [parameter_axis(name, placed, context) for name in names[:MOST_PARAMETERS]]
    best = max(range(len(complete)), key=lambda index: context.sign * complete[index].score)
    colours = score_axis([scored.score for scored in complete], context)
    # One outlier far beyond the colours must not tint its whole neighbourhood.
    scores = np.clip([scored.score for scored in complete], colours.low, colours.high)
    panels = []
    for x, y in combinations(axes, 2):
        # Names of levels have more room beside an axis than under it.
        x, y = (y, x) if x.levels and not y.levels else (x, y)
        spots = _spots(x, y, [trial.number for trial in placed])
        panels.append(Panel(x, y, _surface(x, y, scores), spots[: len(complete)], spots[len(complete) :]))

    values = ", ".join(f"{axis.label} {axis.texts[best] or 'none'}" for axis in axes)
    notes = ["Colour: mean of the complete trials near by, whatever their other hyperparameters."]
    notes.append("Grey: nothing near by was tried to the end.")
    if len(names) > MOST_PARAMETERS:
        notes.append(f"The {MOST_PARAMETERS} most important of {len(names)} hyperparameters that varied.")
    return ContourInfo(
        tuple(panels),
        tuple(scored.point for scored in complete),
        complete[best].point,
        colours,
        Words(
            f"{context.metric_title} over pairs of hyperparameters",
            f"Best: {context.score(complete[best].score)} in trial {complete[best].trial.number} ({values}).",
            tuple(notes),
        ),
    )


def _spots(x: ParameterAxis, y: ParameterAxis, numbers: Sequence[int]) -> tuple[Spot | None, ...]:
    # The two ratios fill a plane evenly (the plastic number; M. Roberts, "The unreasonable effectiveness of
    # quasirandom sequences", 2018).
    places = zip(x.spread(numbers, 0.7548776662466927), y.spread(numbers, 0.5698402909980532), numbers, strict=True)
    return tuple(None if across is None or up is None else Spot(across, up, number) for across, up, number in places)


def _surface(
    x: ParameterAxis, y: ParameterAxis, scores: Float[np.ndarray, " trials"]
) -> Float[np.ndarray, "y_cells x_cells"]:
    """Nadaraya-Watson mean of the scores on a grid, with Gaussian weights over ranges and none between levels.

    Args:
        x: Horizontal axis; its first places are those of ``scores``.
        y: Vertical axis, likewise.
        scores: Of the complete trials.
    """
    pairs = zip(x.places[: len(scores)], y.places[: len(scores)], strict=True)
    has_both = np.array([across is not None and up is not None for across, up in pairs], dtype=bool)
    # Scott's rule for two dimensions, on places that spread over the unit interval.
    bandwidth = 0.25 * max(int(has_both.sum()), 1) ** (-1 / 6)
    across, up = (_weights(axis, len(scores), has_both, bandwidth) for axis in (x, y))
    total = up @ across.T
    # A lone trial colours what lies within two bandwidths of it.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > np.exp(-2), (up * scores[has_both]) @ across.T / total, np.nan)


def cells(axis: ParameterAxis) -> Float[np.ndarray, " cells"]:
    """Where the columns or rows of a surface are, in 0..1: the middle of each level, or evenly from end to end."""
    n_levels = len(axis.levels)
    return (np.arange(n_levels) + 0.5) / n_levels if n_levels else np.linspace(0.0, 1.0, _N_CELLS)


def _weights(
    axis: ParameterAxis, n_trials: int, has_both: Bool[np.ndarray, " trials"], bandwidth: float
) -> Float[np.ndarray, "cells chosen"]:
    places = np.array(axis.places[:n_trials], dtype=float)[has_both]
    distances = np.abs(cells(axis)[:, None] - places)
    if axis.levels:
        return np.where(distances < 0.5 / len(axis.levels), 1.0, 0.0)
    return np.asarray(np.exp(-0.5 * (distances / bandwidth) ** 2))
