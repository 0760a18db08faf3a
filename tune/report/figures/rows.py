"""Rows of dots with their intervals: how well each person's sequences are classified, and each architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from matplotlib.ticker import FuncFormatter

from .palette import LIGHT
from .sheets import PICTURE, Medium, Sheet, gridded, labelled, named_ticks, sheet
from .words import StudyContext, Words, percent, shortened


class Row(NamedTuple):
    """One row: its dot, the ends of its line, and small dots in the background."""

    label: str
    score: float
    low: float
    high: float
    others: tuple[float, ...] = ()


@dataclass(frozen=True)
class Rows:
    """Rows of dots.

    Attributes:
        rows: From top to bottom.
        words: What to write around the figure.
        title: Of the scores.
        is_share: Whether they are written in percent.
        best: Index of the row in the colour of the best.
    """

    rows: tuple[Row, ...]
    words: Words
    title: str
    is_share: bool
    best: int | None = None


def draw_rows(info: Rows, context: StudyContext, medium: Medium = PICTURE) -> Sheet:
    """A dot with its line for each row, each with its number."""
    rows = info.rows
    n_characters = 14 if medium.is_narrow else 30
    drawn = sheet(info.words, context, 0.7 + 0.26 * len(rows), medium)
    left = 0.3 + 0.075 * max(len(shortened(row.label, n_characters)) for row in rows)
    axes = drawn.axes(left, drawn.bottom + 0.5, drawn.width - 0.7, drawn.top)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for index, row in enumerate(rows):
        colour = LIGHT.best if index == info.best else LIGHT.complete
        others = [index] * len(row.others)
        axes.scatter(row.others, others, s=16, color=LIGHT.pruned, alpha=0.7, linewidths=0)
        axes.plot((row.low, row.high), (index, index), color=colour, linewidth=2, solid_capstyle="round")
        axes.plot(row.score, index, marker="o", markersize=7, color=colour)
        text = percent(row.score) if info.is_share else context.score(row.score)
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
        style: dict[str, Any] = {"va": "center", "size": 9, "color": LIGHT.ink}
        axes.annotate(text, (1, index), (6, 0), textcoords="offset points", **place, **style)
    named_ticks(axes, "y", [row.label for row in rows], n_characters=n_characters)
    axes.locator_params(axis="x", nbins=4 if medium.is_narrow else 9)
    if info.is_share:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g}%"))
    gridded(axes, "x")
    labelled(axes, info.title)
    return drawn
