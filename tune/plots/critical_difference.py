"""Average ranks of configurations, and which of them the critical difference does not separate."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from ..figures.axes import Tick
from ..figures.words import StudyContext, Words, shortened
from ..palette import LIGHT
from ..statistics.ranks import Ranks
from .sheets import WIDTH_INCHES, Sheet, png, set_ticks, sheet

_ROW_INCHES = 0.34
_NAME_INCHES = 2.6
_BARS_INCHES = 2.6


def critical_difference_picture(
    names: Sequence[str], scores: Sequence[str], found: Ranks, context: StudyContext, words: Words
) -> bytes:
    """The PNG file: a row for each configuration, best first, its mean rank, and bars that join what is not separated.

    Args:
        names: Of the configurations, in the order of ``found.average``.
        scores: What to write beside each.
        found: The ranks.
        context: Names the comparison and the metric.
        words: Title, summary and notes.
    """
    return png(_drawn(names, scores, found, context, words).figure)


def _drawn(names: Sequence[str], scores: Sequence[str], found: Ranks, context: StudyContext, words: Words) -> Sheet:
    order = sorted(range(len(names)), key=lambda k: found.average[k])
    row_of = {index: row for row, index in enumerate(order)}
    drawn = sheet(words, context, 1.55 + _ROW_INCHES * len(names))
    axes = drawn.axes(_NAME_INCHES, drawn.bottom_inches + 0.5, WIDTH_INCHES - _BARS_INCHES, drawn.top_inches - 0.95)
    low, high = 1.0, float(len(names))
    axes.set_xlim(low - 0.08 * (high - low), high + 0.08 * (high - low))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("mean rank (1 is the best)", color=LIGHT.muted, size=10)
    set_ticks(
        axes,
        x=[Tick(float(rank), str(rank)) for rank in range(1, len(names) + 1)],
        y=[Tick(float(row), shortened(names[index], 30)) for row, index in enumerate(order)],
    )
    axes.grid(axis="x", color=LIGHT.rule, linewidth=0.6)
    for index, row in row_of.items():
        axes.plot(
            found.average[index],
            row,
            marker="o",
            markersize=9,
            color=LIGHT.complete,
            markeredgecolor=LIGHT.paper,
            clip_on=False,
            zorder=3,
        )
        axes.annotate(
            scores[index],
            (1.0, row),
            xycoords=("axes fraction", "data"),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            size=9,
            color=LIGHT.muted,
            annotation_clip=False,
        )
    _ruler(drawn, axes, found, low, high)
    _heading(axes, 8, "accuracy")
    if found.groups:
        _heading(axes, 8 + 72 * 1.05, "not told apart")
    for k, group in enumerate(found.groups):
        rows = [row_of[index] for index in group]
        axes.plot(
            [_bar_place(k)] * 2,
            [min(rows) - 0.28, max(rows) + 0.28],
            transform=axes.get_yaxis_transform(),
            color=LIGHT.best,
            linewidth=4,
            solid_capstyle="butt",
            clip_on=False,
        )
    return drawn


def _heading(axes: Axes, points: float, text: str) -> None:
    """What stands in a column right of the axes."""
    axes.annotate(
        text,
        (1.0, 1.0),
        xycoords="axes fraction",
        xytext=(points, 7),
        textcoords="offset points",
        size=9,
        color=LIGHT.muted,
        annotation_clip=False,
    )


def _bar_place(k: int) -> float:
    """Where the bar of group ``k`` stands, right of the scores, as a share of the axes' width."""
    width = WIDTH_INCHES - _BARS_INCHES - _NAME_INCHES
    return 1.0 + (1.35 + 0.16 * k) / width


def _ruler(drawn: Sheet, axes: Axes, found: Ranks, low: float, high: float) -> None:
    """The critical difference, as long as it is on the axis; written only where it is longer than the axis."""
    text = f"critical difference {found.critical:.2f}"
    place = axes.get_xaxis_transform()
    top = 1.0 + 0.5 / (drawn.top_inches - drawn.bottom_inches - 1.45)
    if found.critical <= high - low:
        axes.plot(
            [low, low + found.critical],
            [top, top],
            transform=place,
            color=LIGHT.ink,
            linewidth=1.6,
            marker="|",
            markersize=9,
            markeredgewidth=1.6,
            clip_on=False,
        )
        at = low + found.critical
    else:
        text, at = f"{text}: more than the whole axis", low
    axes.annotate(
        text,
        (at, top),
        xycoords=place,
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        size=9.5,
        color=LIGHT.ink,
        annotation_clip=False,
    )
