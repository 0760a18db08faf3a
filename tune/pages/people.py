"""Rows of dots with their intervals for the page: people, architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from plotly.graph_objects import Figure, Scatter

from ..figures.axes import Tick
from ..figures.people import PeopleInfo
from .layout import BEST, COMPLETE, PERCENT, PRUNED, axis, layout, plain


class Row(NamedTuple):
    """One row of dots.

    Attributes:
        label: Stands beside it.
        score: Where its dot is; None where it has none.
        low: Lower end of its line; None where it has none.
        high: Upper end.
        text: Is shown to who points at the dot.
        others: Small dots in the background.
    """

    label: str
    score: float | None
    low: float | None
    high: float | None
    text: str
    others: tuple[float, ...] = ()


def people_figures(info: PeopleInfo) -> dict[str, Figure]:
    """A row a person, the worst on top."""
    rows = [
        Row(
            person.name,
            person.accuracy,
            person.low,
            person.high,
            f"{person.name}: {person.accuracy:.1%} of {person.n_sequences} ({person.low:.1%} to {person.high:.1%})",
        )
        for person in info.people
    ]
    return {"people": rows_figure(rows, "test accuracy", is_share=True)}


def rows_figure(
    rows: Sequence[Row], title: str, *, is_share: bool, best: int | None = None, low: float | None = None
) -> Figure:
    """Rows of dots.

    Args:
        rows: From top to bottom.
        title: Of the scores.
        is_share: Whether they are written in percent.
        best: Index of the row in the colour of the best.
        low: Scores below are left out; None shows all.
    """
    ticks = [Tick(index, row.label) for index, row in enumerate(rows)]
    traces = [
        Scatter(
            x=[score for row in rows for score in row.others if low is None or score >= low],
            y=[index for index, row in enumerate(rows) for score in row.others if low is None or score >= low],
            mode="markers",
            marker={"color": PRUNED, "size": 6, "opacity": 0.7},
            hoverinfo="skip",
        )
    ]
    for indices, colour in (([i for i in range(len(rows)) if i != best], COMPLETE), ([best], BEST)):
        known = [(i, rows[i]) for i in indices if i is not None and rows[i].score is not None]
        if known:
            traces.append(_dots(known, colour))
    return Figure(
        traces,
        layout(
            height=70 + 28 * len(rows),
            xaxis=axis(title, tickformat=PERCENT if is_share else "", fixedrange=True),
            yaxis=axis("", ticks, range=[len(rows) - 0.4, -0.6], showgrid=False, fixedrange=True),
        ),
    )


def _dots(known: Sequence[tuple[int, Row]], colour: str) -> Scatter:
    def length(row: Row, end: float | None) -> float:
        return 0.0 if end is None or row.score is None else abs(end - row.score)

    return Scatter(
        x=[row.score for _, row in known],
        y=[index for index, _ in known],
        text=[plain(row.text) for _, row in known],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [length(row, row.high) for _, row in known],
            "arrayminus": [length(row, row.low) for _, row in known],
            "color": colour,
            "thickness": 2,
            "width": 0,
        },
        mode="markers",
        marker={"color": colour, "size": 9},
        hovertemplate="%{text}<extra></extra>",
    )
