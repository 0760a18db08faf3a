"""Sequences as they were measured, drawn the same way wherever they appear, and one example of each class."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from data.landmarks import PARTS
from data.sequences import SequenceDataset

from .palette import LIGHT
from .sheets import AMOUNT, MARGIN_INCHES, WIDTH_INCHES, Sheet, blank, calm, gridded, head, labelled, legend, png
from .words import counted, shortened

MOST_CLASSES = 24
MOST_LINES = 9
# Okabe and Ito's colours, those of all figures first.
LINES = (LIGHT.complete, LIGHT.best, LIGHT.fanova, "#cc79a7", "#56b4e9", "#e69f00", LIGHT.ink, LIGHT.pruned, "#7a5195")
# The first that leaves the fewest panels empty.
_COLUMNS = (4, 5, 3)
_PANEL_INCHES = 1.75
_HEADING_INCHES = 1.15
# Channels whose values span more than this many deviations of the quietest one cannot share an axis.
_MOST_DEVIATIONS = 40
_EXTREME = 2.5
_LINE_CHARACTERS = 150


class Signals:
    """Draws sequences of one data set on one scale.

    Up to nine channels are lines, as measured or, where their scales differ, centred and each divided by its standard
    deviation. More are rows of an image, from low (light) to high (dark).

    Args:
        measured: As measured.

    Attributes:
        scale: What was done to the values, in words.
        time: What the horizontal axis counts.
    """

    def __init__(self, measured: SequenceDataset) -> None:
        values, self.scale = _comparable(measured)
        self._measured = measured
        self._values = measured.with_values(values)
        self._rate = measured.sample_rate_hz or 1.0
        self.time = "seconds" if measured.sample_rate_hz else "steps"

    @property
    def as_lines(self) -> bool:
        """Whether channels are lines; else rows of an image."""
        return self._measured.n_channels <= MOST_LINES

    def draw(self, axes: Axes, row: int, *, labels: bool = False) -> None:
        """Draws a sequence; with labels its lines are named for a legend."""
        sequence = self._values.sequence(row).numpy()
        if not self.as_lines:
            extent = (-0.5 / self._rate, (len(sequence) - 0.5) / self._rate, sequence.shape[1] + 0.5, 0.5)
            axes.imshow(
                sequence.T, aspect="auto", cmap=AMOUNT, vmin=-_EXTREME, vmax=_EXTREME, extent=extent,
                interpolation="none",
            )  # fmt: skip
            return
        marker = "o" if len(sequence) == 1 else None
        for channel, name in enumerate(self._measured.channel_names):
            axes.plot(
                self.times(row), sequence[:, channel], color=LINES[channel], linewidth=1.2, marker=marker, markersize=3,
                label=shortened(name, 28) if labels else None,
            )  # fmt: skip
        gridded(axes)

    def limits(self, rows: Sequence[int]) -> tuple[float, float]:
        """The range of values of these sequences, with a little room."""
        values = np.concatenate([self._values.sequence(row).numpy().ravel() for row in rows])
        low, high = float(values.min()), float(values.max())
        room = 0.06 * (high - low) or 1.0
        return low - room, high + room

    def times(self, row: int) -> np.ndarray:
        """When the steps of a sequence are."""
        return np.arange(int(self._measured.lengths[row])) / self._rate


def examples_picture(dataset: SequenceDataset, title: str) -> bytes:
    """A PNG file of ``examples_figure``, under a heading."""
    return png(examples_figure(dataset, title))


def examples_figure(dataset: SequenceDataset, title: str | None) -> Figure:
    """A panel a class with the sequence of that class whose length is the median.

    Args:
        dataset: To look at.
        title: What the recordings are called; None where what is around the picture has a heading.
    """
    signals = Signals(dataset)
    shown = range(min(dataset.n_classes, MOST_CLASSES))
    rows = [_typical(dataset, one_class) for one_class in shown]
    n_columns = min(_COLUMNS, key=lambda n: (-len(shown) % n, _COLUMNS.index(n))) if len(shown) > 4 else len(shown)
    names = [shortened(name, 28) for name in dataset.channel_names[: MOST_LINES + 1]]
    per_line = max(1, min(len(names), _LINE_CHARACTERS // (max(map(len, names)) + 7)))
    heading_inches = _HEADING_INCHES if title is not None else 0.1
    legend_inches = 0.2 * math.ceil(len(names) / per_line) + 0.05 if signals.as_lines else 0.0
    height = heading_inches + legend_inches + math.ceil(len(shown) / n_columns) * _PANEL_INCHES + 0.45
    figure = blank(height, WIDTH_INCHES, layout="none")
    drawn = Sheet(figure, WIDTH_INCHES, height, 0.0, height - heading_inches + 0.03)
    if title is not None:
        head(figure, f"{title} · the recordings", "An example of each class", _summary(dataset, signals))
    longest = max(int(dataset.lengths[row]) for row in rows)
    rate = dataset.sample_rate_hz or 1.0
    width = (WIDTH_INCHES - 2 * MARGIN_INCHES - 0.35) / n_columns
    for place, row in enumerate(rows):
        left = MARGIN_INCHES + 0.35 + place % n_columns * width
        bottom = height - heading_inches - legend_inches - (place // n_columns + 1) * _PANEL_INCHES + 0.32
        axes = drawn.axes(left, bottom, left + width - 0.25, bottom + _PANEL_INCHES - 0.62)
        calm(axes, shortened(dataset.class_names[int(dataset.labels[row])], 28))
        signals.draw(axes, row, labels=place == 0)
        if signals.as_lines:
            axes.set_ylim(*signals.limits(rows))
            axes.set_xlim(0, max(longest - 1, 1) / rate)
        else:
            axes.set_xlim(-0.5 / rate, (longest - 0.5) / rate)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=not signals.as_lines))
        if dataset.kind == "landmarks" and not signals.as_lines:
            _name_parts(axes, dataset.channel_names)
        elif not signals.as_lines:
            labelled(axes, y="channel" if place % n_columns == 0 else "")
        axes.tick_params(labelleft=place % n_columns == 0)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=dataset.sample_rate_hz is None))
        labelled(axes, signals.time if place + n_columns >= len(rows) else "")
        if place == 0:
            legend(drawn, axes, per_line)
    return figure


def _typical(dataset: SequenceDataset, one_class: int) -> int:
    """The row whose length is the median of its class."""
    rows = (dataset.labels == one_class).nonzero().flatten()
    if not len(rows):
        return 0
    order = dataset.lengths[rows].argsort(stable=True)
    return int(rows[order[(len(rows) - 1) // 2]])


def _comparable(dataset: SequenceDataset) -> tuple[torch.Tensor, str]:
    """Values that can share one axis, and what was done to them."""
    deviation = dataset.values.std(dim=0, correction=0)
    varying = deviation > 1e-6 * dataset.values.abs().amax(dim=0)
    spans = (dataset.values.amax() - dataset.values.amin()) / deviation[varying].amin() if varying.any() else 0.0
    if dataset.n_channels <= MOST_LINES and float(spans) <= _MOST_DEVIATIONS:
        return dataset.values, "as measured"
    centred = dataset.values - dataset.values.mean(dim=0)
    return centred / torch.where(varying, deviation, 1.0), "each in its standard deviations"


def _summary(dataset: SequenceDataset, signals: Signals) -> str:
    many = f" (the first {MOST_CLASSES} of {dataset.n_classes})" if dataset.n_classes > MOST_CLASSES else ""
    how = "" if signals.as_lines else ", from low (light) to high (dark)"
    channels = counted(dataset.n_channels, "channel")
    return f"One sequence of each class{many}, of median length; {channels}, {signals.scale}{how}"


def _name_parts(axes: Axes, channel_names: Sequence[str]) -> None:
    """Writes the parts of the body beside their rows; numbers where it is not known what the channels are."""
    owners = [name.split(" ")[0] for name in channel_names]
    parts = [part for part in dict.fromkeys(owners) if part in PARTS]
    if parts:
        middles = [owners.index(part) + (owners.count(part) + 1) / 2 for part in parts]
        axes.set_yticks(middles, [part.replace("_", "\n") for part in parts])
