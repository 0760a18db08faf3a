"""All figures of a search, and how each is shown: as a picture, and as a section of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from optuna.trial import FrozenTrial

from .confusion import confusion_section, draw_confusion
from .contour import MOST_PARAMETERS, ContourInfo, contour_info, contour_section, draw_contour
from .curves import curves_section, draw_curves
from .history import HistoryInfo, draw_history, history_info, history_section
from .importances import (
    ImportancesInfo,
    draw_importances,
    importances_info,
    importances_section,
    varying_parameters,
)
from .parallel import ParallelInfo, draw_parallel, parallel_info, parallel_section
from .pareto import draw_pareto, pareto_section
from .scores import with_one_value
from .sections import Section, not_drawn
from .sheets import Sheet
from .slices import slices_section
from .timeline import draw_timeline, timeline_section
from .words import StudyContext


class Kind(NamedTuple):
    """A kind of figure.

    Attributes:
        title: What to call it where it cannot be drawn.
        file: Name of the picture.
        draw: The drawing of its info; None where it is on the page only.
        section: The same on a page.
    """

    title: str
    file: str
    draw: Callable[[Any, StudyContext], Sheet] | None
    section: Callable[[Any, StudyContext], Section]


KINDS = {
    "history": Kind("The optimization history", "optimization_history.png", draw_history, history_section),
    "importances": Kind(
        "The importances of hyperparameters", "param_importances.png", draw_importances, importances_section
    ),
    "parallel": Kind("The parallel coordinates", "parallel_coordinate.png", draw_parallel, parallel_section),
    "contour": Kind("The contour plot", "contour_plot.png", draw_contour, contour_section),
    "pareto": Kind("The front of both objectives", "pareto_front.png", draw_pareto, pareto_section),
    "slices": Kind("The score along each hyperparameter", "", None, slices_section),
    "curves": Kind("Learning curves", "learning_curves.png", draw_curves, curves_section),
    "confusion": Kind("The confusion matrix", "confusion_matrix.png", draw_confusion, confusion_section),
    "timeline": Kind("The timeline of streams", "timeline.png", draw_timeline, timeline_section),
}


class Figures(NamedTuple):
    """All figures of a search; a sentence in place of one says why it cannot be drawn."""

    history: HistoryInfo | str
    importances: ImportancesInfo | str
    parallel: ParallelInfo | str
    contour: ContourInfo | str


def study_figures(trials: Sequence[FrozenTrial], context: StudyContext) -> Figures:
    """Computes all figures of a search.

    Args:
        trials: All trials of the study; of several objectives, the first is drawn.
        context: How to name and write things.
    """
    trials = [with_one_value(trial) for trial in trials]
    importances = importances_info(trials, context)
    varying = ranked_parameters(trials, importances)
    ranked = [] if isinstance(importances, str) else [row.name for row in importances.importances]
    # A hyperparameter may be searched and have had one value so far.
    searched = (name for trial in trials for name, space in trial.distributions.items() if not space.single())
    return Figures(
        history_info(trials, context),
        importances,
        parallel_info(trials, list(dict.fromkeys([*ranked, *varying, *searched])), context, is_ranked=bool(ranked)),
        why if (why := unknown_choice(importances, varying)) else contour_info(trials, varying, context),
    )


def ranked_parameters(trials: Sequence[FrozenTrial], importances: ImportancesInfo | str) -> list[str]:
    """Names of the hyperparameters that varied, the most important first where that is known."""
    varying = varying_parameters(trials)
    if isinstance(importances, str):
        return varying
    # The least important may have no row of their own.
    return list(dict.fromkeys([*(row.name for row in importances.importances if row.name in varying), *varying]))


def unknown_choice(importances: ImportancesInfo | str, varying: Sequence[str]) -> str:
    """Why the few hyperparameters that a figure has room for cannot be chosen; empty where they can, or all fit in."""
    return importances if isinstance(importances, str) and len(varying) > MOST_PARAMETERS else ""


def section_of(name: str, info: Any, context: StudyContext) -> Section:
    """A figure as a section of a page, or a sentence that says why there is none.

    Args:
        name: One of ``KINDS``.
        info: What it shows, or why there is nothing to show.
        context: How to name and write things.
    """
    kind = KINDS[name]
    if isinstance(info, str):
        return not_drawn(name, kind.title, info)
    return kind.section(info, context)
