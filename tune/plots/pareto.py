"""The front of two objectives as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import NullLocator

from ..figures.pareto import ParetoInfo
from ..figures.words import StudyContext
from ..front import Candidate
from ..palette import LIGHT, crowding
from .sheets import WIDTH_INCHES, Sheet, legend, set_ticks, sheet


def pareto_sheet(info: ParetoInfo, context: StudyContext) -> Sheet:
    """Every complete trial by its cost and its score, and the front as a line of steps."""
    drawn = sheet(info.words, context, 4.9)
    axes = drawn.axes(0.95, drawn.bottom_inches + 0.55, WIDTH_INCHES - 0.35, drawn.top_inches - 0.4)
    axes.set_xscale("log")
    axes.set_xlim(*info.cost_range)
    axes.set_ylim(info.axis.low, info.axis.high)
    axes.set_xlabel(info.cost_title, color=LIGHT.muted, size=10)
    axes.xaxis.set_minor_locator(NullLocator())
    set_ticks(axes, x=info.cost_ticks, y=info.axis.ticks)
    axes.grid(axis="y", color=LIGHT.rule, linewidth=0.6)
    size = crowding(len(info.others), 90)

    def places(ones: Sequence[Candidate]) -> tuple[list[float], list[float]]:
        return [one.cost for one in ones], [min(max(one.score, info.axis.low), info.axis.high) for one in ones]

    shared: dict[str, Any] = {"zorder": 3, "clip_on": False, "edgecolors": LIGHT.paper}
    if info.others:
        axes.scatter(*places(info.others), s=28 * size, color=LIGHT.pruned, linewidths=0.6, label="beaten", **shared)
    # What the front allows at a cost is what its last trial below that cost reached.
    axes.plot(*places(info.front), drawstyle="steps-post", color=LIGHT.complete, linewidth=1.4, label="front")
    axes.scatter(*places(info.front), s=52, color=LIGHT.complete, linewidths=0.6, **shared)
    axes.scatter(*places([info.knee]), s=230, color=LIGHT.best, linewidths=1.0, marker="*", label="knee", **shared)
    # Where it would be cheaper and better there is nothing, or it would be the front.
    is_left = info.knee.cost < (info.cost_range[0] ** 3 * info.cost_range[1]) ** 0.25
    axes.annotate(
        f"{context.score(info.knee.score)}, {info.cost(info.knee)} {info.unit}",
        (info.knee.cost, info.knee.score),
        xytext=(0 if is_left else -12, 12 if context.sign > 0 else -20),
        textcoords="offset points",
        ha="left" if is_left else "right",
        color=LIGHT.best,
        weight="bold",
    )
    legend(drawn, axes)
    return drawn
