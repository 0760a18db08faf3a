"""What the figures of a study show, as plain tuples; how they look is up to ``tune.plots`` and ``tune.pages``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from optuna.trial import FrozenTrial

from .contour import ContourInfo, contour_info
from .history import HistoryInfo, history_info
from .importances import ImportancesInfo, importances_info, varying_parameters
from .parallel import ParallelInfo, parallel_info
from .pareto import ParetoInfo
from .scores import with_one_value
from .words import StudyContext

__all__ = [
    "ContourInfo",
    "Figures",
    "HistoryInfo",
    "ImportancesInfo",
    "ParallelInfo",
    "ParetoInfo",
    "StudyContext",
    "ranked_parameters",
    "study_figures",
]


TITLES = {
    "history": "The optimization history",
    "importances": "The plot of importances",
    "parallel": "The parallel coordinates",
    "contour": "The contour plot",
    "pareto": "The front of both objectives",
}


class Figures(NamedTuple):
    """All figures of a study; a sentence in place of one says why it cannot be drawn."""

    history: HistoryInfo | str
    importances: ImportancesInfo | str
    parallel: ParallelInfo | str
    contour: ContourInfo | str


def study_figures(trials: Sequence[FrozenTrial], context: StudyContext) -> Figures:
    """Computes all figures of a study.

    Args:
        trials: All trials of the study; of several objectives, the first is drawn.
        context: How to name and write things.
    """
    trials = [with_one_value(trial) for trial in trials]
    importances = importances_info(trials, context)
    varying = ranked_parameters(trials, importances)
    # A hyperparameter may be searched and have had one value so far.
    searched = {name for trial in trials for name, space in trial.distributions.items() if not space.single()}
    in_order = dict.fromkeys(name for trial in trials for name in trial.params)
    rest = [name for name in in_order if name in searched and name not in varying]
    return Figures(
        history_info(trials, context),
        importances,
        parallel_info(trials, [*varying, *rest], context),
        contour_info(trials, varying, context),
    )


def ranked_parameters(trials: Sequence[FrozenTrial], importances: ImportancesInfo | str) -> list[str]:
    """Names of the hyperparameters that varied, the most important first where that is known."""
    varying = varying_parameters(trials)
    if isinstance(importances, str):
        return varying
    # The least important may have no row of their own.
    return list(dict.fromkeys([*(row.name for row in importances.importances), *varying]))
