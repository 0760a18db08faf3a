"""The one style of a diagnosis' pictures: panels on a sheet of a fixed width, in the palette of all figures."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..figures.words import shortened
from ..palette import LIGHT
from ..plots.sheets import png

__all__ = ["AMOUNT", "CLASS_COLOURS", "MARKERS", "SIGNED", "class_colour", "panels", "png", "svg"]

WIDTH_INCHES = 8.6
DOTS_PER_INCH = 130
MOST_NAMED = 30
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
_OF_THE_PAGE = ("ink", "muted", "rule", "paper", "panel", "complete", "best", "fanova")
_HEX = re.compile(r"#[0-9a-f]{6}")


def class_colour(index: int) -> str:
    """The colour of a class."""
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def class_label(names: Sequence[str], index: int) -> str | None:
    """What a legend calls a class; None beyond those that a legend has room for."""
    return shortened(names[index], 24) if index < MOST_NAMED else None


def class_marker(index: int) -> str:
    """The mark of a class; with the colour, the pair differs for the first sixty classes."""
    return MARKERS[index % len(MARKERS)]


def panels(
    n_panels: int,
    n_columns: int,
    panel_height: float,
    *,
    titles: Sequence[str] = (),
    share_x: bool = False,
    share_y: bool = False,
) -> tuple[Figure, list[Axes]]:
    """A figure with panels in rows, in the calm style.

    Args:
        n_panels: Number of panels.
        n_columns: In a row, at most.
        panel_height: Inches of one row.
        titles: Of the panels.
        share_x: Whether all panels have one horizontal scale.
        share_y: Whether all panels have one vertical scale.
    """
    n_columns = max(1, min(n_columns, n_panels))
    n_rows = -(-n_panels // n_columns)
    figure = Figure(
        figsize=(WIDTH_INCHES, n_rows * panel_height + 0.1),
        dpi=DOTS_PER_INCH,
        facecolor=LIGHT.paper,
        layout="constrained",
    )
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=share_x, sharey=share_y)
    every = [axes for row in grid for axes in row]
    for unused in every[n_panels:]:
        unused.remove()
    for k, axes in enumerate(every[:n_panels]):
        calm(axes, titles[k] if k < len(titles) else "")
    return figure, every[:n_panels]


def calm(axes: Axes, title: str = "") -> None:
    """Puts axes in the style of all figures."""
    axes.set_facecolor(LIGHT.paper)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(side == "bottom")
        axes.spines[side].set_color(LIGHT.rule)
    axes.tick_params(colors=LIGHT.muted, labelsize=8.5, length=0, pad=4, which="both")
    axes.set_title(shortened(title, 48), loc="left", size=9.5, color=LIGHT.ink, pad=5, parse_math=False)


def labelled(axes: Axes, x: str = "", y: str = "") -> None:
    """Writes what the axes measure."""
    if x:
        axes.set_xlabel(x, size=9, color=LIGHT.muted, parse_math=False)
    if y:
        axes.set_ylabel(y, size=9, color=LIGHT.muted, parse_math=False)


def gridded(axes: Axes, axis: str = "y") -> None:
    """Quiet lines to read values by."""
    axes.grid(axis=axis, color=LIGHT.rule, linewidth=0.6)  # type: ignore[arg-type]


def whole_numbers(axes: Axes, axis: str = "x", most: int = 6) -> None:
    """Ticks at whole numbers."""
    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_locator(MaxNLocator(most, integer=True))


def named_ticks(axes: Axes, axis: str, names: Sequence[str], *, n_characters: int = 22, rotation: float = 0) -> None:
    """One tick for each name, from 0."""
    texts = [shortened(name, n_characters) for name in names]
    if axis == "x":
        axes.set_xticks(range(len(texts)), texts, parse_math=False)
        axes.tick_params(axis="x", labelrotation=rotation)
        if rotation:
            for tick in axes.get_xticklabels():
                tick.set_horizontalalignment("right" if 0 < rotation < 90 else "center")
    else:
        axes.set_yticks(range(len(texts)), texts, parse_math=False)


def legend_below(figure: Figure, axes: Axes | Sequence[Axes], n_columns: int = 4) -> None:
    """What the marks mean, those of several axes together, under all panels."""
    pairs = [
        pair
        for one in ([axes] if isinstance(axes, Axes) else axes)
        for pair in zip(*one.get_legend_handles_labels(), strict=True)
    ]
    if pairs:
        handles, labels = zip(*pairs, strict=True)
        drawn = figure.legend(
            handles,
            labels,
            loc="outside lower left",
            ncols=n_columns,
            frameon=False,
            fontsize=8.5,
            labelcolor=LIGHT.muted,
            handlelength=1.6,
            columnspacing=1.3,
        )
        for text in drawn.get_texts():
            text.set_parse_math(False)


def svg(figure: Figure, name: str) -> str:
    """The figure as an ``svg`` element whose colours are the page's, for light, dark and paper.

    Args:
        figure: Drawn in the colours of ``palette.LIGHT``.
        name: Makes its identifiers its own on the page.
    """
    file = io.StringIO()
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
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
    properties = {getattr(LIGHT, field): field for field in _OF_THE_PAGE}
    return _HEX.sub(lambda found: f"var(--{properties[found[0]]})" if found[0] in properties else found[0], text)
