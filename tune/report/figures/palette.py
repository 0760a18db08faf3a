"""The colours of all figures: calm, told apart by colour-blind people, and readable when printed in grey.

Marks are told apart by shape as well. Blue, vermilion and sky blue are of the Okabe-Ito palette (M. Okabe and K. Ito,
"Color Universal Design", 2008); the scale is ColorBrewer's YlGnBu, whose lightness falls steadily (C. Brewer, 2003).
"""

from __future__ import annotations

from typing import NamedTuple


def crowding(n_marks: int, n_comfortable: int) -> float:
    """What to multiply the area of marks with, so that a thousand of them are not one blot."""
    return min(1.0, max(0.15, n_comfortable / max(n_marks, 1)))


class Palette(NamedTuple):
    """Colours by what they mean.

    Attributes:
        paper: Background of the page and the figures.
        panel: Background of a panel, where nothing was tried.
        ink: Titles and values.
        muted: Everything that explains.
        rule: Axes and grid.
        complete: Complete trials.
        pruned: Trials stopped early.
        best: The best trial, and the best so far.
        band: What is as good as the best within noise.
        fanova: The second of two methods side by side.
        most: The whole of a class there; white text stands on it.
        scale: From the worst to the best score.
    """

    paper: str
    panel: str
    ink: str
    muted: str
    rule: str
    complete: str
    pruned: str
    best: str
    band: str
    fanova: str
    most: str
    scale: tuple[str, ...]


LIGHT = Palette(
    paper="#ffffff",
    panel="#eef0f3",
    ink="#1b2733",
    muted="#566270",
    rule="#d5dae0",
    complete="#0072b2",
    pruned="#9aa4ae",
    best="#c94f00",
    band="#fbe6d4",
    fanova="#007a5a",
    most="#0067a0",
    scale=("#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8", "#0c2c84"),
)
DARK = Palette(
    paper="#12181f",
    panel="#232c36",
    ink="#e8edf2",
    muted="#a5b1bd",
    rule="#3a4552",
    complete="#56b4e9",
    pruned="#76828e",
    best="#ff9a57",
    band="#3d2a1d",
    fanova="#3fc39a",
    most="#0f78b8",
    scale=("#3f55b5", "#2c7fb8", "#41b6c4", "#a1dab4", "#f4f9c4"),
)


def properties(palette: Palette) -> dict[str, str]:
    """The palette as custom properties of CSS, from which a page's figures take their colours."""
    colours = palette._asdict()
    scale = colours.pop("scale")
    return {**colours, **{f"scale-{index}": colour for index, colour in enumerate(scale)}}


# What a colour of the light palette is called on a page.
PROPERTIES = {colour: f"var(--{name})" for name, colour in properties(LIGHT).items()}
