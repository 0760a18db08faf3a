"""The score of every trial in the order they ran, and the best so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from optuna.trial import FrozenTrial, TrialState

from ...study.gain import standard_error
from .axes import ScoreAxis, score_axis
from .interactive import LEGEND, PAGE, PERCENT, axis, layout
from .palette import LIGHT, crowding
from .scores import Point, Stars, final_score, reached, stars
from .sections import Section, section
from .sheets import Sheet, gridded, halo, labelled, legend, set_ticks, sheet
from .words import StudyContext, Words, counted

# Fewer do not set the scale alone: of nine trials in a bracket one may be complete.
_FEWEST_COMPLETE = 10
BEST_SO_FAR, NO_SCORE, NOISE = "best so far", "no score", "as good as the best score, within noise"
FLOOR = "MiniRocket, handed over"

_STATE_WORDS = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}


@dataclass(frozen=True)
class HistoryInfo:
    """Every trial's score.

    Attributes:
        complete: Complete trials at their final score.
        pruned: Pruned trials at the last score they reported.
        running: Running trials at the last score they reported.
        without_score: Numbers of pruned and failed trials that have no usable score.
        best_so_far: Where the best complete score improved, and the last trial.
        initial: Complete trials whose configuration was given rather than searched.
        stars: The trial to use, and the search's best where that is another one.
        noise: Scores this close to the best may be as good as it; None where that is not known.
        axis: The scores that are shown.
        last_number: Number of the latest trial.
        words: What to write around the figure.
    """

    complete: tuple[Point, ...]
    pruned: tuple[Point, ...]
    running: tuple[Point, ...]
    without_score: tuple[int, ...]
    best_so_far: tuple[Point, ...]
    initial: tuple[Point, ...]
    stars: Stars
    noise: float | None
    axis: ScoreAxis
    last_number: int
    words: Words

    @property
    def n_beyond(self) -> int:
        """How many scores lie beyond the axis."""
        return sum(self.axis.is_beyond(point.score) for point in (*self.complete, *self.pruned, *self.running))

    def noise_band(self, context: StudyContext) -> tuple[float, float] | None:
        """The lowest and the highest score that is as good as the best within noise; None where that is not known."""
        if not self.best_so_far or not self.noise:
            return None
        best = self.best_so_far[-1].score
        low, high = sorted((best, best - context.sign * self.noise))
        return low, high

    def edge(self, context: StudyContext) -> float:
        """The bad end of the axis."""
        return self.axis.low if context.sign > 0 else self.axis.high


def noise_of(score: float, n_validation: int) -> float:
    """Two standard errors of a share of correct predictions, as a share.

    Args:
        score: Share of correct predictions, 0..1.
        n_validation: Sequences that were judged.
    """
    return 2 * standard_error(score, n_validation)


def history_info(trials: Sequence[FrozenTrial], context: StudyContext) -> HistoryInfo | str:
    """The history of a study, or a sentence that says why there is none to draw."""
    begun = [trial for trial in trials if trial.state != TrialState.WAITING]
    if not begun:
        return "no trial has begun"
    states = Counter(trial.state for trial in begun)
    counts = ", ".join(f"{states[state]} {word}" for state, word in _STATE_WORDS.items() if states[state])
    complete = tuple(Point(trial.number, score) for trial in begun if (score := final_score(trial)) is not None)
    pruned, running = (
        tuple(one.point for one in reached(begun, context.sign) if one.trial.state == state)
        for state in (TrialState.PRUNED, TrialState.RUNNING)
    )
    points = (*complete, *pruned, *running)
    if not points:
        return f"no trial has a score that can be drawn ({counts})"

    best = max(complete, key=lambda point: context.sign * point.score, default=None)
    noise = noise_of(best.score, context.n_validation) if best and context.percent and context.n_validation else None
    shown = [point.score for point in (complete if len(complete) >= _FEWEST_COMPLETE else points)]
    axis = score_axis(shown if context.floor is None else [*shown, context.floor], context)
    ended = {trial.number for trial in begun if trial.state != TrialState.RUNNING}
    given = {trial.number for trial in begun if "fixed_params" in trial.system_attrs}
    without_score = tuple(sorted(ended - {point.number for point in points}))
    pointed_out = stars(begun, context)
    return HistoryInfo(
        complete=complete,
        pruned=pruned,
        running=running,
        without_score=without_score,
        best_so_far=_best_so_far(complete, begun[-1].number, context.sign),
        initial=tuple(point for point in complete if point.number in given),
        stars=pointed_out,
        noise=noise,
        axis=axis,
        last_number=begun[-1].number,
        words=Words(
            f"{context.metric_title} of each trial",
            f"{pointed_out.sentence} {counted(len(begun), 'trial')}: {counts}.".lstrip(),
            (
                *_noise_notes(complete, best, noise, context),
                *_mark_notes(points, pruned, without_score, axis, context),
            ),
        ),
    )


def _best_so_far(complete: Sequence[Point], last_number: int, sign: int) -> tuple[Point, ...]:
    steps: list[Point] = []
    for point in complete:
        if not steps or sign * point.score > sign * steps[-1].score:
            steps.append(point)
    return (*steps, Point(last_number, steps[-1].score)) if steps else ()


def _noise_notes(
    complete: Sequence[Point], best: Point | None, noise: float | None, context: StudyContext
) -> Iterator[str]:
    if best is None:
        yield "No trial has completed yet, so there is no best one."
    elif noise is not None:
        n_close = sum(abs(best.score - point.score) <= noise for point in complete)
        yield (
            f"Differences under about {100 * noise:.1f} points are noise with {context.n_validation} validation "
            f"sequences and one seed (two standard errors, shaded): {n_close} of {len(complete)} scored trials "
            "are that close to the best."
        )


def _mark_notes(
    points: Sequence[Point],
    pruned: Sequence[Point],
    without_score: Sequence[int],
    axis: ScoreAxis,
    context: StudyContext,
) -> Iterator[str]:
    if n_beyond := sum(axis.is_beyond(point.score) for point in points):
        yield f"{counted(n_beyond, 'trial')} {axis.beyond_text(context)}: triangles at the edge."
    if pruned:
        yield "Pruned trials are shown at the best score they had reached."
    if without_score:
        yield (
            f"{counted(len(without_score), 'trial')} without a score (failed, diverged, or over a cap): ticks at the "
            "bottom."
        )


def draw_history(info: HistoryInfo, context: StudyContext) -> Sheet:
    """Every trial's score in the order they ran."""
    drawn = sheet(info.words, context, 4.9)
    axes = drawn.axes(0.95, drawn.bottom + 0.55, drawn.width - 0.35, drawn.top - 0.4)
    axes.set_ylim(info.axis.low, info.axis.high)
    axes.set_xlim(-0.02 * info.last_number - 0.5, 1.02 * info.last_number + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, steps=[1, 2, 5, 10]))
    labelled(axes, "trial")
    set_ticks(axes, y=info.axis.ticks)
    gridded(axes)
    if band := info.noise_band(context):
        axes.axhspan(max(band[0], info.axis.low), band[1], color=LIGHT.band, linewidth=0, label=NOISE)
    size = crowding(info.last_number, 90)

    def scatter(points: Sequence[Point], label: str, area: float, **style: Any) -> None:
        beyond = [point.number for point in points if info.axis.is_beyond(point.score)]
        inside = [point for point in points if point.number not in beyond]
        style = {"edgecolors": LIGHT.paper, "linewidths": 0.6 * size, "zorder": 3, "clip_on": False, "s": area, **style}
        if points:
            axes.scatter([point.number for point in inside], [point.score for point in inside], label=label, **style)
        if beyond:
            style["marker"] = "v" if context.sign > 0 else "^"
            axes.scatter(beyond, [info.edge(context)] * len(beyond), **style)

    scatter(info.pruned, "pruned", 24 * size, color=LIGHT.pruned)
    if context.floor is not None:
        axes.axhline(context.floor, color=LIGHT.fanova, linewidth=1.6, linestyle="--", label=FLOOR)
    edge = {"edgecolors": LIGHT.complete, "linewidths": 1.4 * size}
    scatter(info.running, "running", 36 * size, color=LIGHT.paper, **edge)
    scatter(info.complete, "complete", 40 * size, color=LIGHT.complete)
    outline = {"facecolors": "none", "edgecolors": LIGHT.ink, "linewidths": 1.2, "marker": "D"}
    scatter(info.initial, "default configuration", 110, **outline)
    if info.best_so_far:
        numbers, scores = zip(*info.best_so_far, strict=True)
        axes.plot(numbers, scores, drawstyle="steps-post", color=LIGHT.best, linewidth=1.8, label=BEST_SO_FAR)
    if leader := info.stars.leader:
        hollow = {"edgecolors": LIGHT.best, "linewidths": 1.3, "marker": "*"}
        scatter([leader], info.stars.leader_label, 170, color=LIGHT.paper, **hollow)
    if star := info.stars.selected:
        # Full is only what is handed over.
        colours = {"color": LIGHT.best} if context.floor is None else {"color": LIGHT.paper, "edgecolors": LIGHT.best}
        scatter([star], info.stars.label, 210, linewidths=1.2, marker="*", **colours)
        _name_star(axes, star, context)
    if info.without_score:
        ticks: dict[str, Any] = {"linestyle": "none", "marker": "|", "markersize": 9, "markeredgewidth": 1.6}
        low = [0.02] * len(info.without_score)
        transform = axes.get_xaxis_transform()
        axes.plot(info.without_score, low, transform=transform, color=LIGHT.ink, label=NO_SCORE, **ticks)
    legend(drawn, axes)
    return drawn


