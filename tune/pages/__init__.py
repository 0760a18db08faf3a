"""All figures of a study as one interactive page that opens without a network."""

from __future__ import annotations

from ..figures import Figures
from ..figures.words import StudyContext
from .sections import figure_sections
from .templates import rendered


def page(figures: Figures, context: StudyContext) -> str:
    """The page ``plots.html``.

    Args:
        figures: What to show; a sentence in place of a figure is shown as such.
        context: How to name and write things.
    """
    sections, drawn = figure_sections(figures, context)
    return rendered("plots.html", sections, drawn, context=context)
