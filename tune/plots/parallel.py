"""The parallel coordinates as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from ..figures.parallel import Column, Line, ParallelInfo
from ..figures.words import StudyContext, shortened, wrapped
from ..palette import LIGHT
from .sheets import SCALE, WIDTH_INCHES, Sheet, halo, sheet

_LABEL_CHARACTERS = 13


def parallel_sheet(info: ParallelInfo, context: StudyContext) -> Sheet:
    """Every complete trial as a line across its hyperparameters, the best one on top."""
    drawn = sheet(info.words, context, 5.4)
    axes = drawn.axes(0.75, drawn.bottom_inches + 0.2, WIDTH_INCHES - 0.9, drawn.top_inches - 0.95)
    axes.set_xlim(0, len(info.columns) - 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    faintest = min(0.45, 20 / len(info.lines))
    for rank, line in enumerate(info.lines):
        is_best = rank == len(info.lines) - 1
        _draw_line(axes, line, (rank + 1) / len(info.lines), faintest, is_best)
    for place, column in enumerate(info.columns):
        _draw_column(axes, place, column)
    return drawn


def _draw_line(axes: Axes, line: Line, share: float, faintest: float, is_best: bool) -> None:
    # A trial that lacks a hyperparameter leaves a gap.
    crossings = np.array([(column, np.nan if place is None else place) for column, place in enumerate(line.places)])
    axes.add_collection(
        LineCollection(
            [crossings],
            colors=[LIGHT.best if is_best else SCALE(line.goodness)],
            linewidths=2.6 if is_best else 0.8 + 0.9 * share,
            alpha=1.0 if is_best else faintest + (0.95 - faintest) * share**3,
            capstyle="round",
            clip_on=False,
        )
    )


def _draw_column(axes: Axes, place: int, column: Column) -> None:
    axes.axvline(place, color=LIGHT.muted, linewidth=1, zorder=3, clip_on=False)
    label = wrapped(shortened(column.label, 36), _LABEL_CHARACTERS)
    best = shortened(column.best, _LABEL_CHARACTERS)
    _write(axes, best, (place, 1), (0, 9), ha="center", va="bottom", size=9.5, color=LIGHT.best, weight="bold")
    _write(axes, label, (place, 1), (0, 25), ha="center", va="bottom", size=9, color=LIGHT.ink)
    for tick in column.ticks:
        text = shortened(tick.text, _LABEL_CHARACTERS)
        _write(axes, text, (place, tick.place), (5, 0), va="center", size=8.5, color=LIGHT.ink, path_effects=halo())


def _write(axes: Axes, text: str, place: tuple[float, float], offset_points: tuple[float, float], **style: Any) -> None:
    axes.annotate(
        text,
        place,
        offset_points,
        textcoords="offset points",
        annotation_clip=False,
        parse_math=False,
        zorder=6,
        **style,
    )
