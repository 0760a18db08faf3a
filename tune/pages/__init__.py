"""All figures of a study as one interactive page that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence

from ..figures.words import StudyContext
from .sections import Drawn, Written
from .templates import rendered


def page(searched: Written, context: StudyContext, first: Sequence[Drawn] = ()) -> str:
    """The page ``plots.html``.

    Args:
        searched: The figures of the search (``sections.figure_sections``).
        context: How to name and write things.
        first: Sections to put before these, with their figures.
    """
    sections, drawn = searched
    drawn = {**drawn, **{name: figure.to_json() for _, shown in first for name, figure in shown.items()}}
    return rendered("plots.html", [*(section for section, _ in first), *sections], drawn, context=context)
