"""Average ranks of configurations, and which of them the critical difference does not separate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from ...evaluation.statistics.ranks import Ranks
from .axes import Tick
from .palette import LIGHT
from .sheets import WIDTH_INCHES, Sheet, gridded, labelled, named_ticks, png, set_ticks, sheet
from .words import StudyContext, Words

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
    axes = drawn.axes(_NAME_INCHES, drawn.bottom + 0.5, WIDTH_INCHES - _BARS_INCHES, drawn.top - 0.95)
    low, high = 1.0, float(len(names))
    axes.set_xlim(low - 0.08 * (high - low), high + 0.08 * (high - low))
    axes.set_ylim(len(names) - 0.5, -0.5)
    labelled(axes, "mean rank (1 is the best)")
    set_ticks(axes, x=[Tick(float(rank), str(rank)) for rank in range(1, len(names) + 1)])
    named_ticks(axes, "y", [names[index] for index in order], n_characters=30)
    gridded(axes, "x")
    dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 9, "markeredgecolor": LIGHT.paper}
    axes.plot([found.average[index] for index in order], range(len(order)), color=LIGHT.complete, clip_on=False, **dots)
    for row, index in enumerate(order):
        _write(axes, scores[index], (1.0, row), (8, 0), xycoords=("axes fraction", "data"), va="center")
    _ruler(drawn, axes, found, low, high)
    _write(axes, "accuracy", (1.0, 1.0), (8, 7), xycoords="axes fraction")
    if found.groups:
        _write(axes, "not told apart", (1.0, 1.0), (8 + 72 * 1.05, 7), xycoords="axes fraction")
    bar: dict[str, Any] = {"color": LIGHT.best, "linewidth": 4, "solid_capstyle": "butt", "clip_on": False}
    for k, group in enumerate(found.groups):
        rows = [row_of[index] for index in group]
        # Right of the scores, as a share of the axes' width.
        place = 1.0 + (1.35 + 0.16 * k) / (WIDTH_INCHES - _BARS_INCHES - _NAME_INCHES)
        ends = [min(rows) - 0.28, max(rows) + 0.28]
        axes.plot([place] * 2, ends, transform=axes.get_yaxis_transform(), **bar)
    return drawn


def _write(axes: Axes, text: str, place: tuple[float, float], offset_points: tuple[float, float], **style: Any) -> None:
    style = {"size": 9, "color": LIGHT.muted, **style}
    axes.annotate(text, place, xytext=offset_points, textcoords="offset points", annotation_clip=False, **style)


def _ruler(drawn: Sheet, axes: Axes, found: Ranks, low: float, high: float) -> None:
    """The critical difference, as long as it is on the axis; written only where it is longer than the axis."""
    text, at = f"critical difference {found.critical:.2f}", low
    top = 1.0 + 0.5 / (drawn.top - drawn.bottom - 1.45)
    style: dict[str, Any] = {"linewidth": 1.6, "marker": "|", "markersize": 9, "markeredgewidth": 1.6}
    if found.critical <= high - low:
        at = low + found.critical
        axes.plot([low, at], [top, top], transform=axes.get_xaxis_transform(), color=LIGHT.ink, clip_on=False, **style)
    else:
        text = f"{text}: more than the whole axis"
    _write(axes, text, (at, top), (9, 0), xycoords=axes.get_xaxis_transform(), va="center", size=9.5, color=LIGHT.ink)