def _name_star(axes: Axes, star: Point, context: StudyContext) -> None:
    style: dict[str, Any] = {"ha": "center", "color": LIGHT.best, "weight": "bold", "path_effects": halo()}
    offset = (0, 9 if context.sign > 0 else -20)
    axes.annotate(context.score(star.score), star, offset, textcoords="offset points", **style)


def history_section(info: HistoryInfo, context: StudyContext) -> Section:
    """The same for the page, where a trial's score can be pointed at."""
    control = "every-score" if info.n_beyond else ""
    return section("history", info.words, panels={"history": _figure(info, context)}, control=control, heading="Search")


def _figure(info: HistoryInfo, context: StudyContext) -> str:
    size = crowding(info.last_number, 90) ** 0.5
    rim, ring = {"color": PAGE.paper, "width": 0.5}, {"color": PAGE.complete, "width": 2}
    traces = []

    def add(points: Sequence[Point], name: str, **marker: Any) -> None:
        beyond = [point for point in points if info.axis.is_beyond(point.score)]
        shared: dict[str, Any] = {"name": name, "legendgroup": name, "mode": "markers"}
        shared |= {"hovertemplate": "%{text}<extra></extra>", "cliponaxis": False}  # A mark at 100% is whole.
        if points:
            traces.append(_scatter(points, [point.score for point in points], context, marker=marker, **shared))
        if beyond:
            marker = {**marker, "symbol": "triangle-down" if context.sign > 0 else "triangle-up"}
            hidden = {"showlegend": False, "meta": "edge"}
            ends = [info.edge(context)] * len(beyond)
            traces.append(_scatter(beyond, ends, context, marker=marker, **shared, **hidden))

    add(info.pruned, "pruned", color=PAGE.pruned, size=7 * size)
    add(info.running, "running", color=PAGE.paper, size=9 * size, line=ring)
    add(info.complete, "complete", color=PAGE.complete, size=9 * size, line=rim)
    add(info.initial, "default configuration", color=PAGE.ink, size=16, symbol="diamond-open", line={"width": 1.5})
    if info.best_so_far:
        numbers, scores = zip(*info.best_so_far, strict=True)
        line = {"color": PAGE.best, "width": 2, "shape": "hv"}
        traces.append(go.Scatter(x=numbers, y=scores, name=BEST_SO_FAR, mode="lines", line=line, hoverinfo="skip"))
    if context.floor is not None:
        ends, line = [0, info.last_number], {"color": PAGE.fanova, "width": 2, "dash": "dash"}
        traces.append(go.Scatter(x=ends, y=[context.floor] * 2, name=FLOOR, mode="lines", line=line, hoverinfo="skip"))
    if leader := info.stars.leader:
        hollow = {"color": PAGE.best, "size": 15, "symbol": "star-open", "line": {"width": 1.5}}
        add([leader], info.stars.leader_label, **hollow)
    if star := info.stars.selected:
        # Full is only what is handed over.
        full: dict[str, Any] = {"symbol": "star", "line": {"color": PAGE.paper, "width": 1}}
        hollow = {"symbol": "star-open", "line": {"width": 1.5}}
        add([star], info.stars.label, color=PAGE.best, size=17, **(full if context.floor is None else hollow))
    if info.without_score:
        # On an axis of its own, so that they stay at the bottom while the scores are zoomed.
        traces.append(
            go.Scatter(
                x=info.without_score,
                y=[0.02] * len(info.without_score),
                yaxis="y2",
                name=NO_SCORE,
                mode="markers",
                marker={"symbol": "line-ns-open", "color": PAGE.ink, "size": 10, "line": {"width": 2}},
                cliponaxis=False,
                hovertemplate="trial %{x}: no score<extra></extra>",
            )
        )
    margin = 0.02 * info.last_number + 0.5
    scores_axis = {"range": [info.axis.low, info.axis.high], "tickformat": PERCENT if context.percent else ""}
    whole: dict[str, Any] = {"dtick": 1} if info.last_number < 20 else {}
    figure = go.Figure(
        traces,
        layout(
            height=440,
            showlegend=True,
            legend=LEGEND,
            xaxis=axis("trial", showgrid=False, range=[-margin, info.last_number + margin], **whole),
            yaxis=axis("", info.axis.ticks, **scores_axis),
            yaxis2={"overlaying": "y", "visible": False, "range": [0, 1], "fixedrange": True},
        ),
    )
    if band := info.noise_band(context):
        place = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": band[0], "y1": band[1], "layer": "below"}
        figure.add_shape(**place, fillcolor=PAGE.band, line_width=0, showlegend=True, name=NOISE)
    return str(figure.to_json())


def _scatter(points: Sequence[Point], places: Sequence[float], context: StudyContext, **style: Any) -> go.Scatter:
    texts = [f"trial {point.number}: {context.score(point.score)}, {style['name']}" for point in points]
    return go.Scatter(x=[point.number for point in points], y=places, text=texts, **style)
