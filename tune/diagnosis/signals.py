"""Sequences as they were measured, drawn the same way wherever they appear."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from data.sequences import SequenceDataset

from ..figures.words import shortened
from ..plots.examples import LINES, MOST_LINES, comparable
from . import canvas

_EXTREME = 2.5


class Signals:
    """Draws sequences of one data set on one scale.

    Args:
        measured: As measured.

    Attributes:
        scale: What was done to the values, in words.
    """

    def __init__(self, measured: SequenceDataset) -> None:
        values, self.scale = comparable(measured)
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
                sequence.T, aspect="auto", cmap=canvas.AMOUNT, vmin=-_EXTREME, vmax=_EXTREME, extent=extent,
                interpolation="none",
            )  # fmt: skip
            return
        times = np.arange(len(sequence)) / self._rate
        marker = "o" if len(sequence) == 1 else None
        for channel, name in enumerate(self._measured.channel_names):
            axes.plot(
                times, sequence[:, channel], color=LINES[channel], linewidth=1.1, marker=marker, markersize=3,
                label=shortened(name, 28) if labels else None,
            )  # fmt: skip
        canvas.gridded(axes)

    def limits(self, rows: list[int]) -> tuple[float, float]:
        """The range of values of these sequences, with a little room."""
        values = np.concatenate([self._values.sequence(row).numpy().ravel() for row in rows])
        low, high = float(values.min()), float(values.max())
        room = 0.06 * (high - low) or 1.0
        return low - room, high + room

    def times(self, row: int) -> np.ndarray:
        """When the steps of a sequence are."""
        return np.arange(int(self._measured.lengths[row])) / self._rate
