"""How trials learned: the score after each epoch of the selected one, the middle and the pruned ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from optuna.trial import FrozenTrial, TrialState

from .axes import ScoreAxis, score_axis
from .palette import LIGHT
from .scores import Stars, is_drawable, scored_trials, stars
from .sections import HALF, Section, section
from .sheets import Medium, Sheet, calm, gridded, labelled, legend, set_ticks, sheet, whole_numbers
from .words import StudyContext, Words, counted

MOST_PRUNED = 40
_TILE = Medium(4.7, False)
SELECTED, LEADER, MEDIAN, PRUNED = "selected", "leader", "median", "pruned"
_LINES: dict[str, dict[str, Any]] = {
    PRUNED: {"color": LIGHT.pruned, "linewidth": 0.9, "alpha": 0.7},
    MEDIAN: {"color": LIGHT.complete, "linewidth": 1.8, "linestyle": "--", "marker": "o", "markersize": 4},
    LEADER: {"color": LIGHT.best, "linewidth": 1.4, "linestyle": ":", "marker": "o", "markersize": 3},
    SELECTED: {"color": LIGHT.best, "linewidth": 2.2, "marker": "o", "markersize": 4},
}


class Curve(NamedTuple):
    """One trial's points, epochs and scores; its kind is one of ``_LINES``."""

    number: int
    kind: str
    points: tuple[tuple[int, float], ...]


class Losses(NamedTuple):
    """The losses of one trial after each epoch, means over its folds."""

    epochs: tuple[int, ...]
    train: tuple[float, ...]
    validation: tuple[float, ...]


@dataclass(frozen=True)
class CurvesInfo:
    """Learning curves.

    Attributes:
        curves: From those in the background to the selected one, which is drawn on top.
        stars: The trial to use, and the search's best where that is another one.
        losses: Of the selected trial; None where its history is not stored.
        axis: The scores that are shown.
        words: What to write around the figure.
    """

    curves: tuple[Curve, ...]
    stars: Stars
    losses: Losses | None
    axis: ScoreAxis
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
    pointed_out = stars(trials, context)
    numbered = {trial.number: trial for trial in trials}
    if pointed_out.leader is not None:
        chosen.append((LEADER, numbered[pointed_out.leader.number]))
    selected = numbered.get(pointed_out.number)
    if selected is not None:
        chosen = [(kind, trial) for kind, trial in chosen if trial is not selected]
        chosen.append((SELECTED, selected))
    curves = tuple(Curve(trial.number, kind, points) for kind, trial in chosen if (points := _points(trial)))
    if not curves:
        return "no trial has reported a score after an epoch"
    axis = score_axis([score for curve in curves for _, score in curve.points], context)
    losses = None if selected is None else _losses(selected)
    notes = []
    if n_pruned:
        shown = f", of which {n_shown} are shown" if n_shown < n_pruned else ""
        notes.append(f"Grey: {counted(n_pruned, 'pruned trial')}{shown}; each ends where it was stopped.")
    if losses is not None:
        notes.append(
            "The training loss is what was minimised, with dropout, smoothed labels and varied data, so that it may "
            "well lie above the validation loss. A validation loss that rises at the end means overfitting."
        )
    epochs = set() if selected is None else set(selected.user_attrs.get("best_epochs") or [])
    words = Words("Learning curves", _summary(curves, pointed_out, context, epochs), tuple(notes))
    return CurvesInfo(curves, pointed_out, losses, axis, words)


def _summary(curves: Sequence[Curve], pointed_out: Stars, context: StudyContext, best_epochs: Collection[int]) -> str:
    """In words; of several epochs with the same score the best is the one of ``best_epochs``, by its loss."""
    shown = next((curve for curve in curves if curve.kind == SELECTED), None)
    if shown is None:
        return "No trial has run to its end yet."
    epoch, score = max(shown.points, key=lambda point: (context.sign * point[1], point[0] in best_epochs))
    first = shown.points[0]
    said = (
        f"Trial {shown.number}, {pointed_out.label}, had {context.score(first[1])} after epoch {first[0]} and its "
        f"best, {context.score(score)}, after epoch {epoch} of {shown.points[-1][0]}."
    )
    leader = pointed_out.leader
    return said if leader is None else f"{said} Dotted: trial {leader.number}, {pointed_out.leader_label}."


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


def draw_curves(info: CurvesInfo, context: StudyContext) -> Sheet:
    """The scores of some trials after each epoch and, where they are known, the losses of the best."""
    drawn = sheet(info.words, context, 4.3)
    bottom, top = drawn.bottom + 0.55, drawn.top - 0.55
    middle = drawn.width / 2 if info.losses else drawn.width
    scores = drawn.axes(0.95, bottom, middle - 0.35, top)
    _draw_scores(scores, info, context)
    legend(drawn, scores)
    if info.losses:
        _draw_losses(drawn.axes(middle + 0.45, bottom, drawn.width - 0.35, top), info.losses, info.stars.number)
    return drawn


def curves_section(info: CurvesInfo, context: StudyContext) -> Section:
    """The same for the page, beside or below each other."""
    scores = sheet(info.words, context, 3.5, _TILE)
    axes = scores.axes(0.6, 0.5, _TILE.width - 0.15, 2.95)
    _draw_scores(axes, info, context)
    legend(scores, axes)
    tiles = [scores.figure]
    if info.losses:
        losses = sheet(info.words, context, 3.5, _TILE)
        _draw_losses(losses.axes(0.6, 0.5, _TILE.width - 0.15, 2.95), info.losses, info.stars.number)
        tiles.append(losses.figure)
    return section("curves", info.words, heading="Learning", tiles=tuple(tiles), least_width=HALF)


def _draw_scores(axes: Axes, info: CurvesInfo, context: StudyContext) -> None:
    named: set[str] = set()
    for curve in info.curves:
        epochs, values = zip(*curve.points, strict=True)
        shown = [min(max(value, info.axis.low), info.axis.high) for value in values]
        called = {SELECTED: info.stars.label, LEADER: info.stars.leader_label}.get(curve.kind, curve.kind)
        label = None if curve.kind in named else called
        # Short ones would not be seen as lines.
        dot = {"marker": "o", "markersize": 2.5} if len(epochs) < 3 else {}
        axes.plot(epochs, shown, label=label, clip_on=False, **{**dot, **_LINES[curve.kind]})
        named.add(curve.kind)
    axes.set_ylim(info.axis.low, info.axis.high)
    set_ticks(axes, y=info.axis.ticks)
    _finish(axes, context.metric_title)


def _draw_losses(axes: Axes, losses: Losses, number: int) -> None:
    style: dict[str, Any] = {"linewidth": 2.2, "marker": "o", "markersize": 4}
    axes.plot(losses.epochs, losses.train, color=LIGHT.muted, linestyle=":", **style)
    axes.plot(losses.epochs, losses.validation, color=LIGHT.best, **style)
    axes.set_ylim(0, 1.05 * max(*losses.train, *losses.validation))
    _finish(axes, f"Loss of trial {number}: training (dotted), validation")


def _finish(axes: Axes, title: str) -> None:
    calm(axes, title)
    labelled(axes, "epoch")
    whole_numbers(axes, most=10)
    gridded(axes)
