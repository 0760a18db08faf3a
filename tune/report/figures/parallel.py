"""Every trial with a score as a line across its hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from optuna.trial import FrozenTrial

from .axes import GOLDEN_RATIO, Tick, parameter_axis, score_axis
from .interactive import PAGE, layout, plain
from .palette import LIGHT
from .scores import Stars, reached, scored_trials, stars
from .sections import Section, Table, section
from .sheets import SCALE, Sheet, halo, sheet
from .words import StudyContext, Words, shortened, wrapped

MOST_AXES = 10
MOST_LINES = 300
_LABEL_CHARACTERS = 13
_N_BEST = 10


class Column(NamedTuple):
    """One axis, the score or a hyperparameter: its name, the selected trial's value or nothing, and marks in 0..1."""

    label: str
    selected: str
    ticks: tuple[Tick, ...]


class Line(NamedTuple):
    """One trial.

    Attributes:
        goodness: Its score from the worst that is shown to the best, 0..1.
        places: Where it crosses each column, 0..1; None where it lacks the hyperparameter.
        texts: What its value is in each column.
        is_complete: Whether that is its final score, and not the one that it had reached.
    """

    number: int
    goodness: float
    places: tuple[float | None, ...]
    texts: tuple[str, ...]
    is_complete: bool


@dataclass(frozen=True)
class ParallelInfo:
    """Columns and the lines across them.

    Attributes:
        columns: The score, then hyperparameters from the most important.
        lines: Unfinished trials, then complete ones, each from the worst; the selected one, drawn on top, is last.
        stars: Says which that is.
        words: What to write around the figure.
    """

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    stars: Stars
    words: Words


def parallel_info(
    trials: Sequence[FrozenTrial], names: Sequence[str], context: StudyContext, *, is_ranked: bool = False
) -> ParallelInfo | str:
    """Parallel coordinates of the trials with a score, or a sentence that says why there are none.

    Args:
        trials: All trials of the study.
        names: Hyperparameters that may have an axis.
        context: How to write things.
        is_ranked: Whether the most important of them are known, and come first.
    """
    complete, pointed_out = scored_trials(trials), stars(trials, context)
    finished = {scored.trial.number for scored in complete}
    own = None if pointed_out.selected is None else pointed_out.selected.number
    # The first of equal ones is the best, as it is for Optuna.
    every = sorted(
        [*complete, *reached(trials, context.sign)][::-1],
        key=lambda one: (one.trial.number == own, one.trial.number in finished, context.sign * one.score),
    )
    if not every:
        return "no trial has a score that can be drawn"
    drawn = every[-MOST_LINES:]
    present = [name for name in names if any(name in scored.trial.params for scored in drawn)]
    if not present:
        return "the study searches no hyperparameter"

    axis = score_axis([scored.score for scored in drawn], context)
    n_beyond = sum(axis.is_beyond(scored.score) for scored in drawn)
    first = "; the most important hyperparameters come first" if is_ranked else ""
    notes = [f"A line is a trial{first}."]
    if pointed_out.leader is not None:
        notes[0] += f" Dotted: trial {pointed_out.leader.number}, {pointed_out.leader_label}."
    if not all(scored.trial.number in finished for scored in drawn):
        notes[0] += " Grey lines were not trained to the end: at the best score they had reached."
    if len(drawn) < len(every):
        notes.append(f"Shown are the best {len(drawn)} of {len(every)} trials.")
    if len(present) > MOST_AXES:
        notes.append("Not shown: " + ", ".join(map(context.label, present[MOST_AXES:])) + ".")
    if n_beyond:
        beyond = axis.beyond_text(context)
        notes.append(f"Scores {beyond} are drawn at the end of the first axis: {n_beyond} of {len(drawn)}.")
    numbers = [scored.trial.number for scored in drawn]
    axes = [parameter_axis(name, [scored.trial for scored in drawn], context) for name in present[:MOST_AXES]]
    score_places = [axis.place(scored.score) for scored in drawn]
    places = zip(score_places, *(each.spread(numbers, GOLDEN_RATIO) for each in axes), strict=True)
    texts = zip([context.score(scored.score) for scored in drawn], *(each.texts for each in axes), strict=True)
    score_ticks = tuple(Tick(axis.place(tick.place), tick.text) for tick in axis.ticks)
    return ParallelInfo(
        (
            Column(context.metric, "" if own is None else context.score(drawn[-1].score), score_ticks),
            *(Column(each.label, "" if own is None else each.texts[-1], each.ticks) for each in axes),
        ),
        tuple(
            Line(number, place if context.sign > 0 else 1 - place, crossings, values, number in finished)
            for number, place, crossings, values in zip(numbers, score_places, places, texts, strict=True)
        ),
        pointed_out,
        Words(
            "Hyperparameters of every trial",
            f"{pointed_out.sentence} The values of trial {own} stand under the names."
            if own is not None
            else "None is complete yet.",
            tuple(notes),
        ),
    )


