"""The contour plot as a picture."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm

from ..figures.axes import ParameterAxis, ScoreAxis
from ..figures.contour import NEVER_TOGETHER, ContourInfo, Panel, cells
from ..figures.words import StudyContext, shortened
from ..palette import LIGHT, crowding
from .sheets import MARGIN_INCHES, SCALE, WIDTH_INCHES, Sheet, legend, set_ticks, sheet

_N_COLOURS = 10
_PANEL_INCHES = 2.7
_MOST_COLUMNS = 3
_LEGEND_INCHES = 0.3
_MOST_LEVEL_CHARACTERS = 20

_PRUNED: dict[str, Any] = {"marker": "x", "s": 16, "color": LIGHT.pruned, "linewidths": 1.0}
_COMPLETE: dict[str, Any] = {"marker": "o", "s": 20, "color": LIGHT.ink, "edgecolors": "white", "linewidths": 0.7}
_BEST: dict[str, Any] = {"marker": "*", "s": 190, "color": LIGHT.best, "edgecolors": "white", "linewidths": 0.9}


def contour_sheet(info: ContourInfo, context: StudyContext) -> Sheet:
    """The score over pairs of hyperparameters, a panel a pair."""
    n_columns = min(len(info.panels), _MOST_COLUMNS)
    n_rows = math.ceil(len(info.panels) / n_columns)
    panel_height = _PANEL_INCHES * (1.5 if n_columns == 1 else 1.0)
    drawn = sheet(info.words, context, n_rows * panel_height + _LEGEND_INCHES)
    top_inches = drawn.top_inches - _LEGEND_INCHES
    left, right = MARGIN_INCHES, WIDTH_INCHES - 1.1
    panel_width = (right - left) / n_columns
    bounds = np.linspace(info.score_axis.low, info.score_axis.high, _N_COLOURS + 1)
    colours = ScalarMappable(BoundaryNorm(bounds, SCALE.N), SCALE if context.sign > 0 else SCALE.reversed())
    for index, panel in enumerate(info.panels):
        start = left + index % n_columns * panel_width
        top = top_inches - index // n_columns * panel_height
        axes = drawn.axes(start + 1.0, top - panel_height + 0.68, start + panel_width - 0.1, top)
        _draw_surface(axes, panel, colours, bounds)
        _draw_spots(axes, panel, info.best.number)
    bar = drawn.axes(right + 0.2, drawn.bottom_inches + 0.68, right + 0.33, top_inches)
    _draw_colour_bar(drawn, bar, colours, info.score_axis, context)
    legend(drawn, drawn.figure.axes[0])
    return drawn


def _draw_colour_bar(drawn: Sheet, bar: Axes, colours: ScalarMappable, axis: ScoreAxis, context: StudyContext) -> None:
    colour_bar = drawn.figure.colorbar(colours, cax=bar)
    colour_bar.outline.set_visible(False)
    colour_bar.minorticks_off()
    set_ticks(bar, y=axis.ticks)
    bar.tick_params(length=0)
    bar.set_ylabel(context.metric, color=LIGHT.muted, size=10, parse_math=False)


def _draw_surface(axes: Axes, panel: Panel, colours: ScalarMappable, bounds: Float[np.ndarray, " bounds"]) -> None:
    axes.set_facecolor(LIGHT.panel)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    surface = np.ma.masked_invalid(panel.surface)
    style: dict[str, Any] = {"norm": colours.norm, "cmap": colours.cmap}
    if panel.x.levels or panel.y.levels:
        axes.pcolormesh(_edges(panel.x), _edges(panel.y), surface, **style)
    elif surface.count():
        axes.contourf(cells(panel.x), cells(panel.y), surface, levels=bounds, **style)
    for axis, draw_line in ((panel.x, axes.axvline), (panel.y, axes.axhline)):
        for edge in _edges(axis)[1:-1] if axis.levels else ():
            draw_line(edge, color=LIGHT.paper, linewidth=2)
    axes.set_xlabel(shortened(panel.x.label, 36), color=LIGHT.ink, size=10, parse_math=False)
    axes.set_ylabel(shortened(panel.y.label, 30), color=LIGHT.ink, size=10, parse_math=False)
    ticks = [[tick._replace(text=shortened(tick.text, 9)) for tick in axis.ticks] for axis in (panel.x, panel.y)]
    set_ticks(axes, *ticks)
    if panel.x.levels and sum(len(tick.text) for tick in ticks[0]) > _MOST_LEVEL_CHARACTERS:
        axes.tick_params(axis="x", labelrotation=25)


def _draw_spots(axes: Axes, panel: Panel, best_number: int) -> None:
    complete = [spot for spot in panel.complete if spot and spot.number != best_number]
    best = [spot for spot in panel.complete if spot and spot.number == best_number]
    size = crowding(len(panel.complete), 60)
    for spots, label, style in (
        ([spot for spot in panel.pruned if spot], "pruned", {**_PRUNED, "s": 16 * size, "linewidths": size}),
        (complete, "complete", {**_COMPLETE, "s": 20 * size, "linewidths": 0.7 * size}),
        (best, "best", _BEST),
    ):
        if spots:
            across, up, _ = zip(*spots, strict=True)
            axes.scatter(across, up, label=label, clip_on=False, zorder=4, **style)
    if not complete and not best:
        axes.text(0.5, 0.5, NEVER_TOGETHER, ha="center", va="center", size=9, color=LIGHT.muted)


def _edges(axis: ParameterAxis) -> Float[np.ndarray, " edges"]:
    places = cells(axis)
    if axis.levels:
        return np.linspace(0, 1, len(places) + 1)
    return np.concatenate(([0.0], (places[1:] + places[:-1]) / 2, [1.0]))
