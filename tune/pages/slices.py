"""The slices for the page."""

from __future__ import annotations

from typing import Any

from plotly.graph_objects import Figure, Scatter

from ..figures.slices import Slice, SlicesInfo
from ..figures.words import StudyContext, shortened
from ..palette import crowding
from .layout import BEST, COMPLETE, MUTED, PAPER, axis, layout, plain

_BEST: dict[str, Any] = {"color": BEST, "size": 15, "symbol": "star", "line": {"color": PAPER, "width": 1}}


def slices_figures(info: SlicesInfo, context: StudyContext) -> dict[str, Figure]:
    """A figure for each hyperparameter, all with the same scores upwards."""
    return {f"slice-{index}": _figure(one, info, context) for index, one in enumerate(info.slices)}


def _figure(one: Slice, info: SlicesInfo, context: StudyContext) -> Figure:
    size = crowding(len(info.scores), 60) ** 0.5
    others = [index for index, place in enumerate(one.places) if place is not None and index != info.best]
    best = [] if one.places[info.best] is None else [info.best]
    places, means = zip(*one.line, strict=True) if one.line else ((), ())
    line: dict[str, Any] = {"color": MUTED, "width": 2}
    bars = {"symbol": "line-ew-open", "size": 26, "color": MUTED, "line": {"width": 3, "color": MUTED}}
    style = {"mode": "markers", "marker": bars} if one.axis.levels else {"mode": "lines", "line": line}
    return Figure(
        [
            _dots(one, info, context, others, {"color": COMPLETE, "size": 8 * size, "opacity": 0.75}),
            Scatter(x=_rounded(places), y=_rounded(means), hoverinfo="skip", **style),
            _dots(one, info, context, best, _BEST),
        ],
        layout(
            height=280,
            xaxis=axis(
                shortened(one.axis.label, 36), one.axis.ticks, range=[-0.02, 1.02], fixedrange=True, showgrid=False
            ),
            yaxis=axis("", info.axis.ticks, range=[info.axis.low, info.axis.high], fixedrange=True),
        ),
    )


def _dots(one: Slice, info: SlicesInfo, context: StudyContext, chosen: list[int], marker: dict[str, Any]) -> Scatter:
    texts = [
        plain(f"trial {info.numbers[i]} ({context.score(info.scores[i])}): {one.axis.label} {one.axis.texts[i]}")
        for i in chosen
    ]
    return Scatter(
        x=_rounded(one.places[i] for i in chosen),
        y=[min(max(info.scores[i], info.axis.low), info.axis.high) for i in chosen],
        text=texts,
        mode="markers",
        marker=marker,
        cliponaxis=False,
        hovertemplate="%{text}<extra></extra>",
    )


def _rounded(values: Any) -> list[float]:
    """Five digits are finer than any screen, and a third of the bytes."""
    return [float(f"{value:.5g}") for value in values]
