"""The contour plot for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly.graph_objects import Contour, Figure, Heatmap, Scatter

from ..figures.contour import NEVER_TOGETHER, ContourInfo, Panel, Spot, cells
from ..figures.words import StudyContext, shortened
from ..palette import LIGHT, crowding
from .layout import MUTED, PANEL, PRUNED, REVERSED_SCALE, SCALE, axis, layout, plain

_N_COLOURS = 10
_PRUNED = {"symbol": "x-thin", "line": {"color": PRUNED, "width": 1.5}}
# On a surface of all colours, only dark with a white rim is seen everywhere.
_COMPLETE = {"color": LIGHT.ink, "line": {"color": LIGHT.paper, "width": 0.7}}
_BEST = {"color": LIGHT.best, "size": 16, "symbol": "star", "line": {"color": LIGHT.paper, "width": 1}}


_NO_TRIAL = {"text": NEVER_TOGETHER, "x": 0.5, "y": 0.5, "showarrow": False, "font": {"color": MUTED}}


def contour_figures(info: ContourInfo, context: StudyContext) -> dict[str, Figure]:
    """A figure for each pair of hyperparameters."""
    return {f"contour-{index}": _figure(panel, info, context) for index, panel in enumerate(info.panels)}


def _figure(panel: Panel, info: ContourInfo, context: StudyContext) -> Figure:
    scores = {point.number: context.score(point.score) for point in info.points}
    texts = {
        spot.number: plain(
            f"trial {spot.number} ({scores.get(spot.number, 'pruned')}): {panel.x.label} {across}, {panel.y.label} {up}"
        )
        for spot, across, up in zip((*panel.complete, *panel.pruned), panel.x.texts, panel.y.texts, strict=True)
        if spot
    }
    others = [spot for spot in panel.complete if spot and spot.number != info.best.number]
    best = [spot for spot in panel.complete if spot and spot.number == info.best.number]
    size = crowding(len(panel.complete), 60) ** 0.5
    titles = [shortened(each.label, 36) for each in (panel.x, panel.y)]
    # The margin keeps marks at the ends of a range whole.
    inside = {"range": [-0.02, 1.02], "showgrid": False, "fixedrange": True}
    return Figure(
        [
            _surface(panel, info, SCALE if context.sign > 0 else REVERSED_SCALE),
            _spots([spot for spot in panel.pruned if spot], texts, {**_PRUNED, "size": 7 * size}),
            _spots(others, texts, {**_COMPLETE, "size": 7 * size}),
            _spots(best, texts, _BEST),
        ],
        layout(
            height=310,
            plot_bgcolor=PANEL,
            xaxis=axis(titles[0], panel.x.ticks, **inside),
            yaxis=axis(titles[1], panel.y.ticks, **inside),
            annotations=[] if others or best else [_NO_TRIAL],
        ),
    )


def _surface(panel: Panel, info: ContourInfo, scale: list[list[Any]]) -> Contour | Heatmap:
    low, high = info.score_axis.low, info.score_axis.high
    shared = {
        "x": cells(panel.x),
        "y": cells(panel.y),
        # Four bytes a score, which plotly neither looks at one by one nor writes out.
        "z": panel.surface.astype(np.float32),
        "zmin": low,
        "zmax": high,
        "colorscale": scale,
        "showscale": False,
        "hoverinfo": "skip",
    }
    if panel.x.levels or panel.y.levels:
        gaps = {"xgap": 2 if panel.x.levels else 0, "ygap": 2 if panel.y.levels else 0}
        return Heatmap(**shared, **gaps)
    step = (high - low) / _N_COLOURS
    steps = {"coloring": "fill", "start": low + step, "end": high - step, "size": step}
    return Contour(**shared, autocontour=False, contours=steps, line={"width": 0}, connectgaps=False)


def _spots(spots: Sequence[Spot], texts: dict[int, str], marker: dict[str, Any]) -> Scatter:
    return Scatter(
        x=[spot.x for spot in spots],
        y=[spot.y for spot in spots],
        text=[texts[spot.number] for spot in spots],
        mode="markers",
        marker=marker,
        hovertemplate="%{text}<extra></extra>",
    )
