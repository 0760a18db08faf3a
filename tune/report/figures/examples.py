"""Sequences as they were measured, drawn the same way wherever they appear, and one example of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from data.sequences import SequenceDataset

from .sheets import (
    AMOUNT,
    CLASS_COLOURS,
    WIDTH_INCHES,
    colour_bar,
    gridded,
    head,
    heading_inches,
    labelled,
    legend_below,
    panels,
    png,
)
from .signals import channel_scales
from .skeleton import KEY, N_MOMENTS, draw_skeletons, has_bones
from .words import counted, shortened

MOST_CLASSES = 24
MOST_LINES = 9
# The first that leaves the fewest panels empty.
_COLUMNS = (4, 5, 3)
_PANEL_INCHES = 1.6
# What a lone spike may not set the scale of all panels by.
_SHOWN_QUANTILES = (0.005, 0.995)
_EXTREME = 2.5


class Signals:
    """Draws sequences of one data set on one scale.

    Landmarks of a body are figures of bones. Of other channels up to nine are lines, as measured or, where their units
    or scales differ, centred and each divided by its standard deviation. More are rows of an image, from low (light) to
    high (dark).

    Args:
        measured: As measured.

    Attributes:
        scale: What was done to the values, in words.
        time: What the horizontal axis counts.
    """

    def __init__(self, measured: SequenceDataset) -> None:
        measured = measured.sampled()
        values, self.scale = _comparable(measured)
        self._measured = measured
        self._values = measured.with_values(values)
        self._rate = measured.sample_rate_hz or 1.0
        self.time = "seconds" if measured.sample_rate_hz else "steps"
        self._has_bones = has_bones(measured.channel_names)

    @property
    def as_lines(self) -> bool:
        """Whether channels are lines; else rows of an image, or figures of bones."""
        return self._measured.n_channels <= MOST_LINES and not self._has_bones

    @property
    def words(self) -> str:
        """What is to be seen of a sequence, as a sentence."""
        if self._has_bones:
            return f"Each is the body and its hands at {N_MOMENTS} moments; {KEY}."
        if self.as_lines:
            return f"Channels are {self.scale}."
        return f"Channels are the rows of an image, {self.scale}, from low (light) to high (dark)."

    def draw(self, axes: Axes, row: int, *, labels: bool = False) -> ScalarMappable | None:
        """Draws a sequence; with labels its lines are named for a legend. Returns the image, if it is one."""
        if self._has_bones:
            draw_skeletons(axes, self._measured.sequence(row).numpy(), self.times(row), self._measured.channel_names)
            return None
        sequence = self._values.sequence(row).numpy()
        if not self.as_lines:
            extent = (-0.5 / self._rate, (len(sequence) - 0.5) / self._rate, sequence.shape[1] + 0.5, 0.5)
            return axes.imshow(
                sequence.T, aspect="auto", cmap=AMOUNT, vmin=-_EXTREME, vmax=_EXTREME, extent=extent,
                interpolation="none",
            )  # fmt: skip
        marker = "o" if len(sequence) == 1 else None
        for channel, name in enumerate(self._measured.channel_names):
            axes.plot(
                self.times(row), sequence[:, channel], color=CLASS_COLOURS[channel], linewidth=1.2, marker=marker,
                markersize=3, label=shortened(name, 28) if labels else None,
            )  # fmt: skip
        gridded(axes)
        return None

    def fit(self, axes: Axes, rows: Sequence[int]) -> None:
        """Sets the scale of axes on which one of these sequences is drawn: one for all of them."""
        times = [float(self.times(row)[-1]) for row in rows]
        if self.as_lines:
            values = np.concatenate([self._values.sequence(row).numpy().ravel() for row in rows])
            low, high = np.quantile(values, _SHOWN_QUANTILES)
            room = 0.15 * (high - low) or 1.0
            axes.set_ylim(low - room, high + room)
            axes.set_xlim(0, max(times) or 1.0)
        elif not self._has_bones:
            axes.set_xlim(-0.5 / self._rate, max(times) + 0.5 / self._rate)

    def times(self, row: int) -> np.ndarray:
        """When the steps of a sequence are."""
        return np.arange(int(self._measured.lengths[row])) / self._rate


def examples_picture(dataset: SequenceDataset, title: str) -> bytes:
    """A PNG file of ``examples_figure``, under a heading."""
    figure = examples_figure(dataset)
    summary = _summary(dataset)
    height = figure.get_figheight() + heading_inches(summary)
    share = figure.get_figheight() / height
    figure.set_size_inches(WIDTH_INCHES, height)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(rect=(0.02, 0.02, 0.96, share - 0.02))
    head(figure, f"{title} · the recordings", "An example of each class", summary)
    return png(figure)


def examples_figure(dataset: SequenceDataset) -> Figure:
    """A panel a class with the sequence of that class whose length is the median."""
    dataset = dataset.sampled()
    signals = Signals(dataset)
    shown = range(min(dataset.n_classes, MOST_CLASSES))
    rows = [_typical(dataset, one_class) for one_class in shown]
    n_columns = min(_COLUMNS, key=lambda n: (-len(shown) % n, _COLUMNS.index(n))) if len(shown) > 4 else len(shown)
    titles = [shortened(dataset.class_names[int(dataset.labels[row])], 26) for row in rows]
    figure, every = panels(len(rows), n_columns, _PANEL_INCHES, titles=titles)
    image = None
    for place, (axes, row) in enumerate(zip(every, rows, strict=True)):
        image = signals.draw(axes, row, labels=place == 0)
        signals.fit(axes, rows)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=not signals.as_lines))
        if image is not None:
            labelled(axes, y="channel" if place % n_columns == 0 else "")
        axes.tick_params(labelleft=place % n_columns == 0 and not has_bones(dataset.channel_names))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=dataset.sample_rate_hz is None))
        labelled(axes, signals.time if place + n_columns >= len(rows) else "")
    if image is not None:
        colour_bar(figure, image, every, "standard deviations")
    legend_below(figure, every[0], 5)
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
    is_shared = dataset.n_channels <= MOST_LINES
    scales = channel_scales(dataset.values.T.numpy(), dataset.channel_names, is_shared=is_shared)
    if scales is None:
        return dataset.values, "as measured"
    centre, deviation = (torch.from_numpy(one).T for one in scales)
    return (dataset.values - centre) / deviation, "each in its standard deviations"


def _summary(dataset: SequenceDataset) -> str:
    many = f" (the first {MOST_CLASSES} of {dataset.n_classes})" if dataset.n_classes > MOST_CLASSES else ""
    channels = counted(dataset.n_channels, "channel")
    return f"One sequence of each class{many}, of median length; {channels}. {Signals(dataset).words}"
