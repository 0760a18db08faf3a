"""One example of each class, side by side, so that a person can see whether the recordings are what they should be."""

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

from ..figures.words import shortened
from ..palette import LIGHT
from .sheets import MARGIN_INCHES, SCALE, WIDTH_INCHES, png

MOST_CLASSES = 24
MOST_LINES = 9
# Okabe and Ito's colours, those of all figures first.
LINES = (LIGHT.complete, LIGHT.best, LIGHT.fanova, "#cc79a7", "#56b4e9", "#e69f00", LIGHT.ink, LIGHT.pruned, "#7a5195")
# The first that leaves the fewest panels empty.
_COLUMNS = (4, 5, 3)
_PANEL_INCHES = 1.75
_HEADING_INCHES = 1.15
_DOTS_PER_INCH = 150
# Channels whose values span more than this many deviations of the quietest one cannot share an axis.
_MOST_DEVIATIONS = 40
_EXTREME = 2.5
_LINE_CHARACTERS = 150


def examples_picture(dataset: SequenceDataset, title: str) -> bytes:
    """A PNG file of ``examples_figure``."""
    return png(examples_figure(dataset, title))


def examples_figure(dataset: SequenceDataset, title: str | None) -> Figure:
    """A panel a class with the sequence of that class whose length is the median.

    Up to nine channels are lines, as measured or, where their scales differ, centred and each divided by its standard
    deviation. More are rows of an image, from low (light) to high (dark).

    Args:
        dataset: To look at.
        title: What the recordings are called; None where what is around the picture has a heading.
    """
    heading_inches = _HEADING_INCHES if title is not None else 0.1
    shown = list(range(min(dataset.n_classes, MOST_CLASSES)))
    examples = [_typical(dataset, one_class) for one_class in shown]
    values, scale = comparable(dataset)
    n_columns = min(_COLUMNS, key=lambda n: (-len(shown) % n, _COLUMNS.index(n))) if len(shown) > 4 else len(shown)
    n_rows = math.ceil(len(shown) / n_columns)
    names = [shortened(name, 22) for name in dataset.channel_names[: MOST_LINES + 1]]
    per_line = max(1, min(len(names), _LINE_CHARACTERS // (max(map(len, names)) + 7)))
    legend_inches = 0.2 * math.ceil(len(names) / per_line) + 0.05 if dataset.n_channels <= MOST_LINES else 0.0
    height = heading_inches + legend_inches + n_rows * _PANEL_INCHES + 0.45
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=_DOTS_PER_INCH, facecolor=LIGHT.paper)
    if title is not None:
        _write_heading(figure, height, title, _summary(dataset, scale))
    rate = dataset.sample_rate_hz or 1.0
    longest = max(int(dataset.lengths[row]) for row in examples)
    limits = _limits(torch.cat([values[_steps(dataset, row)] for row in examples]).numpy())
    width = (WIDTH_INCHES - 2 * MARGIN_INCHES - 0.35) / n_columns
    for place, row in enumerate(examples):
        left = MARGIN_INCHES + 0.35 + place % n_columns * width
        bottom = height - heading_inches - legend_inches - (place // n_columns + 1) * _PANEL_INCHES + 0.32
        axes = figure.add_axes(
            (left / WIDTH_INCHES, bottom / height, (width - 0.25) / WIDTH_INCHES, (_PANEL_INCHES - 0.62) / height)
        )
        _style(axes, shortened(dataset.class_names[int(dataset.labels[row])], 28))
        sequence = values[_steps(dataset, row)].numpy()
        if dataset.n_channels <= MOST_LINES:
            _draw_lines(axes, sequence, names, rate)
            axes.set_ylim(*limits)
        else:
            _draw_image(axes, sequence, rate)
            if dataset.kind == "landmarks":
                _name_parts(axes, dataset.channel_names)
            else:
                axes.set_ylabel("channel" if place % n_columns == 0 else "", size=9, color=LIGHT.muted)
        axes.tick_params(labelleft=place % n_columns == 0)
        if dataset.n_channels <= MOST_LINES:
            axes.set_xlim(0, max(longest - 1, 1) / rate)
        else:
            axes.set_xlim(-0.5 / rate, (longest - 0.5) / rate)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=dataset.sample_rate_hz is None))
        below = place + n_columns >= len(examples)
        axes.set_xlabel("seconds" if below and dataset.sample_rate_hz else "steps" if below else "", size=9)
        axes.xaxis.label.set_color(LIGHT.muted)
        if place == 0:
            _draw_legend(figure, axes, height, heading_inches, per_line)
    return figure


