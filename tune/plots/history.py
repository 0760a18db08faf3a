"""The optimization history as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..figures.axes import ScoreAxis
from ..figures.history import HistoryInfo
from ..figures.scores import Point
from ..figures.words import StudyContext
from ..palette import LIGHT, crowding
from .sheets import WIDTH_INCHES, Sheet, legend, set_ticks, sheet

_PRUNED: dict[str, Any] = {"color": LIGHT.pruned, "s": 24, "edgecolors": LIGHT.paper, "linewidths": 0.6}
_RUNNING = {"color": LIGHT.paper, "s": 36, "edgecolors": LIGHT.complete, "linewidths": 1.4}
_COMPLETE = {"color": LIGHT.complete, "s": 40, "edgecolors": LIGHT.paper, "linewidths": 0.6}
_KNOWN_GOOD = {"facecolors": "none", "s": 110, "edgecolors": LIGHT.ink, "linewidths": 1.2, "marker": "D"}
_BEST = {"color": LIGHT.best, "s": 210, "edgecolors": LIGHT.paper, "linewidths": 1.0, "marker": "*"}


def history_sheet(info: HistoryInfo, context: StudyContext) -> Sheet:
    """Every trial's score in the order they ran."""
    drawn = sheet(info.words, context, 4.9)
    axes = drawn.axes(0.95, drawn.bottom_inches + 0.55, WIDTH_INCHES - 0.35, drawn.top_inches - 0.4)
    low, high = info.axis.low, info.axis.high
    axes.set_ylim(low, high)
    axes.set_xlim(-0.02 * info.last_number - 0.5, 1.02 * info.last_number + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("trial", color=LIGHT.muted, size=10)
    set_ticks(axes, y=info.axis.ticks)
    axes.grid(axis="y", color=LIGHT.rule, linewidth=0.6)

    size = crowding(info.last_number, 90)
    if info.best and info.noise:
        ends = sorted((info.best.score, info.best.score - context.sign * info.noise))
        axes.axhspan(max(ends[0], low), ends[1], color=LIGHT.band, linewidth=0, label="as good, within noise")
    _scatter(axes, info.pruned, info.axis, context, "pruned", _scaled(_PRUNED, size))
    _scatter(axes, info.running, info.axis, context, "running", _scaled(_RUNNING, size))
    _scatter(axes, info.complete, info.axis, context, "complete", _scaled(_COMPLETE, size))
    _scatter(axes, info.known_good, info.axis, context, "known-good start", _KNOWN_GOOD)
    if info.best_so_far:
        numbers, scores = zip(*info.best_so_far, strict=True)
        axes.plot(numbers, scores, drawstyle="steps-post", color=LIGHT.best, linewidth=1.8, label="best so far")
    if info.best:
        _scatter(axes, [info.best], info.axis, context, "best", _BEST)
        axes.annotate(
            context.score(info.best.score),
            info.best,
            xytext=(0, 9 if context.sign > 0 else -20),
            textcoords="offset points",
            ha="center",
            color=LIGHT.best,
            weight="bold",
        )
    if info.without_score:
        axes.plot(
            info.without_score,
            [0.02] * len(info.without_score),
            transform=axes.get_xaxis_transform(),
            linestyle="none",
            marker="|",
            markersize=9,
            markeredgewidth=1.6,
            color=LIGHT.ink,
            label="no score",
        )
    legend(drawn, axes)
    return drawn


def _scaled(style: dict[str, Any], size: float) -> dict[str, Any]:
    return {**style, "s": style["s"] * size, "linewidths": style["linewidths"] * size}


def _scatter(
    axes: Axes, points: Sequence[Point], axis: ScoreAxis, context: StudyContext, label: str, style: dict[str, Any]
) -> None:
    """Points in their place; those beyond the axis as triangles at its edge."""
    inside = [point for point in points if not axis.is_beyond(point.score)]
    beyond = [point.number for point in points if axis.is_beyond(point.score)]
    if points:
        numbers, scores = zip(*inside, strict=True) if inside else ((), ())
        axes.scatter(numbers, scores, zorder=3, clip_on=False, label=label, **style)
    if beyond:
        edge, triangle = (axis.low, "v") if context.sign > 0 else (axis.high, "^")
        axes.scatter(beyond, [edge] * len(beyond), zorder=3, clip_on=False, **{**style, "marker": triangle})
