"""The figures of a study as PNG pictures, one a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..figures import TITLES, Figures, ParetoInfo
from ..figures.words import StudyContext
from .contour import contour_sheet
from .history import history_sheet
from .importances import importances_sheet
from .parallel import parallel_sheet
from .pareto import pareto_sheet
from .sheets import Sheet, empty_sheet, png

Info = TypeVar("Info")


def pictures(figures: Figures, context: StudyContext, pareto: ParetoInfo | str | None = None) -> dict[str, bytes]:
    """The PNG file of every figure, by file name; where a figure cannot be drawn, the picture says why."""
    sheets = {
        "optimization_history.png": _sheet(figures.history, history_sheet, TITLES["history"], context),
        "param_importances.png": _sheet(figures.importances, importances_sheet, TITLES["importances"], context),
        "parallel_coordinate.png": _sheet(figures.parallel, parallel_sheet, TITLES["parallel"], context),
        "contour_plot.png": _sheet(figures.contour, contour_sheet, TITLES["contour"], context),
    }
    if pareto is not None:
        sheets["pareto_front.png"] = _sheet(pareto, pareto_sheet, TITLES["pareto"], context)
    return {name: png(drawn.figure) for name, drawn in sheets.items()}


def _sheet(info: Info | str, draw: Callable[[Info, StudyContext], Sheet], title: str, context: StudyContext) -> Sheet:
    return empty_sheet(title, info, context) if isinstance(info, str) else draw(info, context)
