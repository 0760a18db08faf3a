"""The importances as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator, PercentFormatter

from ..figures.axes import Tick
from ..figures.importances import FANOVA_TITLE, PED_ANOVA_TITLE, ImportancesInfo, Share
from ..figures.words import StudyContext, shortened
from ..palette import LIGHT
from .sheets import WIDTH_INCHES, Sheet, set_ticks, sheet


def importances_sheet(info: ImportancesInfo, context: StudyContext) -> Sheet:
    """Two methods side by side, a row for each hyperparameter."""
    rows = info.importances
    drawn = sheet(info.words, context, 0.85 + 0.32 * len(rows))
    labels = [shortened(row.label, 28) for row in rows]
    left = 0.75 + 0.085 * max(map(len, labels))
    middle = (left + WIDTH_INCHES - 0.35) / 2
    bottom, top = drawn.bottom_inches + 0.4, drawn.top_inches - 0.35
    best = drawn.axes(left, bottom, middle - 0.2, top)
    spread = drawn.axes(middle + 0.2, bottom, WIDTH_INCHES - 0.35, top)
    longest = math.ceil(4 * info.longest) / 4
    _draw(best, [row.ped_anova for row in rows], longest, LIGHT.complete, PED_ANOVA_TITLE)
    _draw(spread, [row.fanova for row in rows], longest, LIGHT.fanova, FANOVA_TITLE)
    set_ticks(best, y=[Tick(-index, label) for index, label in enumerate(labels)])
    best.tick_params(axis="y", labelsize=10, labelcolor=LIGHT.ink)
    return drawn


def _draw(axes: Axes, shares: Sequence[Share | None], longest: float, colour: str, title: str) -> None:
    axes.set_title(title, loc="left", size=10.5, color=LIGHT.ink, pad=8)
    for index, share in enumerate(shares):
        if share is None:
            axes.text(
                0.02 * longest, -index, "cannot be judged", va="center", size=9, color=LIGHT.muted, style="italic"
            )
            continue
        axes.barh(-index, share.mean, height=0.62, color=colour, alpha=0.22, linewidth=0)
        axes.plot((share.low, share.high), (-index, -index), color=colour, linewidth=2, solid_capstyle="round")
        axes.plot(share.mean, -index, marker="o", markersize=6, color=colour, clip_on=False)
        axes.text(1.16 * longest, -index, f"{share.mean:.0%}", ha="right", va="center", size=10, color=LIGHT.ink)
    axes.set_ylim(0.6 - len(shares), 0.6)
    axes.set_xlim(0, 1.17 * longest)
    axes.xaxis.set_major_locator(MultipleLocator(0.25 if longest > 0.5 else 0.1))
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(axis="x", color=LIGHT.rule, linewidth=0.6)
