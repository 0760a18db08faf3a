"""The confusion matrix for the page."""

from __future__ import annotations

from typing import Any

from plotly.graph_objects import Figure, Heatmap

from ..figures.confusion import ConfusionInfo
from ..figures.words import counted, shortened
from .layout import INK, MUTED, PANEL, axis, layout, plain

# Counts are written into cells while they are large enough to be read.
_MOST_WRITTEN = 22
_CELL_PIXELS = 26


def confusion_figures(info: ConfusionInfo) -> dict[str, Figure]:
    """The matrix with names beside it, and for narrow screens with shorter ones."""
    return {"confusion": _figure(info, 18, 11), "confusion-narrow": _figure(info, 7, 8)}


def _figure(info: ConfusionInfo, n_characters: int, text_size: int) -> Figure:
    n = len(info.names)
    places = list(range(n))
    totals = [max(int(row.sum()), 1) for row in info.counts]
    shares = [[round(int(cell) / total, 4) for cell in row] for row, total in zip(info.counts, totals, strict=True)]
    texts = [
        [
            plain(f"{true} taken for {predicted}: {counted(int(cell), 'time')} ({share:.0%})")
            for predicted, cell, share in zip(info.names, row, share_row, strict=True)
        ]
        for true, row, share_row in zip(info.names, info.counts, shares, strict=True)
    ]
    labels = [plain(shortened(name, n_characters)) for name in info.names]
    ticks: dict[str, Any] = {"tickvals": places, "ticktext": labels, "showgrid": False, "fixedrange": True}
    written = [
        {
            "x": column,
            "y": row,
            "text": str(int(info.counts[row, column])),
            "showarrow": False,
            "font": {"size": text_size, "color": "#ffffff" if share > 0.55 else INK},
        }
        for row, share_row in enumerate(shares)
        for column, share in enumerate(share_row)
        if n <= _MOST_WRITTEN and info.counts[row, column]
    ]
    return Figure(
        [
            Heatmap(
                x=places,
                y=places,
                z=shares,
                text=texts,
                zmin=0,
                zmax=1,
                colorscale=[[0, PANEL], [0.001, "var(--few)"], [1, "var(--most)"]],
                showscale=False,
                xgap=1,
                ygap=1,
                hovertemplate="%{text}<extra></extra>",
            )
        ],
        layout(
            height=140 + _CELL_PIXELS * n,
            xaxis=axis("taken for", **ticks, tickangle=-60 if n > 4 else 0, tickfont={"size": 11, "color": MUTED}),
            yaxis=axis("is", **ticks, autorange="reversed", tickfont={"size": 11, "color": MUTED}),
            annotations=written,
        ),
    )
