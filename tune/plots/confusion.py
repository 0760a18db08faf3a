"""The confusion matrix as a picture."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from ..figures.confusion import ConfusionInfo
from ..figures.words import StudyContext, shortened
from ..palette import LIGHT
from .sheets import WIDTH_INCHES, Sheet, sheet

_SCALE = LinearSegmentedColormap.from_list("none to all", [LIGHT.few, LIGHT.most])
_LABEL_CHARACTERS = 20
_MOST_INCHES = 7.0


def confusion_sheet(info: ConfusionInfo, context: StudyContext) -> Sheet:
    """A row for each class, a column for each that it was taken for."""
    n = len(info.names)
    side = min(_MOST_INCHES, 1.2 + 0.36 * n)
    drawn = sheet(info.words, context, side + 1.6)
    axes = drawn.axes(2.4, drawn.bottom_inches + 1.5, min(2.4 + 1.25 * side, WIDTH_INCHES - 0.35), drawn.top_inches)
    totals = np.maximum(info.counts.sum(axis=1, keepdims=True), 1)
    shares = info.counts / totals
    axes.set_facecolor(LIGHT.panel)
    axes.imshow(np.ma.masked_equal(shares, 0), cmap=_SCALE, vmin=0, vmax=1, aspect="auto", interpolation="none")
    size = 9 if n <= 12 else 7
    for row, column in zip(*np.nonzero(info.counts), strict=True):
        colour = LIGHT.paper if shares[row, column] > 0.55 else LIGHT.ink
        axes.text(column, row, str(info.counts[row, column]), ha="center", va="center", size=size, color=colour)
    labels = [shortened(name, _LABEL_CHARACTERS) for name in info.names]
    axes.set_xticks(range(n), labels, rotation=60, ha="right", rotation_mode="anchor", size=size, parse_math=False)
    axes.set_yticks(range(n), labels, size=size, parse_math=False)
    axes.set_xlabel("taken for", color=LIGHT.muted, size=10)
    axes.set_ylabel("is", color=LIGHT.muted, size=10)
    return drawn
