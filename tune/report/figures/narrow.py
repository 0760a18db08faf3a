"""The same picture for a narrow screen: its panels stand in fewer columns, at the size in which they can be read."""

from __future__ import annotations

import math
import pickle
import textwrap
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from .palette import LIGHT
from .sheets import NARROW, TITLE_LETTER_INCHES, keep_layout, labelled, legend_again

_LABEL_POINTS = 7.5
_LONG_LABEL = 16
_LONGEST_LABEL = 30
_TWO_LINES = 1.6
_LEAST_POINTS = 6.8
_MOST_TILTED = 20


def narrowed(figure: Figure) -> Figure:
    """A copy of a picture of panels with half of the columns; one whose panels span several has one.

    Args:
        figure: Laid out by matplotlib ("constrained"), its axes in one grid, colour bars aside.
    """
    copy: Figure = pickle.loads(pickle.dumps(figure))  # deepcopy leaves transforms behind.
    copy.set_layout_engine("constrained")  # Again, where it has been drawn.
    every = [axes for axes in copy.axes if axes.get_subplotspec() is not None]
    cells = [_cell(axes) for axes in every]
    spans = any(len(cell.rowspan) > 1 or len(cell.colspan) > 1 for cell in cells)
    n_columns = 1 if spans else min(2, (cells[0].get_gridspec().ncols + 1) // 2)
    # Names on two lines need that much more room.
    heights = [
        (_TWO_LINES if _shorten_names(axes) else 1.0) * _share_of_height(cell) * figure.get_figheight()
        for axes, cell in zip(every, cells, strict=True)
    ]
    rows = [heights[first : first + n_columns] for first in range(0, len(every), n_columns)]
    row_heights = [min(max(row), NARROW.width) if spans else max(row) for row in rows]
    copy.set_size_inches(NARROW.width, sum(row_heights) + 0.1)
    grid = copy.add_gridspec(len(rows), n_columns, height_ratios=row_heights)
    most = int(0.8 * NARROW.width / n_columns / TITLE_LETTER_INCHES)
    for place, axes in enumerate(every):
        axes.set_subplotspec(grid[place // n_columns, place % n_columns])
        title = textwrap.fill(axes.get_title(loc="left").replace("\n", " "), most)
        axes.set_title(title, loc="left", size=10, color=LIGHT.ink, pad=6, parse_math=False)
        if isinstance(locator := axes.xaxis.get_major_locator(), MaxNLocator):
            locator.set_params(nbins=5)
    if not spans:
        _labels_at_the_edges(every, cells, n_columns)
    for legend in copy.legends:
        legend_again(copy, legend)
    _fit_texts(copy, every)
    return copy


def _cell(axes: Axes) -> SubplotSpec:
    cell = axes.get_subplotspec()
    assert cell is not None
    return cell


def _share_of_height(cell: SubplotSpec) -> float:
    grid = cell.get_gridspec()
    ratios = np.asarray(grid.get_height_ratios() or np.ones(grid.nrows), float)
    return float(ratios[list(cell.rowspan)].sum() / ratios.sum())


def _shorten_names(axes: Axes) -> bool:
    """Makes long names of ticks smaller, and breaks those that are longer still; whether any was broken."""
    names, below = axes.get_yticklabels(), axes.get_xticklabels()
    if below and below[0].get_rotation() % 90:  # As many as stand beside each other.
        every = math.ceil(len(below) / _MOST_TILTED)
        kept = [label.get_text() if k % every == 0 else "" for k, label in enumerate(below)]
        axes.set_xticks(axes.get_xticks(), kept, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
        below = axes.get_xticklabels()
    for labels in (names, below):
        if any(len(label.get_text()) > _LONG_LABEL for label in labels):
            for label in labels:
                label.set_fontsize(_LABEL_POINTS)
    longest = max((len(name.get_text()) for name in names), default=0)
    if longest <= _LONGEST_LABEL:
        return False
    lines = [textwrap.fill(name.get_text(), max(_LONGEST_LABEL, longest // 2 + 6)) for name in names]
    axes.set_yticks(axes.get_yticks(), lines, size=_LEAST_POINTS, linespacing=1.0, parse_math=False)
    return True


def _labels_at_the_edges(every: list[Axes], cells: list[SubplotSpec], n_columns: int) -> None:
    """Moves the words that all panels of an edge share to the new edge."""
    left = [axes for axes, cell in zip(every, cells, strict=True) if cell.is_first_col()]
    inner = [axes for axes in every if axes not in left]
    words = {axes.get_ylabel() for axes in left}
    if len(words) == 1 and not any(axes.get_ylabel() for axes in inner):
        for place, axes in enumerate(every):
            axes.set_ylabel("")
            labelled(axes, y=next(iter(words)) if place % n_columns == 0 else "")
    if left[0].yaxis.get_tick_params()["labelleft"]:
        for axes in every[::n_columns]:
            axes.tick_params(labelleft=True)
    words = {axes.get_xlabel() for axes in every} - {""}
    if len(words) == 1:
        for place, axes in enumerate(every):
            axes.set_xlabel("")
            labelled(axes, next(iter(words)) if place + n_columns >= len(every) else "")


def _fit_texts(figure: Figure, every: list[Axes]) -> None:
    """Numbers in cells that are narrower than they are: smaller, or left to the table."""
    figure.draw_without_rendering()
    keep_layout(figure)
    for axes in every:
        texts: list[Text] = list(axes.texts)
        if len(texts) < 2:
            continue
        width = max(text.get_window_extent().width for text in texts)
        places = sorted({axes.transData.transform((float(text.get_position()[0]), 0.0))[0] for text in texts})
        room = min((b - a for a, b in pairwise(places)), default=width)
        size = float(texts[0].get_fontsize()) * min(1.0, 0.95 * room / width)
        for text in texts:
            text.set_fontsize(size)
            text.set_visible(size >= _LEAST_POINTS)
