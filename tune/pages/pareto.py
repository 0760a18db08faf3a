"""The front of two objectives for the page."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from typing import Any

from plotly.graph_objects import Figure, Scatter

from ..figures import TITLES
from ..figures.pareto import ParetoInfo
from ..figures.words import StudyContext
from ..front import Candidate
from .layout import BEST, COMPLETE, PAPER, PERCENT, PRUNED, axis, layout
from .sections import Drawn, Section, not_drawn
from .tables import pareto_table


def pareto_sections(pareto: ParetoInfo | str | None, context: StudyContext) -> list[Drawn]:
    """What a page shows first of a study with two objectives, since it is what such a study is for.

    Args:
        pareto: The front, or why there is none to draw; None where there is one objective.
        context: How to name and write things.
    """
    if pareto is None:
        return []
    if isinstance(pareto, str):
        return [(not_drawn("pareto", TITLES["pareto"], pareto)._replace(heading="Front"), {})]
    figures, words = pareto_figures(pareto, context), pareto.words
    tables = (pareto_table(pareto, context),)
    return [
        (Section("pareto", words.title, words.summary, words.notes, tuple(figures), tables, heading="Front"), figures)
    ]


def pareto_figures(info: ParetoInfo, context: StudyContext) -> dict[str, Figure]:
    """Every complete trial by its cost and its score, and the front as a line of steps."""

    def marks(ones: Sequence[Candidate], name: str, **style: Any) -> Scatter:
        return Scatter(
            x=[one.cost for one in ones],
            y=[min(max(one.score, info.axis.low), info.axis.high) for one in ones],
            text=[f"trial {one.number}: {context.score(one.score)}, {info.cost(one)} {info.unit}" for one in ones],
            name=name,
            cliponaxis=False,
            hovertemplate="%{text}<extra></extra>",
            **style,
        )

    line = {"color": COMPLETE, "width": 2, "shape": "hv"}
    edge = {"color": PAPER, "width": 0.5}
    traces = [
        marks(info.others, "beaten", mode="markers", marker={"color": PRUNED, "size": 8, "line": edge}),
        marks(info.front, "front", mode="lines+markers", line=line, marker={"color": COMPLETE, "size": 10}),
        marks([info.knee], "knee", mode="markers", marker={"color": BEST, "size": 18, "symbol": "star", "line": edge}),
    ]
    low, high = info.cost_range
    return {
        "pareto": Figure(
            traces,
            layout(
                height=440,
                showlegend=True,
                legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
                xaxis=axis(
                    info.cost_title, info.cost_ticks, type="log", range=[log10(low), log10(high)], showgrid=False
                ),
                yaxis=axis(
                    "",
                    info.axis.ticks,
                    range=[info.axis.low, info.axis.high],
                    tickformat=PERCENT if context.percent else "",
                ),
            ),
        )
    }
