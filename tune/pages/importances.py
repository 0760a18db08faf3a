"""The importances for the page."""

from __future__ import annotations

from collections.abc import Sequence

from plotly.graph_objects import Bar, Figure, Scatter

from ..figures.importances import FANOVA_TITLE, PED_ANOVA_TITLE, ImportancesInfo, Share
from ..figures.words import shortened
from .layout import COMPLETE, FANOVA, PERCENT, axis, layout, plain

_LABEL_CHARACTERS = 22


def importances_figures(info: ImportancesInfo) -> dict[str, Figure]:
    """A figure for each of the two methods."""
    rows = info.importances
    labels = [plain(shortened(row.label, _LABEL_CHARACTERS)) for row in rows]
    common = _figure(labels, [row.ped_anova for row in rows], info.longest, COMPLETE, PED_ANOVA_TITLE)
    spread = _figure(labels, [row.fanova for row in rows], info.longest, FANOVA, FANOVA_TITLE)
    return {"importances-ped-anova": common, "importances-fanova": spread}


def _figure(labels: Sequence[str], shares: Sequence[Share | None], longest: float, colour: str, title: str) -> Figure:
    rows = list(range(len(labels)))
    known = [(row, share) for row, share in zip(rows, shares, strict=True) if share]
    means = [share.mean for _, share in known]
    texts = [f"{labels[row]}: {share.mean:.0%}, middle 80% {share.low:.0%} to {share.high:.0%}" for row, share in known]
    places = [row for row, _ in known]
    whiskers = {
        "type": "data",
        "symmetric": False,
        "array": [max(share.high - share.mean, 0) for _, share in known],
        "arrayminus": [max(share.mean - share.low, 0) for _, share in known],
        "color": colour,
        "thickness": 2,
        "width": 0,
    }
    return Figure(
        [
            Bar(x=means, y=places, orientation="h", marker={"color": colour}, opacity=0.22, hoverinfo="skip"),
            Scatter(
                x=means,
                y=places,
                error_x=whiskers,
                mode="markers",
                marker={"color": colour, "size": 8},
                text=texts,
                hovertemplate="%{text}<extra></extra>",
            ),
        ],
        layout(
            height=90 + 30 * len(labels),
            title={
                "text": title,
                "font": {"size": 14},
                "x": 0,
                "xref": "container",
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "pad": {"t": 8},
            },
            margin={"l": 10, "r": 16, "t": 40, "b": 10},
            bargap=0.35,
            xaxis=axis("", tickformat=PERCENT, rangemode="tozero", range=[0, 1.05 * longest]),
            yaxis=axis(
                "", tickvals=rows, ticktext=labels, range=[len(labels) - 0.4, -0.6], showgrid=False, ticklabelstandoff=6
            ),
        ),
    )
