"""The learning curves for the page."""

from __future__ import annotations

from typing import Any

from plotly.graph_objects import Figure, Scatter

from ..figures.curves import BEST, MEDIAN, PRUNED, Curve, CurvesInfo, Losses
from ..figures.words import StudyContext
from . import layout as style
from .layout import PERCENT, axis, layout

_LINES: dict[str, dict[str, Any]] = {
    PRUNED: {"color": style.PRUNED, "width": 1.2},
    MEDIAN: {"color": style.COMPLETE, "width": 2.5, "dash": "dash"},
    BEST: {"color": style.BEST, "width": 3},
}
_LEGEND = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
_TITLE = {"x": 0, "xref": "container", "y": 1, "yref": "container", "yanchor": "top", "pad": {"t": 6}}


def curves_figures(info: CurvesInfo, context: StudyContext) -> dict[str, Figure]:
    """The scores of some trials, and the losses of the best."""
    figures = {"curves": _scores(info, context)}
    if info.losses is not None:
        figures["curves-losses"] = _losses(info.losses)
    return figures


def _scores(info: CurvesInfo, context: StudyContext) -> Figure:
    named: set[str] = set()
    traces = []
    for curve in info.curves:
        traces.append(_trace(curve, info, context, is_first=curve.kind not in named))
        named.add(curve.kind)
    shares = {"tickformat": PERCENT} if context.percent else {}
    return Figure(
        traces,
        layout(
            height=380,
            showlegend=True,
            legend=_LEGEND,
            title={"text": context.metric_title, "font": {"size": 14}, **_TITLE},
            margin={"l": 10, "r": 10, "t": 64, "b": 10},
            xaxis=_epochs(info.last_epoch),
            yaxis=axis("", info.axis.ticks, range=[info.axis.low, info.axis.high], **shares),
        ),
    )


def _trace(curve: Curve, info: CurvesInfo, context: StudyContext, *, is_first: bool) -> Scatter:
    # Short ones would not be seen as lines.
    mode = "lines+markers" if curve.kind != PRUNED or len(curve.points) < 3 else "lines"
    texts = [f"trial {curve.number}, {curve.kind}: {context.score(y)} after epoch {x}" for x, y in curve.points]
    return Scatter(
        x=[epoch for epoch, _ in curve.points],
        y=[min(max(score, info.axis.low), info.axis.high) for _, score in curve.points],
        text=texts,
        name=curve.kind,
        legendgroup=curve.kind,
        showlegend=is_first,
        mode=mode,
        line=_LINES[curve.kind],
        marker={"size": 5 if curve.kind == PRUNED else 6},
        opacity=0.7 if curve.kind == PRUNED else 1,
        hovertemplate="%{text}<extra></extra>",
    )


def _losses(losses: Losses) -> Figure:
    lines = {
        "training": (losses.train, {"color": style.MUTED, "width": 2.5, "dash": "dot"}),
        "validation": (losses.validation, {"color": style.BEST, "width": 3}),
    }
    return Figure(
        [
            Scatter(
                x=losses.epochs,
                y=[float(f"{value:.5g}") for value in values],
                name=name,
                mode="lines+markers",
                line=line,
                hovertemplate=f"{name} loss %{{y:.3f}} after epoch %{{x}}<extra></extra>",
            )
            for name, (values, line) in lines.items()
        ],
        layout(
            height=380,
            showlegend=True,
            legend=_LEGEND,
            title={"text": "Loss of the best", "font": {"size": 14}, **_TITLE},
            margin={"l": 10, "r": 10, "t": 64, "b": 10},
            xaxis=_epochs(losses.epochs[-1]),
            yaxis=axis("", rangemode="tozero"),
        ),
    )


def _epochs(last: int) -> dict[str, Any]:
    step: dict[str, Any] = {"dtick": 1} if last <= 12 else {}
    return axis("epoch", showgrid=False, range=[0.7, last + 0.3], **step)