def draw_parallel(info: ParallelInfo, context: StudyContext) -> Sheet:
    """Every trial as a line across its hyperparameters, the selected one on top."""
    drawn = sheet(info.words, context, 5.4)
    axes = drawn.axes(0.75, drawn.bottom + 0.2, drawn.width - 0.9, drawn.top - 0.95)
    axes.set_xlim(0, len(info.columns) - 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    shares = np.arange(1, len(info.lines) + 1) / len(info.lines)
    faintest = min(0.7, 40 / len(info.lines))
    widths, opacities = 1.0 + 0.9 * shares, faintest + (0.95 - faintest) * shares**3
    widths[-1], opacities[-1] = 2.6, 1.0
    pointed_out = {point.number for point in (info.stars.selected, info.stars.leader) if point is not None}
    colours = np.array(
        [
            to_rgba(LIGHT.best)
            if line.number in pointed_out
            else SCALE(line.goodness)
            if line.is_complete
            else to_rgba(LIGHT.pruned)
            for line in info.lines
        ]
    )
    colours[:, 3] = opacities
    # A trial that lacks a hyperparameter leaves a gap.
    crossings = [np.column_stack([np.arange(len(line.places)), np.array(line.places, float)]) for line in info.lines]
    dashes = [":" if line.number in pointed_out - {info.stars.number} else "-" for line in info.lines]
    style: dict[str, Any] = {"linestyles": dashes, "capstyle": "round", "clip_on": False}
    axes.add_collection(LineCollection(crossings, colors=colours, linewidths=widths, **style))
    for place, column in enumerate(info.columns):
        _draw_column(axes, place, column)
    return drawn


def _draw_column(axes: Axes, place: int, column: Column) -> None:
    axes.axvline(place, color=LIGHT.muted, linewidth=1, zorder=3, clip_on=False)

    def write(text: str, up: float, offset: tuple[float, float], **style: Any) -> None:
        style = {"va": "bottom", "size": 9, "color": LIGHT.ink, "zorder": 6, **style}
        extra: dict[str, Any] = {"textcoords": "offset points", "annotation_clip": False, "parse_math": False}
        axes.annotate(text, (place, up), offset, **extra, **style)

    selected = shortened(column.selected, _LABEL_CHARACTERS)
    write(selected, 1, (0, 9), ha="center", size=9.5, color=LIGHT.best, weight="bold")
    write(wrapped(shortened(column.label, 36), _LABEL_CHARACTERS), 1, (0, 25), ha="center")
    for tick in column.ticks:
        text = shortened(tick.text, _LABEL_CHARACTERS)
        write(text, tick.place, (5, 0), va="center", size=8.5, path_effects=halo())


def parallel_section(info: ParallelInfo, context: StudyContext) -> Section:
    """The same for the page: lying for wide screens and standing for narrow ones, and the best trials in numbers.

    Plotly's own parallel coordinates need WebGL, which is often missing in remote and headless browsers and prints
    poorly: these are ordinary lines.
    """
    best = [line for k, line in enumerate(info.lines[::-1]) if line.is_complete or k == 0][:_N_BEST]
    own = "The best so far" if info.stars.selected is None else f"Trial {info.stars.number}, {info.stars.label}"
    table = Table(
        f"{own}, and the best of the others" if len(best) > 1 else own,
        ("trial", *(column.label for column in info.columns)),
        tuple((str(line.number), *line.texts) for line in best),
    )
    n_lines = len(info.lines)
    return section(
        "parallel",
        info.words,
        panels={"parallel": _figure(info, is_narrow=False), "parallel-narrow": _figure(info, is_narrow=True)},
        tables=(table,),
        control="n-best" if n_lines > 1 else "",
        n_lines=n_lines,
        heading="All trials",
    )


def _figure(info: ParallelInfo, *, is_narrow: bool) -> str:
    texts, lines = [], []
    for place, column in enumerate(info.columns):
        selected = plain(shortened(column.selected, _LABEL_CHARACTERS))
        if is_narrow:
            title = f"{plain(shortened(column.label, 24))} {_coloured(selected)}"
            texts.append(_text(0, place, title, xanchor="left", yanchor="bottom", yshift=3))
        else:
            label = "<br>".join(map(plain, wrapped(shortened(column.label, 36), _LABEL_CHARACTERS).split("\n")))
            texts.append(_text(place, 1, f"{label}<br>{_coloured(selected)}", yanchor="bottom", yshift=8))
        ends = (
            {"x0": 0, "x1": 1, "y0": place, "y1": place} if is_narrow else {"x0": place, "x1": place, "y0": 0, "y1": 1}
        )
        lines.append({"type": "line", "line": {"color": PAGE.muted, "width": 1}, **ends})
        for tick in column.ticks:
            text = plain(shortened(tick.text, max(9, 46 // len(column.ticks)) if is_narrow else _LABEL_CHARACTERS))
            if is_narrow:
                texts.append(_text(tick.place, place, text, yanchor="top", yshift=-2))
            else:
                texts.append(_text(place, tick.place, text, xanchor="left", xshift=4))
    n = len(info.columns)
    axes = [{"visible": False, "range": ends} for ends in (([0, 1], [n - 1, 0]) if is_narrow else ([0, n - 1], [0, 1]))]
    shape = (
        {"height": 60 + 76 * n, "margin": {"l": 16, "r": 24, "t": 36, "b": 30}}
        if is_narrow
        else {"height": 520, "margin": {"l": 48, "r": 76, "t": 84, "b": 16}}
    )
    traces = [_trace(info, group, members, is_narrow) for group, members in enumerate(_groups(info))]
    drawn = layout(annotations=texts, shapes=lines, xaxis=axes[0], yaxis=axes[1], **shape)
    return str(go.Figure(traces, drawn).to_json())


def _coloured(selected: str) -> str:
    return f"<b><span style='color:{PAGE.best}'>{selected or ' '}</span></b>"


def _text(x: float, y: float, text: str, **changes: Any) -> dict[str, Any]:
    style = {"showarrow": False, "font": {"size": 12}, "borderpad": 0, "bgcolor": PAGE.paper}
    return {"x": x, "y": y, "text": text, **style, **changes}


def _groups(info: ParallelInfo) -> list[list[Line]]:
    """Lines of one colour together: unfinished ones, complete ones from the worst, the search's best, the selected one.

    A trace for each of 300 lines would take seconds to draw.
    """
    n_colours = len(PAGE.scale)
    groups: list[list[Line]] = [[] for _ in (None, *PAGE.scale, None, None)]
    leader = None if info.stars.leader is None else info.stars.leader.number
    for line in info.lines:
        shade = 1 + min(int(line.goodness * n_colours), n_colours - 1) if line.is_complete else 0
        pointed_out = -1 if line.number == info.stars.number else -2 if line.number == leader else shade
        groups[pointed_out].append(line)
    return groups


def _trace(info: ParallelInfo, group: int, lines: Sequence[Line], is_narrow: bool) -> go.Scatter:
    """Lines as one trace with gaps; ``customdata`` is each line's rank, by which the page hides all but the best."""
    is_leader, is_selected = group == len(PAGE.scale) + 1, group == len(PAGE.scale) + 2
    columns, places, texts, ranks = [], [], [], []
    for line in lines:
        columns += [*range(len(line.places)), None]
        places += [*line.places, None]
        said = zip(info.columns, line.texts, strict=True)
        texts += [plain(f"trial {line.number} ({line.texts[0]}): {column.label} {text}") for column, text in said]
        texts.append("")
        ranks += [len(info.lines) - info.lines.index(line)] * (len(line.places) + 1)
    across, up = (places, columns) if is_narrow else (columns, places)
    colour = (PAGE.pruned, *PAGE.scale, PAGE.best, PAGE.best)[group]
    width = 3.5 if is_selected else 2 if is_leader else 1 + 0.2 * group
    return go.Scatter(
        x=across,
        y=up,
        text=texts,
        customdata=ranks,
        mode="lines",
        line={"color": colour, "width": width, "dash": "dot" if is_leader else "solid"},
        opacity=1 if is_selected or is_leader else 0.6 + 0.06 * group,
        cliponaxis=False,
        hovertemplate="%{text}<extra></extra>",
    )
