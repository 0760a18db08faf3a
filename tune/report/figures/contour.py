"""Where good scores lie, for pairs of the most important hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from optuna.trial import FrozenTrial, TrialState

from .axes import ParameterAxis, ScoreAxis, parameter_axis, score_axis
from .interactive import PAGE, axis, layout, plain
from .palette import LIGHT, crowding
from .scores import Point, Stars, scored_trials, stars, what_helps
from .sections import THIRD, Section, section
from .sheets import MARGIN_INCHES, SCALE, Sheet, legend, set_ticks, sheet
from .words import StudyContext, Words, shortened

MOST_PARAMETERS = 4
# A pair is read off nine places, a low, a middle and a high value of each.
FEWEST_TRIALS = 10
NEVER_TOGETHER = "no complete trial has both"
_N_CELLS = 64
_N_COLOURS = 10
_PANEL_INCHES = 2.7
_MOST_COLUMNS = 3
_LEGEND_INCHES = 0.3
_MOST_LEVEL_CHARACTERS = 20


class Spot(NamedTuple):
    """A trial on a panel: its place on both axes, in 0..1, slightly moved where an axis has levels."""

    x: float
    y: float
    number: int


class Panel(NamedTuple):
    """One pair of hyperparameters.

    Attributes:
        x: Horizontal axis; its places and texts belong to the complete trials, then the pruned ones.
        y: Vertical axis.
        surface: Smoothed score, a row for each cell of ``y`` and a column for each of ``x``; NaN where nothing near
            was tried. A hyperparameter with levels has a cell a level, any other 64.
        complete: The complete trials; None for one that lacks one of the two.
        pruned: The pruned ones, likewise.
    """

    x: ParameterAxis
    y: ParameterAxis
    surface: Float[np.ndarray, "y_cells x_cells"]
    complete: tuple[Spot | None, ...]
    pruned: tuple[Spot | None, ...]

    def marks(self, selected: int) -> tuple[list[Spot], list[Spot], list[Spot]]:
        """What is to be seen: the pruned trials, the complete ones, neither with the selected one, and that."""
        pruned, complete = ([spot for spot in spots if spot] for spots in (self.pruned, self.complete))
        star = [spot for spot in (*pruned, *complete) if spot.number == selected]
        return [one for one in pruned if one not in star], [one for one in complete if one not in star], star


@dataclass(frozen=True)
class ContourInfo:
    """Panels, from the most important pair.

    Attributes:
        panels: One a pair.
        points: Numbers and scores of the complete trials.
        stars: The trial to use, and the search's best where that is another one.
        score_axis: What the colours mean.
        words: What to write around the figure.
    """

    panels: tuple[Panel, ...]
    points: tuple[Point, ...]
    stars: Stars
    score_axis: ScoreAxis
    words: Words


def contour_info(trials: Sequence[FrozenTrial], names: Sequence[str], context: StudyContext) -> ContourInfo | str:
    """Score surfaces over pairs of hyperparameters, or a sentence that says why there are none.

    Args:
        trials: All trials of the study.
        names: Hyperparameters that varied among the complete trials, from the most important.
        context: How to write things.
    """
    complete = scored_trials(trials)
    if (n_complete := sum(one.trial.state == TrialState.COMPLETE for one in complete)) < FEWEST_TRIALS:
        return (
            f"a contour needs at least {FEWEST_TRIALS} complete trials, and this study has "
            f"{n_complete}{what_helps(FEWEST_TRIALS, n_complete, trials)}"
        )
    if len(names) < 2:
        varied = f"only {context.label(names[0])} varied" if names else "none varied"
        return f"a contour needs two hyperparameters, and {varied} among the complete trials"

    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    placed = [*(scored.trial for scored in complete), *pruned]
    axes = [parameter_axis(name, placed, context) for name in names[:MOST_PARAMETERS]]
    every, pointed_out = [scored.score for scored in complete], stars(trials, context)
    axis = score_axis(every, context)
    # One outlier far beyond the colours must not tint its whole neighbourhood, and no colour means what none scored.
    low, high = max(axis.low, min(every)), min(axis.high, max(every))
    ticks = tuple(tick for tick in axis.ticks if low <= tick.place <= high)
    colours = axis._replace(low=low, high=high, ticks=ticks) if low < high else axis
    scores = np.clip(every, colours.low, colours.high)
    panels = []
    for x, y in combinations(axes, 2):
        # Names of levels have more room beside an axis than under it.
        x, y = (y, x) if x.levels and not y.levels else (x, y)
        spots = _spots(x, y, [trial.number for trial in placed])
        panels.append(Panel(x, y, _surface(x, y, scores), spots[: len(complete)], spots[len(complete) :]))

    own = next((n for n, trial in enumerate(placed) if trial.number == pointed_out.number), 0)
    values = ", ".join(f"{axis.label} {axis.texts[own] or 'none'}" for axis in axes)
    notes = ["Colour: mean of the complete trials near by, whatever their other hyperparameters."]
    notes.append("Grey: nothing near by was tried to the end.")
    if len(names) > MOST_PARAMETERS:
        notes.append(f"The {MOST_PARAMETERS} most important of {len(names)} hyperparameters that varied.")
    return ContourInfo(
        tuple(panels),
        tuple(scored.point for scored in complete),
        pointed_out,
        colours,
        Words(
            f"{context.metric_title} over pairs of hyperparameters",
            f"{pointed_out.sentence} It has {values}.",
            tuple(notes),
        ),
    )


def _spots(x: ParameterAxis, y: ParameterAxis, numbers: Sequence[int]) -> tuple[Spot | None, ...]:
    # The two ratios fill a plane evenly (the plastic number; M. Roberts, "The unreasonable effectiveness of
    # quasirandom sequences", 2018).
    places = zip(x.spread(numbers, 0.7548776662466927), y.spread(numbers, 0.5698402909980532), numbers, strict=True)
    return tuple(None if across is None or up is None else Spot(across, up, number) for across, up, number in places)


def _surface(
    x: ParameterAxis, y: ParameterAxis, scores: Float[np.ndarray, " trials"]
) -> Float[np.ndarray, "y_cells x_cells"]:
    """Nadaraya-Watson mean of the scores on a grid, with Gaussian weights over ranges and none between levels.

    Args:
        x: Horizontal axis; its first places are those of ``scores``.
        y: Vertical axis, likewise.
        scores: Of the complete trials.
    """
    pairs = zip(x.places[: len(scores)], y.places[: len(scores)], strict=True)
    has_both = np.array([across is not None and up is not None for across, up in pairs], dtype=bool)
    # Scott's rule for two dimensions, on places that spread over the unit interval.
    bandwidth = 0.25 * max(int(has_both.sum()), 1) ** (-1 / 6)
    across, up = (_weights(axis, len(scores), has_both, bandwidth) for axis in (x, y))
    total = up @ across.T
    # A lone trial colours what lies within two bandwidths of it.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > np.exp(-2), (up * scores[has_both]) @ across.T / total, np.nan)


def cells(axis: ParameterAxis) -> Float[np.ndarray, " cells"]:
    """Where the columns or rows of a surface are, in 0..1: the middle of each level, or evenly from end to end."""
    n_levels = len(axis.levels)
    return (np.arange(n_levels) + 0.5) / n_levels if n_levels else np.linspace(0.0, 1.0, _N_CELLS)


def _weights(
    axis: ParameterAxis, n_trials: int, has_both: Bool[np.ndarray, " trials"], bandwidth: float
) -> Float[np.ndarray, "cells chosen"]:
    places = np.array(axis.places[:n_trials], dtype=float)[has_both]
    distances = np.abs(cells(axis)[:, None] - places)
    if axis.levels:
        return np.where(distances < 0.5 / len(axis.levels), 1.0, 0.0)
    return np.asarray(np.exp(-0.5 * (distances / bandwidth) ** 2))


def draw_contour(info: ContourInfo, context: StudyContext) -> Sheet:
    """The score over pairs of hyperparameters, a panel a pair."""
    n_columns = min(len(info.panels), _MOST_COLUMNS)
    n_rows = math.ceil(len(info.panels) / n_columns)
    panel_height = _PANEL_INCHES * (1.5 if n_columns == 1 else 1.0)
    drawn = sheet(info.words, context, n_rows * panel_height + _LEGEND_INCHES)
    top_inches = drawn.top - _LEGEND_INCHES
    left, right = MARGIN_INCHES, drawn.width - 1.1
    panel_width = (right - left) / n_columns
    bounds = np.linspace(info.score_axis.low, info.score_axis.high, _N_COLOURS + 1)
    colours = ScalarMappable(BoundaryNorm(bounds, SCALE.N), SCALE if context.sign > 0 else SCALE.reversed())
    for index, panel in enumerate(info.panels):
        start = left + index % n_columns * panel_width
        top = top_inches - index // n_columns * panel_height
        axes = drawn.axes(start + 1.0, top - panel_height + 0.68, start + panel_width - 0.1, top)
        _draw_surface(axes, panel, colours, bounds)
        _draw_spots(axes, panel, info.stars)
    bar = drawn.axes(right + 0.2, drawn.bottom + 0.68, right + 0.33, top_inches)
    colour_bar = drawn.figure.colorbar(colours, cax=bar)
    colour_bar.outline.set_visible(False)
    colour_bar.minorticks_off()
    set_ticks(bar, y=info.score_axis.ticks)
    bar.tick_params(length=0)
    bar.set_ylabel(context.metric, color=LIGHT.muted, size=10, parse_math=False)
    legend(drawn, drawn.figure.axes[0])
    return drawn


def _draw_surface(axes: Axes, panel: Panel, colours: ScalarMappable, bounds: Float[np.ndarray, " bounds"]) -> None:
    axes.set_facecolor(LIGHT.panel)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    surface = np.ma.masked_invalid(panel.surface)
    style: dict[str, Any] = {"norm": colours.norm, "cmap": colours.cmap}
    if panel.x.levels or panel.y.levels:
        axes.pcolormesh(_edges(panel.x), _edges(panel.y), surface, **style)
    elif surface.count():
        axes.contourf(cells(panel.x), cells(panel.y), surface, levels=bounds, **style)
    for along, draw_line in ((panel.x, axes.axvline), (panel.y, axes.axhline)):
        for edge in _edges(along)[1:-1] if along.levels else ():
            draw_line(edge, color=LIGHT.paper, linewidth=2)
    axes.set_xlabel(shortened(panel.x.label, 36), color=LIGHT.ink, size=10, parse_math=False)
    axes.set_ylabel(shortened(panel.y.label, 30), color=LIGHT.ink, size=10, parse_math=False)
    ticks = [[tick._replace(text=shortened(tick.text, 9)) for tick in each.ticks] for each in (panel.x, panel.y)]
    set_ticks(axes, *ticks)
    if panel.x.levels and sum(len(tick.text) for tick in ticks[0]) > _MOST_LEVEL_CHARACTERS:
        axes.tick_params(axis="x", labelrotation=25)


def _draw_spots(axes: Axes, panel: Panel, pointed_out: Stars) -> None:
    size = crowding(len(panel.complete), 60)
    rim: dict[str, Any] = {"edgecolors": "white"}
    styles: tuple[dict[str, Any], ...] = (
        {"marker": "o", "s": 16 * size, "facecolors": "white", "edgecolors": LIGHT.ink, "linewidths": size},
        {"marker": "o", "s": 20 * size, "color": LIGHT.ink, "linewidths": 0.7 * size, **rim},
        {"marker": "*", "s": 190, "color": LIGHT.best, "linewidths": 0.9, **rim},
    )
    marks = panel.marks(pointed_out.number)
    for label, spots, style in zip(("pruned", "complete", pointed_out.label), marks, styles, strict=True):
        if spots:
            across, up, _ = zip(*spots, strict=True)
            axes.scatter(across, up, label=label, clip_on=False, zorder=4, **style)
    if not any(panel.complete):
        axes.text(0.5, 0.5, NEVER_TOGETHER, ha="center", va="center", size=9, color=LIGHT.muted)


def _edges(along: ParameterAxis) -> Float[np.ndarray, " edges"]:
    places = cells(along)
    if along.levels:
        return np.linspace(0, 1, len(places) + 1)
    return np.concatenate(([0.0], (places[1:] + places[:-1]) / 2, [1.0]))


def contour_section(info: ContourInfo, context: StudyContext) -> Section:
    """The same for the page, a figure a pair."""
    ends = info.score_axis.low, info.score_axis.high
    return section(
        "contour",
        info.words,
        panels={f"contour-{index}": _figure(panel, info, context) for index, panel in enumerate(info.panels)},
        least_width=THIRD,
        scale_ends=tuple(context.score(end) for end in ends[:: context.sign]),
        key=f"● complete   ○ pruned   ★ {info.stars.label}",
        heading="Pairs",
    )


def _figure(panel: Panel, info: ContourInfo, context: StudyContext) -> str:
    scores = {point.number: context.score(point.score) for point in info.points}
    placed = zip((*panel.complete, *panel.pruned), panel.x.texts, panel.y.texts, strict=True)
    texts = {
        spot.number: plain(
            f"trial {spot.number} ({scores.get(spot.number, 'pruned')}): {panel.x.label} {across}, {panel.y.label} {up}"
        )
        for spot, across, up in placed
        if spot
    }

    def marks(spots: Sequence[Spot], **marker: Any) -> go.Scatter:
        return go.Scatter(
            # As arrays plotly takes them as they are.
            x=np.array([spot.x for spot in spots], np.float32),
            y=np.array([spot.y for spot in spots], np.float32),
            text=[texts[spot.number] for spot in spots],
            mode="markers",
            marker=marker,
            hovertemplate="%{text}<extra></extra>",
        )

    pruned, complete, star = panel.marks(info.stars.number)
    size = crowding(len(panel.complete), 60) ** 0.5
    titles = [shortened(each.label, 36) for each in (panel.x, panel.y)]
    # The margin keeps marks at the ends of a range whole.
    inside = {"range": [-0.02, 1.02], "showgrid": False, "fixedrange": True}
    never = {"text": NEVER_TOGETHER, "x": 0.5, "y": 0.5, "showarrow": False, "font": {"color": PAGE.muted}}
    # On a surface of all colours, only dark with a white rim is seen everywhere: these colours are not the page's.
    rim = {"color": LIGHT.paper, "width": 0.7}
    figure = go.Figure(
        [
            _surface_trace(panel, info, context),
            marks(pruned, color=LIGHT.paper, size=6 * size, line={"color": LIGHT.ink, "width": 1}),
            marks(complete, color=LIGHT.ink, size=7 * size, line=rim),
            marks(star, color=LIGHT.best, size=16, symbol="star", line=rim),
        ],
        layout(
            height=310,
            plot_bgcolor=PAGE.panel,
            xaxis=axis(titles[0], panel.x.ticks, **inside),
            yaxis=axis(titles[1], panel.y.ticks, **inside),
            annotations=[] if any(panel.complete) else [never],
        ),
    )
    return str(figure.to_json())


def _surface_trace(panel: Panel, info: ContourInfo, context: StudyContext) -> go.Contour | go.Heatmap:
    low, high = info.score_axis.low, info.score_axis.high
    shared = {
        "x": cells(panel.x),
        "y": cells(panel.y),
        # Four bytes a score, which plotly neither looks at one by one nor writes out.
        "z": panel.surface.astype(np.float32),
        "zmin": low,
        "zmax": high,
        "colorscale": [[step / 4, colour] for step, colour in enumerate(PAGE.scale[:: context.sign])],
        "showscale": False,
        "hoverinfo": "skip",
    }
    if panel.x.levels or panel.y.levels:
        gaps = {"xgap": 2 if panel.x.levels else 0, "ygap": 2 if panel.y.levels else 0}
        return go.Heatmap(**shared, **gaps)
    step = (high - low) / _N_COLOURS
    steps = {"coloring": "fill", "start": low + step, "end": high - step, "size": step}
    return go.Contour(**shared, autocontour=False, contours=steps, line={"width": 0}, connectgaps=False)
