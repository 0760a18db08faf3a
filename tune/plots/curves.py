"""The learning curves as a picture."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..figures.curves import BEST, MEDIAN, PRUNED, CurvesInfo, Losses
from ..figures.words import StudyContext
from ..palette import LIGHT
from .sheets import WIDTH_INCHES, Sheet, legend, set_ticks, sheet

_LINES: dict[str, dict[str, Any]] = {
    PRUNED: {"color": LIGHT.pruned, "linewidth": 0.9, "alpha": 0.7, "marker": "o", "markersize": 2.5},
    MEDIAN: {"color": LIGHT.complete, "linewidth": 1.8, "linestyle": "--", "marker": "o", "markersize": 4},
    BEST: {"color": LIGHT.best, "linewidth": 2.2, "marker": "o", "markersize": 4},
}


def curves_sheet(info: CurvesInfo, context: StudyContext) -> Sheet:
    """The scores of some trials after each epoch and, where they are known, the losses of the best."""
    drawn = sheet(info.words, context, 4.3)
    bottom, top = drawn.bottom_inches + 0.55, drawn.top_inches - 0.55
    middle = WIDTH_INCHES / 2 if info.losses else WIDTH_INCHES
    scores = drawn.axes(0.95, bottom, middle - 0.35, top)
    named: set[str] = set()
    for curve in info.curves:
        epochs, values = zip(*curve.points, strict=True)
        shown = [min(max(value, info.axis.low), info.axis.high) for value in values]
        label = None if curve.kind in named else curve.kind
        scores.plot(epochs, shown, label=label, clip_on=False, **_LINES[curve.kind])
        named.add(curve.kind)
    scores.set_ylim(info.axis.low, info.axis.high)
    set_ticks(scores, y=info.axis.ticks)
    _finish(scores, context.metric)
    legend(drawn, scores)
    if info.losses:
        _draw_losses(drawn.axes(middle + 0.45, bottom, WIDTH_INCHES - 0.35, top), info.losses)
    return drawn


def _draw_losses(axes: Axes, losses: Losses) -> None:
    axes.plot(losses.epochs, losses.train, color=LIGHT.muted, linestyle=":", linewidth=2, marker="o", markersize=3.5)
    axes.plot(losses.epochs, losses.validation, color=LIGHT.best, linewidth=2.2, marker="o", markersize=4)
    axes.set_ylim(bottom=0)
    _finish(axes, "loss of the best: training (dotted), validation")


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", size=10.5, color=LIGHT.ink, pad=8, parse_math=False)
    axes.set_xlabel("epoch", color=LIGHT.muted, size=10)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.grid(axis="y", color=LIGHT.rule, linewidth=0.6)
