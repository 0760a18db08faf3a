"""The optimization history for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plotly.graph_objects import Figure, Scatter

from ..figures.axes import ScoreAxis
from ..figures.history import HistoryInfo
from ..figures.scores import Point
from ..figures.words import StudyContext
from ..palette import crowding
from .layout import BAND, BEST, COMPLETE, INK, PAPER, PERCENT, PRUNED, axis, layout

_PRUNED = {"color": PRUNED}
_RUNNING = {"color": PAPER, "line": {"color": COMPLETE, "width": 2}}
_COMPLETE = {"color": COMPLETE, "line": {"color": PAPER, "width": 0.5}}
_KNOWN_GOOD = {"color": INK, "size": 16, "symbol": "diamond-open", "line": {"width": 1.5}}
_BEST = {"color": BEST, "size": 17, "symbol": "star", "line": {"color": PAPER, "width": 1}}


def history_figures(info: HistoryInfo, context: StudyContext) -> dict[str, Figure]:
    """Every trial's score in the order they ran."""
    size = crowding(info.last_number, 90) ** 0.5
    traces = [
        *_marks(info.pruned, info.axis, context, "pruned", {**_PRUNED, "size": 7 * size}),
        *_marks(info.running, info.axis, context, "running", {**_RUNNING, "size": 9 * size}),
        *_marks(info.complete, info.axis, context, "complete", {**_COMPLETE, "size": 9 * size}),
        *_marks(info.known_good, info.axis, context, "known-good start", _KNOWN_GOOD),
    ]
    if info.best_so_far:
        numbers, scores = zip(*info.best_so_far, strict=True)
        line = {"color": BEST, "width": 2, "shape": "hv"}
        traces.append(Scatter(x=numbers, y=scores, name="best so far", mode="lines", line=line, hoverinfo="skip"))
    if info.best:
        traces += _marks([info.best], info.axis, context, "best", _BEST)
    if info.without_score:
        ticks = {"symbol": "line-ns-open", "color": INK, "size": 10, "line": {"width": 2}}
        # On an axis of its own, so that they stay at the bottom while the scores are zoomed.
        traces.append(
            Scatter(
                x=info.without_score,
                y=[0.02] * len(info.without_score),
                yaxis="y2",
                name="no score",
                mode="markers",
                marker=ticks,
                cliponaxis=False,
                hovertemplate="trial %{x}: no score<extra></extra>",
            )
        )
    margin = 0.02 * info.last_number
    figure = Figure(
        traces,
        layout(
            height=440,
            showlegend=True,
            legend={
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.02,
                "yanchor": "bottom",
                "itemsizing": "constant",
            },
            xaxis=axis("trial", showgrid=False, range=[-0.5 - margin, info.last_number + 0.5 + margin]),
            yaxis=axis(
                "",
                info.axis.ticks,
                range=[info.axis.low, info.axis.high],
                tickformat=PERCENT if context.percent else "",
            ),
            yaxis2={"overlaying": "y", "visible": False, "range": [0, 1], "fixedrange": True},
        ),
    )
    if info.best and info.noise:
        ends = sorted((info.best.score, info.best.score - context.sign * info.noise))
        band = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": ends[0], "y1": ends[1], "layer": "below"}
        figure.add_shape(**band, fillcolor=BAND, line_width=0, showlegend=True, name="as good, within noise")
    return {"history": figure}


def _marks(
    points: Sequence[Point], axis: ScoreAxis, context: StudyContext, name: str, marker: dict[str, Any]
) -> list[Scatter]:
    """Points at their score, and triangles at the edge for those beyond the axis."""
    beyond = [point for point in points if axis.is_beyond(point.score)]
    edge, triangle = (axis.low, "triangle-down") if context.sign > 0 else (axis.high, "triangle-up")
    hidden = {"showlegend": False, "cliponaxis": False, "meta": "edge"}
    return [
        Scatter(
            x=[point.number for point in placed],
            y=[point.score if place is None else place for point in placed],
            text=[f"trial {point.number}: {context.score(point.score)}, {name}" for point in placed],
            name=name,
            legendgroup=name,
            mode="markers",
            marker=style,
            hovertemplate="%{text}<extra></extra>",
            **extra,
        )
        for placed, place, style, extra in (
            (points, None, marker, {}),
            (beyond, edge, {**marker, "symbol": triangle}, hidden),
        )
        if placed
    ]
