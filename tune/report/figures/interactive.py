"""The style that all interactive figures of the pages share.

Colours are names of the page's CSS properties, such as ``var(--ink)``: the page's script fills them in, for light, dark
and paper.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from .axes import Tick
from .palette import LIGHT, Palette, properties

# The palette by the same names, each colour as its property of the page.
PAGE = Palette(
    **{name: f"var(--{name})" for name in LIGHT._fields if name != "scale"},
    scale=tuple(f"var(--{name})" for name in properties(LIGHT) if name.startswith("scale")),
)
# d3's format of ticks: as many decimals as they need, since whole percents would name two of them alike.
PERCENT = "~%"
LEGEND = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"}


def layout(**changes: Any) -> dict[str, Any]:
    """A figure's layout, with changes for one figure."""
    clear = "rgba(0,0,0,0)"
    family = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
    calm: dict[str, Any] = {
        "template": "none",
        "paper_bgcolor": clear,
        "plot_bgcolor": clear,
        "font": {"family": family, "size": 13, "color": PAGE.ink},
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "hoverlabel": {"bgcolor": PAGE.paper, "bordercolor": PAGE.rule, "font": {"color": PAGE.ink}},
        "hovermode": "closest",
        "showlegend": False,
        "modebar": {"bgcolor": clear, "color": PAGE.muted, "activecolor": PAGE.ink},
    }
    return {**calm, **changes}


def axis(title: str = "", ticks: Sequence[Tick] | None = None, **changes: Any) -> dict[str, Any]:
    """An axis in the calm style, with given ticks where there are any."""
    calm: dict[str, Any] = {
        "title": {"text": plain(title), "font": {"size": 13, "color": PAGE.muted}, "standoff": 8},
        "tickfont": {"size": 12, "color": PAGE.muted},
        "gridcolor": PAGE.rule,
        "linecolor": PAGE.rule,
        "zeroline": False,
        "automargin": True,
    }
    if ticks is not None:
        calm |= {"tickvals": [tick.place for tick in ticks], "ticktext": [plain(tick.text) for tick in ticks]}
    return {**calm, **changes}


def plain(text: str) -> str:
    """Text that plotly writes as it stands, though it reads some HTML and takes ``$`` for the start of a formula."""
    return html.escape(text, quote=False).replace("$", "&#36;")
