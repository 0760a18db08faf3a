"""The style that all figures of the page share.

Colours are names of the page's CSS properties, such as ``var(--ink)``: the page's script fills them in, for light, dark
and paper.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from ..figures.axes import Tick

INK, MUTED, RULE, PAPER, PANEL = "var(--ink)", "var(--muted)", "var(--rule)", "var(--paper)", "var(--panel)"
COMPLETE, PRUNED, BEST, BAND, FANOVA = (
    "var(--complete)",
    "var(--pruned)",
    "var(--best)",
    "var(--band)",
    "var(--fanova)",
)
# d3's format of ticks: as many decimals as they need, since whole percents would name two of them alike.
PERCENT = "~%"
SCALE = [[step / 4, f"var(--scale-{step})"] for step in range(5)]
REVERSED_SCALE = [[step / 4, f"var(--scale-{4 - step})"] for step in range(5)]


def layout(**changes: Any) -> dict[str, Any]:
    """A figure's layout, with changes for one figure."""
    calm: dict[str, Any] = {
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif", "size": 13, "color": INK},
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "hoverlabel": {"bgcolor": PAPER, "bordercolor": RULE, "font": {"color": INK}},
        "hovermode": "closest",
        "showlegend": False,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": MUTED, "activecolor": INK},
    }
    return {**calm, **changes}


def axis(title: str = "", ticks: Sequence[Tick] | None = None, **changes: Any) -> dict[str, Any]:
    """An axis in the calm style, with given ticks where there are any."""
    calm: dict[str, Any] = {
        "title": {"text": plain(title), "font": {"size": 13, "color": MUTED}, "standoff": 8},
        "tickfont": {"size": 12, "color": MUTED},
        "gridcolor": RULE,
        "linecolor": RULE,
        "zeroline": False,
        "automargin": True,
    }
    if ticks is not None:
        calm |= {"tickvals": [tick.place for tick in ticks], "ticktext": [plain(tick.text) for tick in ticks]}
    return {**calm, **changes}


def plain(text: str) -> str:
    """Text that plotly writes as it stands, though it reads some HTML and takes ``$`` for the start of a formula."""
    return html.escape(text, quote=False).replace("$", "&#36;")
