"""The parallel coordinates for the page, lying for wide screens and standing for narrow ones.

Plotly's own parallel coordinates need WebGL, which is often missing in remote and headless browsers and prints
poorly: these are ordinary lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plotly.graph_objects import Figure, Scatter

from ..figures.parallel import Line, ParallelInfo
from ..figures.words import shortened, wrapped
from .layout import BEST, MUTED, PAPER, SCALE, layout, plain

_LABEL_CHARACTERS = 13


def parallel_figures(info: ParallelInfo) -> dict[str, Figure]:
    """The same lines across upright axes, and down level ones for a narrow screen."""
    return {"parallel": _wide(info), "parallel-narrow": _narrow(info)}


def _wide(info: ParallelInfo) -> Figure:
    texts, lines = [], []
    for place, column in enumerate(info.columns):
        label = "<br>".join(map(plain, wrapped(shortened(column.label, 36), _LABEL_CHARACTERS).split("\n")))
        best = plain(shortened(column.best, _LABEL_CHARACTERS))
        texts.append(_text(place, 1, f"{label}<br>{_coloured(best)}", yanchor="bottom", yshift=8))
        lines.append(_axis_line(x0=place, x1=place, y0=0, y1=1))
        for tick in column.ticks:
            text = plain(shortened(tick.text, _LABEL_CHARACTERS))
            texts.append(_text(place, tick.place, text, xanchor="left", xshift=4, bgcolor=PAPER))
    return Figure(
        [_trace(info, group, members, is_narrow=False) for group, members in enumerate(_groups(info.lines))],
        layout(
            height=520,
            margin={"l": 48, "r": 76, "t": 84, "b": 16},
            xaxis={"visible": False, "range": [0, len(info.columns) - 1]},
            yaxis={"visible": False, "range": [0, 1]},
            annotations=texts,
            shapes=lines,
        ),
    )


def _narrow(info: ParallelInfo) -> Figure:
    texts, lines = [], []
    for place, column in enumerate(info.columns):
        head = f"{plain(shortened(column.label, 24))} {_coloured(plain(shortened(column.best, 16)))}"
        texts.append(_text(0, place, head, xanchor="left", yanchor="bottom", yshift=3, bgcolor=PAPER))
        lines.append(_axis_line(x0=0, x1=1, y0=place, y1=place))
        for tick in column.ticks:
            texts.append(
                _text(tick.place, place, plain(shortened(tick.text, 9)), yanchor="top", yshift=-2, bgcolor=PAPER)
            )
    return Figure(
        [_trace(info, group, members, is_narrow=True) for group, members in enumerate(_groups(info.lines))],
        layout(
            height=60 + 76 * len(info.columns),
            margin={"l": 16, "r": 24, "t": 36, "b": 30},
            xaxis={"visible": False, "range": [0, 1]},
            yaxis={"visible": False, "range": [len(info.columns) - 1, 0]},
            annotations=texts,
            shapes=lines,
        ),
    )


def _axis_line(**ends: float) -> dict[str, Any]:
    return {"type": "line", "line": {"color": MUTED, "width": 1}, **ends}


def _coloured(best: str) -> str:
    return f"<b><span style='color:{BEST}'>{best or ' '}</span></b>"


def _text(x: float, y: float, text: str, **changes: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "text": text, "showarrow": False, "font": {"size": 12}, "borderpad": 0, **changes}


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines of one colour together, from the worst; the best one, which is the last, alone.

    A trace for each of 300 lines would take seconds to draw.
    """
    groups: list[list[Line]] = [[] for _ in SCALE]
    for line in lines[:-1]:
        groups[min(int(line.goodness * len(SCALE)), len(SCALE) - 1)].append(line)
    return [*groups, [lines[-1]]]


def _trace(info: ParallelInfo, group: int, lines: Sequence[Line], is_narrow: bool) -> Scatter:
    """Lines as one trace with gaps; ``customdata`` is each line's rank, by which the page hides all but the best."""
    is_best = group == len(SCALE)
    columns, places, texts, ranks = [], [], [], []
    for line in lines:
        columns += [*range(len(line.places)), None]
        places += [*line.places, None]
        score = line.texts[0]
        texts += [
            plain(f"trial {line.number} ({score}): {column.label} {text}")
            for column, text in zip(info.columns, line.texts, strict=True)
        ]
        texts.append("")
        ranks += [len(info.lines) - info.lines.index(line)] * (len(line.places) + 1)
    across, up = (places, columns) if is_narrow else (columns, places)
    return Scatter(
        x=across,
        y=up,
        text=texts,
        customdata=ranks,
        mode="lines",
        line={"color": BEST if is_best else f"var(--scale-{group})", "width": 3.5 if is_best else 1 + 0.2 * group},
        opacity=1 if is_best else 0.5 + 0.1 * group,
        cliponaxis=False,
        hovertemplate="%{text}<extra></extra>",
    )
