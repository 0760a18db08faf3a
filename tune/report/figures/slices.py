"""The score along one hyperparameter at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from optuna.trial import FrozenTrial, TrialState

from .axes import GOLDEN_RATIO, ParameterAxis, ScoreAxis, parameter_axis, score_axis
from .palette import LIGHT, crowding
from .scores import scored_trials, stars, what_helps
from .sections import QUARTER, Section, section
from .sheets import Medium, gridded, labelled, set_ticks, sheet
from .words import StudyContext, Words, shortened

MOST_PARAMETERS = 4
FEWEST_TRIALS = 5
_TILE = Medium(3.1, False)
_N_STEPS = 40


class Slice(NamedTuple):
    """One hyperparameter.

    Attributes:
        axis: Its axis; places and texts belong to the points of the figure.
        places: Where each point lies, moved a little where the axis has levels; None where the trial lacks it.
        line: Places and smoothed scores: along a range, or one for each level that was tried.
    """

    axis: ParameterAxis
    places: tuple[float | None, ...]
    line: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class SlicesInfo:
    """Slices, from the most important hyperparameter.

    Attributes:
        slices: One a hyperparameter.
        scores: Of the complete trials.
        star: Index of the one to use among them; None where that one was not trained to the end.
        label: What to call it.
        axis: The scores that are shown.
        words: What to write around the figure.
    """

    slices: tuple[Slice, ...]
    scores: tuple[float, ...]
    star: int | None
    label: str
    axis: ScoreAxis
    words: Words


def slices_info(trials: Sequence[FrozenTrial], names: Sequence[str], context: StudyContext) -> SlicesInfo | str:
    """The complete trials' scores along the most important hyperparameters, or a sentence that says why there are none.

    Args:
        trials: All trials of the study.
        names: Hyperparameters that varied among the complete trials, from the most important.
        context: How to write things.
    """
    complete = scored_trials(trials)
    if (n_complete := sum(one.trial.state == TrialState.COMPLETE for one in complete)) < FEWEST_TRIALS:
        return (
            f"slices need at least {FEWEST_TRIALS} complete trials, and this study has "
            f"{n_complete}{what_helps(FEWEST_TRIALS, n_complete, trials)}"
        )
    if not names:
        return "no hyperparameter varied among the complete trials"
    numbers = tuple(scored.trial.number for scored in complete)
    scores = tuple(scored.score for scored in complete)
    axis = score_axis(scores, context)
    # One outlier far below must not pull down the whole line.
    visible = np.clip(scores, axis.low, axis.high)
    slices = []
    for name in names[:MOST_PARAMETERS]:
        along = parameter_axis(name, [scored.trial for scored in complete], context)
        slices.append(Slice(along, along.spread(numbers, GOLDEN_RATIO), _line(along, visible)))
    pointed_out = stars(trials, context)
    star = numbers.index(pointed_out.number) if pointed_out.number in numbers else None
    notes = ["Line: mean of the trials near by. Where the dots scatter widely around it, other things matter more."]
    if n_beyond := sum(map(axis.is_beyond, scores)):
        notes.append(f"Scores {axis.beyond_text(context)} are drawn at the edge: {n_beyond} of {len(scores)}.")
    summary = pointed_out.sentence
    if star is not None:
        values = ", ".join(f"{one.axis.label} {one.axis.texts[star] or 'none'}" for one in slices)
        summary += f" It has {values}."
    words = Words("The score along each hyperparameter", summary, tuple(notes))
    return SlicesInfo(tuple(slices), scores, star, pointed_out.label, axis, words)


def _line(axis: ParameterAxis, scores: Float[np.ndarray, " trials"]) -> tuple[tuple[float, float], ...]:
    """Mean score of each level; of a range, a Nadaraya-Watson mean with Gaussian weights between its tried ends."""
    has = np.array([place is not None for place in axis.places], dtype=bool)
    places, known = np.array([place for place in axis.places if place is not None]), scores[has]
    if axis.levels:
        levels = sorted(set(places.tolist()))
        return tuple((level, float(known[places == level].mean())) for level in levels)
    bandwidth = 0.25 * len(places) ** (-1 / 5)
    grid = np.linspace(places.min(), places.max(), _N_STEPS)
    weights = np.exp(-0.5 * ((grid[:, None] - places) / bandwidth) ** 2)
    smooth = weights @ known / np.maximum(weights.sum(axis=1), 1e-12)
    # Nothing near by was tried: no line.
    dense = weights.sum(axis=1) > np.exp(-2)
    return tuple((float(place), float(score)) for place, score in zip(grid[dense], smooth[dense], strict=True))


def slices_section(info: SlicesInfo, context: StudyContext) -> Section:
    """A picture for each hyperparameter, all with the same scores upwards."""
    tiles = []
    for one in info.slices:
        tile = sheet(info.words, context, 2.6, _TILE)
        _draw_slice(tile.axes(0.6, 0.5, _TILE.width - 0.15, 2.55), one, info)
        tiles.append(tile.figure)
    key = f"● complete   ★ {info.label}"
    return section("slices", info.words, key=key, heading="How", tiles=tuple(tiles), least_width=QUARTER)


def _draw_slice(axes: Axes, one: Slice, info: SlicesInfo) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(info.axis.low, info.axis.high)
    ticks = one.axis.ticks[:: -(-len(one.axis.ticks) // 4)]
    set_ticks(axes, [tick._replace(text=shortened(tick.text, 9)) for tick in ticks], info.axis.ticks)
    gridded(axes)
    labelled(axes, shortened(one.axis.label, 30))
    scores = np.clip(info.scores, info.axis.low, info.axis.high)
    others = [index for index, place in enumerate(one.places) if place is not None and index != info.star]
    size = crowding(len(info.scores), 60)
    places = np.array([one.places[index] for index in others], dtype=float)
    dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 5 * size**0.5, "markeredgewidth": 0}
    axes.plot(places, scores[others], color=LIGHT.complete, alpha=0.75, clip_on=False, **dots)
    if one.line:
        along, means = zip(*one.line, strict=True)
        mark: dict[str, Any] = {"linestyle": "none", "marker": "_", "markersize": 22, "markeredgewidth": 2.4}
        axes.plot(along, means, color=LIGHT.muted, **(mark if one.axis.levels else {"linewidth": 1.8}))
    if info.star is not None and (star := one.places[info.star]) is not None:
        style: dict[str, Any] = {"marker": "*", "s": 150, "edgecolors": LIGHT.paper, "linewidths": 0.8}
        axes.scatter(star, scores[info.star], color=LIGHT.best, clip_on=False, zorder=3, **style)
