"""A sheet of paper for one PNG figure: its heading and notes, axes measured in inches, and the one style of all.

Drawn with matplotlib's own objects and its Agg canvas: no window system, no browser, and nothing global is changed.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke

from ..figures.axes import Tick
from ..figures.words import StudyContext, Words
from ..palette import LIGHT

WIDTH_INCHES = 11.0
MARGIN_INCHES = 0.35
_HEADING_INCHES = 1.12
_NOTE_INCHES = 0.19
_DOTS_PER_INCH = 150
_NOTE_CHARACTERS = 140
# Of 0 to 9: 0.6 of the time of the usual 6, for files that are a sixth larger.
_COMPRESSION = 3

SCALE = LinearSegmentedColormap.from_list("worst to best", LIGHT.scale)


@dataclass(frozen=True)
class Sheet:
    """A figure with its heading and notes, and the room between the two.

    Attributes:
        figure: The matplotlib figure.
        height_inches: Of the whole sheet.
        bottom_inches: Lower end of the room for axes.
        top_inches: Upper end of the room for axes.
    """

    figure: Figure
    height_inches: float
    bottom_inches: float
    top_inches: float

    def axes(self, left: float, bottom: float, right: float, top: float) -> Axes:
        """Axes in the calm style, at a place in inches from the lower left corner."""
        width, height = WIDTH_INCHES, self.height_inches
        axes = self.figure.add_axes(
            (left / width, bottom / height, max(right - left, 0.1) / width, max(top - bottom, 0.1) / height)
        )
        axes.set_facecolor(LIGHT.paper)
        axes.set_axisbelow(True)
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_visible(side == "bottom")
            axes.spines[side].set_color(LIGHT.rule)
        axes.tick_params(colors=LIGHT.muted, labelsize=9, length=0, pad=5)
        return axes


def sheet(words: Words, context: StudyContext, room_inches: float) -> Sheet:
    """A sheet with heading and notes around room for axes.

    Args:
        words: Title, summary and notes.
        context: Names the study and the metric.
        room_inches: Height of the room.
    """
    notes = [line for note in words.notes for line in textwrap.wrap(note, _NOTE_CHARACTERS)]
    bottom = MARGIN_INCHES + _NOTE_INCHES * len(notes) + (0.1 if notes else 0.0)
    height = bottom + room_inches + _HEADING_INCHES
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=_DOTS_PER_INCH, facecolor=LIGHT.paper)
    better = "higher" if context.direction == "maximize" else "lower"
    heading = [
        (0.32, f"{context.title} · {context.metric}, {better} is better", 9.5, LIGHT.muted, "normal"),
        (0.62, words.title, 16.0, LIGHT.ink, "bold"),
        (0.92, textwrap.shorten(words.summary, 150, placeholder=" …"), 11.0, LIGHT.ink, "normal"),
    ]
    for from_top, text, size, colour, weight in heading:
        _write(figure, height - from_top, height, text, size, colour, weight)
    for line, text in enumerate(reversed(notes)):
        _write(figure, 0.28 + _NOTE_INCHES * line, height, text, 9.0, LIGHT.muted, "normal")
    return Sheet(figure, height, bottom, height - _HEADING_INCHES)


def _write(figure: Figure, up: float, height: float, text: str, size: float, colour: str, weight: str) -> None:
    left = MARGIN_INCHES / WIDTH_INCHES
    figure.text(left, up / height, text, size=size, color=colour, weight=weight, parse_math=False)


def empty_sheet(title: str, why: str, context: StudyContext) -> Sheet:
    """A sheet that says in words why there is no figure."""
    blank = sheet(Words(title, "Not drawn.", ()), context, 1.6)
    sentence = "\n".join(textwrap.wrap(why[:1].upper() + why[1:] + ".", 90))
    place = (0.5, (blank.bottom_inches + blank.top_inches) / 2 / blank.height_inches)
    blank.figure.text(*place, sentence, size=13, color=LIGHT.ink, ha="center", va="center", parse_math=False)
    return blank


def set_ticks(axes: Axes, x: Sequence[Tick] | None = None, y: Sequence[Tick] | None = None) -> None:
    """Puts the ticks on either axis, their texts as they are written (a ``$`` starts no formula)."""
    if x is not None:
        axes.set_xticks([tick.place for tick in x], [tick.text for tick in x], parse_math=False)
    if y is not None:
        axes.set_yticks([tick.place for tick in y], [tick.text for tick in y], parse_math=False)


def legend(drawn: Sheet, axes: Axes) -> None:
    """One line over the axes that names the marks on them."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    drawn.figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(MARGIN_INCHES / WIDTH_INCHES - 0.004, drawn.top_inches / drawn.height_inches),
        ncols=len(labels),
        frameon=False,
        fontsize=9,
        labelcolor=LIGHT.muted,
        handletextpad=0.3,
        handlelength=1.6,
        markerscale=0.85,
        columnspacing=1.3,
        borderpad=0,
        borderaxespad=0,
    )


def halo() -> list[AbstractPathEffect]:
    """An outline in the colour of the paper, for text that stands on lines."""
    return [Stroke(linewidth=2.5, foreground=LIGHT.paper), Normal()]


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks shows boxes: no reason to disturb the user.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        FigureCanvasAgg(figure)
        figure.savefig(file, format="png", pil_kwargs={"compress_level": _COMPRESSION})
    return file.getvalue()
