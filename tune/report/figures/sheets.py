"""Drawing with matplotlib: a sheet of paper with heading and notes, panels without, and the one style of both.

Drawn with matplotlib's own objects and its Agg and SVG canvases: no window system, no browser, and nothing global is
changed.
"""

from __future__ import annotations

import html
import io
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import matplotlib
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from .axes import Tick
from .palette import LIGHT, PROPERTIES
from .words import StudyContext, Words, number_text, shortened

WIDTH_INCHES = 11.0
MARGIN_INCHES = 0.35
DOTS_PER_INCH = 150
# Of panels, which stand in a column of text.
PANELS_INCHES = 8.6
MOST_NAMED = 30
_HEADING_INCHES = 1.12
_NOTE_INCHES = 0.19
_NOTE_CHARACTERS = 140
_LINE_INCHES = 0.22
_SUMMARY_CHARACTERS = 115
# Of a legend, on average and with room.
_LETTER_INCHES = 0.075
TITLE_LETTER_INCHES = 0.08
# Of 0 to 9: 0.6 of the time of the usual 6, for files that are a sixth larger.
_COMPRESSION = 3

SCALE = LinearSegmentedColormap.from_list("worst to best", LIGHT.scale)
# From none to most; and from one sign through none to the other (both readable when printed in grey by their ends).
AMOUNT = LinearSegmentedColormap.from_list("amount", ("#f4f7fa", *LIGHT.scale))
SIGNED = LinearSegmentedColormap.from_list("signed", ("#0072b2", "#8fc1e3", "#f6f6f6", "#f0b48a", "#c94f00"))
# Okabe and Ito's, and others of middling lightness that stand out on white and on black; marks differ as well. The
# first three are the palette's, and lighter on a dark page, where the first is the sky blue that is missing here.
CLASS_COLOURS = (
    LIGHT.complete, LIGHT.best, LIGHT.fanova, "#cc79a7", "#e69f00", "#8c9eff", "#7a5195", "#8c564b", "#6b8e23",
    "#d62761", "#3f7f93", "#b8860b",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_HEX = re.compile(r"#[0-9a-f]{6}")


class Medium(NamedTuple):
    """What a figure is drawn for.

    Attributes:
        width: Inches.
        has_words: Whether heading and notes are part of it; on a page they are text around it.
    """

    width: float
    has_words: bool

    @property
    def is_narrow(self) -> bool:
        """Whether panels stand below rather than beside each other."""
        return self.width < 6


PICTURE = Medium(WIDTH_INCHES, True)
WIDE = Medium(WIDTH_INCHES, False)
NARROW = Medium(4.2, False)


@dataclass(frozen=True)
class Sheet:
    """A figure with its heading and notes, and the room between the two.

    Attributes:
        figure: The matplotlib figure.
        width: Inches of the whole sheet.
        height: Inches of the whole sheet.
        bottom: Lower end of the room for axes, in inches.
        top: Upper end of the room for axes, in inches.
    """

    figure: Figure
    width: float
    height: float
    bottom: float
    top: float

    def axes(self, left: float, bottom: float, right: float, top: float) -> Axes:
        """Axes in the calm style, at a place in inches from the lower left corner."""
        width, height = max(right - left, 0.1), max(top - bottom, 0.1)
        place = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return calm(self.figure.add_axes(place))


def sheet(words: Words, context: StudyContext, room_inches: float, medium: Medium = PICTURE) -> Sheet:
    """A sheet with heading and notes, where the medium has them, around room for axes.

    Args:
        words: Title, summary and notes.
        context: Names the study and the metric.
        room_inches: Height of the room.
        medium: What it is drawn for.
    """
    if not medium.has_words:
        figure = blank(room_inches + 0.1, medium.width, layout="none")
        return Sheet(figure, medium.width, room_inches + 0.1, 0.0, room_inches)
    notes = [line for note in words.notes for line in textwrap.wrap(note, _NOTE_CHARACTERS)]
    bottom = MARGIN_INCHES + _NOTE_INCHES * len(notes) + (0.1 if notes else 0.0)
    heading = heading_inches(words.summary)
    height = bottom + room_inches + heading
    figure = blank(height, medium.width, layout="none")
    better = "higher" if context.direction == "maximize" else "lower"
    head(figure, f"{context.title} · {context.metric}, {better} is better", words.title, words.summary)
    for line, text in enumerate(reversed(notes)):
        _write(figure, 0.28 + _NOTE_INCHES * line, text, 9.0, LIGHT.muted)
    return Sheet(figure, medium.width, height, bottom, height - heading)


def head(figure: Figure, above: str, title: str, summary: str) -> None:
    """Writes over everything what it belongs to, what it is and, on up to three lines, what to take from it."""
    height = float(figure.get_figheight())
    _write(figure, height - 0.32, above, 9.5, LIGHT.muted)
    _write(figure, height - 0.62, title, 16.0, LIGHT.ink, weight="bold")
    for line, text in enumerate(_lines(summary)):
        _write(figure, height - 0.92 - _LINE_INCHES * line, text, 11.0, LIGHT.ink)


def heading_inches(summary: str) -> float:
    """Height of what ``head`` writes."""
    return _HEADING_INCHES + _LINE_INCHES * max(len(_lines(summary)) - 1, 0)


def _lines(summary: str) -> list[str]:
    return textwrap.wrap(summary, _SUMMARY_CHARACTERS, max_lines=3, placeholder=" …")


def _write(figure: Figure, up: float, text: str, size: float, colour: str, weight: str = "normal") -> None:
    place = MARGIN_INCHES / figure.get_figwidth(), up / figure.get_figheight()
    figure.text(*place, text, size=size, color=colour, weight=weight, parse_math=False)


def panels(
    n_panels: int,
    n_columns: int,
    panel_height: float,
    *,
    titles: Sequence[str] = (),
    share_y: bool = False,
) -> tuple[Figure, list[Axes]]:
    """A figure with panels in rows, in the calm style.

    Args:
        n_panels: Number of panels.
        n_columns: In a row, at most.
        panel_height: Inches of one row.
        titles: Of the panels.
        share_y: Whether all panels have one vertical scale.
    """
    n_columns = max(1, min(n_columns, n_panels))
    n_rows = -(-n_panels // n_columns)
    figure = blank(n_rows * panel_height + 0.1)
    every = figure.subplots(n_rows, n_columns, squeeze=False, sharey=share_y).ravel().tolist()
    for unused in every[n_panels:]:
        unused.remove()
    # The panel of two columns is as wide as that of a narrow screen, of which less is left beside long names.
    most = int(0.78 * PANELS_INCHES / max(n_columns, 2) / TITLE_LETTER_INCHES)
    for k, axes in enumerate(every[:n_panels]):
        calm(axes, textwrap.fill(shortened(titles[k], 80), most) if k < len(titles) else "")
    return figure, every[:n_panels]


def blank(
    height: float, width: float = PANELS_INCHES, layout: Literal["constrained", "none"] = "constrained"
) -> Figure:
    """An empty figure of the common resolution on paper, in which axes find their own places unless told otherwise."""
    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor=LIGHT.paper, layout=layout)  # type: ignore[arg-type]


def calm(axes: Axes, title: str = "") -> Axes:
    """Puts axes in the style of all figures."""
    axes.set_facecolor(LIGHT.paper)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(side == "bottom")
        axes.spines[side].set_color(LIGHT.rule)
    axes.tick_params(colors=LIGHT.muted, labelsize=9, length=0, pad=4, which="both")
    if title:
        axes.set_title(title, loc="left", size=10, color=LIGHT.ink, pad=6, parse_math=False)
    return axes


def labelled(axes: Axes, x: str = "", y: str = "") -> None:
    """Writes what the axes measure."""
    if x:
        axes.set_xlabel(x, size=9.5, color=LIGHT.muted, parse_math=False)
    if y:
        axes.set_ylabel(y, size=9.5, color=LIGHT.muted, parse_math=False)


def gridded(axes: Axes, axis: Literal["x", "y", "both"] = "y") -> None:
    """Quiet lines to read values by."""
    axes.grid(axis=axis, color=LIGHT.rule, linewidth=0.6)


def whole_numbers(axes: Axes, axis: str = "x", most: int = 6) -> None:
    """Ticks at whole numbers."""
    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_locator(MaxNLocator(most, integer=True))


def in_percent(*every: Axis) -> None:
    """Writes shares in percent, with as many decimals as tell the ticks apart."""
    for axis in every:
        axis.set_major_formatter(PercentFormatter(1.0))


def logarithmic(axes: Axes) -> None:
    """A logarithmic vertical axis with ticks at 1, 2 and 5, or at powers of ten where it is long."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(_short))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _short(value: float, place: int | None) -> str:
    return number_text(value)


def colour_bar(figure: Figure, image: ScalarMappable, axes: Axes | Sequence[Axes], what: str = "") -> None:
    """What the colours of an image mean, beside it."""
    bar = figure.colorbar(image, ax=axes, fraction=0.025, pad=0.01)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8.5, colors=LIGHT.muted, length=0)
    labelled(bar.ax, y=what)


def set_ticks(axes: Axes, x: Sequence[Tick] | None = None, y: Sequence[Tick] | None = None) -> None:
    """Puts the ticks on either axis, their texts as they are written (a ``$`` starts no formula)."""
    if x is not None:
        axes.set_xticks([tick.place for tick in x], [tick.text for tick in x], parse_math=False)
    if y is not None:
        axes.set_yticks([tick.place for tick in y], [tick.text for tick in y], parse_math=False)


def named_ticks(axes: Axes, axis: str, names: Sequence[str], *, n_characters: int = 22, rotation: float = 0) -> None:
    """One tick for each name, from 0."""
    ticks = [Tick(place, shortened(name, n_characters)) for place, name in enumerate(names)]
    set_ticks(axes, **{axis: ticks})
    if rotation:
        for label in axes.get_xticklabels():
            label.set(rotation=rotation, ha="right", rotation_mode="anchor")


def class_colour(index: int) -> str:
    """The colour of a class."""
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def class_marker(index: int) -> str:
    """The mark of a class; with the colour, the pair differs for the first sixty classes."""
    return MARKERS[index % len(MARKERS)]


def class_label(names: Sequence[str], index: int) -> str | None:
    """What a legend calls a class; None beyond those that a legend has room for."""
    return shortened(names[index], 24) if index < MOST_NAMED else None


def legend(drawn: Sheet, axes: Axes, n_columns: int = 9) -> None:
    """Names the marks over the axes, in one line or, where that is too long, in more, for which the axes make room."""
    place = (MARGIN_INCHES / drawn.width - 0.004, drawn.top / drawn.height)
    how = {"loc": "upper left", "bbox_to_anchor": place, "borderpad": 0, "borderaxespad": 0}
    n_labels = len(axes.get_legend_handles_labels()[1])
    n_columns = n_wanted = min(n_columns, n_labels)
    while (put := _legend(drawn.figure, [axes], n_columns, **how)) is not None:
        with _unknown_letters_drawn():
            fits = put.get_window_extent().x1 <= drawn.figure.bbox.x1
        if fits or n_columns == 1:
            break
        put.remove()
        n_columns -= 1
    if n_columns < n_wanted:
        box = axes.get_position()
        n_more = -(-n_labels // n_columns) + -n_labels // n_wanted
        axes.set_position((box.x0, box.y0, box.width, box.height - n_more * _LINE_INCHES / drawn.height))


def legend_below(figure: Figure, axes: Axes | Sequence[Axes], n_columns: int = 4) -> None:
    """What the marks mean, those of several axes together, under all panels, in as many columns as fit the figure."""
    every = [axes] if isinstance(axes, Axes) else axes
    labels = [label for one in every for label in one.get_legend_handles_labels()[1]]
    _legend(figure, every, min(n_columns, _columns_that_fit(figure, labels)), loc="outside lower left")


def legend_again(figure: Figure, legend: Legend) -> None:
    """Puts a legend under the panels anew, in as many columns as fit the figure, which is made higher for its lines."""
    most = int((figure.get_figwidth() - 0.5) / _LETTER_INCHES)
    labels = [textwrap.fill(text.get_text(), most) for text in legend.get_texts()]
    n_columns = _columns_that_fit(figure, labels)
    handles = [handle for handle in legend.legend_handles if handle is not None]
    legend.remove()
    n_lines = -(-len(labels) // n_columns) * max(label.count("\n") + 1 for label in labels)
    figure.set_figheight(figure.get_figheight() + _NOTE_INCHES * n_lines)
    _put_legend(figure, handles, labels, n_columns, loc="outside lower left")


def _columns_that_fit(figure: Figure, labels: Sequence[str]) -> int:
    longest = max((len(line) for label in labels for line in label.splitlines()), default=0)
    return max(1, int(figure.get_figwidth() / (_LETTER_INCHES * longest + 0.4)))


def _legend(figure: Figure, every: Sequence[Axes], n_columns: int, **place: Any) -> Legend | None:
    pairs = [pair for axes in every for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    if not pairs:
        return None
    handles, labels = zip(*pairs, strict=True)
    return _put_legend(figure, handles, labels, n_columns, **place)


def _put_legend(
    figure: Figure, handles: Sequence[Artist], labels: Sequence[str], n_columns: int, **place: Any
) -> Legend:
    drawn = figure.legend(
        handles,
        labels,
        ncols=min(n_columns, len(labels)),
        frameon=False,
        fontsize=9,
        labelcolor=LIGHT.muted,
        handletextpad=0.4,
        handlelength=1.6,
        markerscale=0.85,
        columnspacing=1.3,
        **place,
    )
    for text in drawn.get_texts():
        text.set_parse_math(False)
    return drawn


def halo() -> list[AbstractPathEffect]:
    """An outline in the colour of the paper, for text that stands on lines."""
    return [Stroke(linewidth=2.5, foreground=LIGHT.paper), Normal()]


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    file = io.BytesIO()
    with _unknown_letters_drawn():
        FigureCanvasAgg(figure)
        figure.savefig(file, format="png", pil_kwargs={"compress_level": _COMPRESSION})
    return file.getvalue()


@contextmanager
def _unknown_letters_drawn() -> Iterator[None]:
    """A name in a script that the font lacks shows boxes: no reason to disturb the user."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def keep_layout(figure: Figure) -> None:
    """Leaves everything where it is from now on: to lay a figure out takes longer than to draw it."""
    figure.set_layout_engine("none")


def svg(figure: Figure, name: str, title: str, description: str = "") -> Markup:
    """The figure as an ``svg`` element whose colours are the page's, for light, dark and paper; its texts are text.

    Args:
        figure: Drawn in the colours of ``palette.LIGHT``.
        name: Makes its identifiers its own on the page.
        title: What a screen reader calls it.
        description: What is to be seen in it.
    """
    file = io.StringIO()
    with _unknown_letters_drawn(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        FigureCanvasSVG(figure)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    before, _, rest = text.partition("<metadata>")
    text = before + rest.partition("</metadata>")[2]
    # Two images that are alike would have one identifier, which nothing refers to.
    text = re.sub(r'(<image\b[^<>]*?) id="[^"]*"', r"\1", text)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(xlink:href|href)="#', rf'\1="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = _HEX.sub(lambda found: PROPERTIES.get(found[0], found[0]), text)
    text = text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(title)}" ', 1)
    said = f"<desc>{html.escape(description)}</desc>" if description else ""
    return Markup(re.sub(r"(<svg\b[^<>]*>)", lambda found: found[0] + said, text, count=1))
