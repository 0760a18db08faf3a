"""All figures of a study as one interactive page that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence

from ..figures import Figures
from ..figures.words import StudyContext
from .sections import Drawn, figure_sections
from .templates import rendered


def page(figures: Figures, context: StudyContext, first: Sequence[Drawn] = ()) -> str:
    """The page ``plots.html``.

    Args:
        figures: What to show; a sentence in place of a figure is shown as such.
        context: How to name and write things.
        first: Sections to put before these, with their figures.
    """
    sections, drawn = figure_sections(figures, context)
    drawn.update({name: figure.to_json() for _, shown in first for name, figure in shown.items()})
    return rendered("plots.html", [*(section for section, _ in first), *sections], drawn, context=context)
