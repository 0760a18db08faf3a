"""Pictures of the report for the dashboard, which shows no pages."""

from __future__ import annotations

from collections.abc import Iterator

from ..figures.curves import curves_info
from ..plots.confusion import confusion_sheet
from ..plots.curves import curves_sheet
from ..plots.sheets import png
from .classes import confusion_of
from .facts import Facts


def report_pictures(facts: Facts) -> Iterator[tuple[str, bytes]]:
    """PNG files by their names; of what there is nothing to see, none."""
    curves = curves_info(facts.trials, facts.context)
    if not isinstance(curves, str):
        yield "learning_curves.png", png(curves_sheet(curves, facts.context).figure)
    confusion = confusion_of(facts)
    if confusion is not None:
        yield "confusion_matrix.png", png(confusion_sheet(confusion, facts.context).figure)