def _typical(dataset: SequenceDataset, one_class: int) -> int:
    """The row whose length is the median of its class."""
    rows = (dataset.labels == one_class).nonzero().flatten()
    if not len(rows):
        return 0
    order = dataset.lengths[rows].argsort(stable=True)
    return int(rows[order[(len(rows) - 1) // 2]])


def _steps(dataset: SequenceDataset, row: int) -> slice:
    start = int(dataset.offsets[row])
    return slice(start, start + int(dataset.lengths[row]))


def comparable(dataset: SequenceDataset) -> tuple[torch.Tensor, str]:
    """Values that can share one axis, and what was done to them."""
    deviation = dataset.values.std(dim=0, correction=0)
    varying = deviation > 1e-6 * dataset.values.abs().amax(dim=0)
    spans = (dataset.values.amax() - dataset.values.amin()) / deviation[varying].amin() if varying.any() else 0.0
    if dataset.n_channels <= MOST_LINES and float(spans) <= _MOST_DEVIATIONS:
        return dataset.values, "as measured"
    centred = dataset.values - dataset.values.mean(dim=0)
    return centred / torch.where(varying, deviation, 1.0), "each in its standard deviations"


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _summary(dataset: SequenceDataset, scale: str) -> str:
    many = f" (the first {MOST_CLASSES} of {dataset.n_classes})" if dataset.n_classes > MOST_CLASSES else ""
    how = "" if dataset.n_channels <= MOST_LINES else ", from low (light) to high (dark)"
    return f"One sequence of each class{many}, of median length; {dataset.n_channels} channels, {scale}{how}"


def _write_heading(figure: Figure, height: float, title: str, summary: str) -> None:
    for from_top, text, size, colour, weight in (
        (0.34, f"{title} · the recordings", 9.5, LIGHT.muted, "normal"),
        (0.64, "An example of each class", 16.0, LIGHT.ink, "bold"),
        (0.94, summary, 11.0, LIGHT.ink, "normal"),
    ):
        place = (MARGIN_INCHES / WIDTH_INCHES, (height - from_top) / height)
        figure.text(*place, text, size=size, color=colour, weight=weight, parse_math=False)


def _style(axes: Axes, title: str) -> None:
    axes.set_facecolor(LIGHT.paper)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(side == "bottom")
        axes.spines[side].set_color(LIGHT.rule)
    axes.tick_params(colors=LIGHT.muted, labelsize=8.5, length=0, pad=4)
    axes.set_title(title, loc="left", size=10.5, color=LIGHT.ink, pad=5, parse_math=False)


def _draw_lines(axes: Axes, sequence: np.ndarray, names: list[str], rate: float) -> None:
    times = np.arange(len(sequence)) / rate
    marker = "o" if len(sequence) == 1 else None
    for name, colour, channel in zip(names, LINES, sequence.T, strict=False):
        axes.plot(times, channel, color=colour, linewidth=1.3, marker=marker, markersize=3, label=name, clip_on=False)
    axes.grid(axis="y", color=LIGHT.rule, linewidth=0.6)
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _draw_image(axes: Axes, sequence: np.ndarray, rate: float) -> None:
    n_steps, n_channels = sequence.shape
    extent = (-0.5 / rate, (n_steps - 0.5) / rate, n_channels + 0.5, 0.5)
    axes.imshow(
        sequence.T, aspect="auto", cmap=SCALE, vmin=-_EXTREME, vmax=_EXTREME, extent=extent, interpolation="none"
    )
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _name_parts(axes: Axes, channel_names: Sequence[str]) -> None:
    """Writes the parts of the body beside their rows; numbers where it is not known what the channels are."""
    owners = [name.split(" ")[0] for name in channel_names]
    parts = [part for part in dict.fromkeys(owners) if part in PARTS]
    if parts:
        middles = [owners.index(part) + (owners.count(part) + 1) / 2 for part in parts]
        axes.set_yticks(middles, [part.replace("_", "\n") for part in parts])


def _draw_legend(figure: Figure, axes: Axes, height: float, heading_inches: float, per_line: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    drawn = figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(MARGIN_INCHES / WIDTH_INCHES - 0.004, (height - heading_inches + 0.03) / height),
        ncols=per_line,
        frameon=False,
        fontsize=9,
        labelcolor=LIGHT.muted,
        handletextpad=0.5,
        handlelength=1.4,
        columnspacing=1.4,
        borderpad=0,
        borderaxespad=0,
    )
    for text in drawn.get_texts():
        text.set_parse_math(False)
