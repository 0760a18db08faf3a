"""What the front of a study shows, from its trials."""

from __future__ import annotations

from optuna import Study

from ..config.settings import Settings
from ..study.ended import is_over_a_cap
from ..study.pareto_front import Candidate
from ..study.study import has_score, trials_so_far
from .context import study_context
from .figures.pareto import ParetoInfo, pareto_info

TITLES = {
    "parameters": "parameters",
    "latency": "latency of one sequence (ms)",
    "flash": "bytes of flash",
    "ram": "bytes of RAM",
    "macs": "multiply-adds a window",
}


def pareto_of(study: Study, settings: Settings) -> ParetoInfo | str | None:
    """The front of a study with two objectives, or a sentence that says why there is none to draw; None with one."""
    second = settings.search.second_objective
    if second is None:
        return None
    trials = trials_so_far(study)
    over = {trial.number for trial in trials if is_over_a_cap(trial)}
    candidates = [
        Candidate(trial.number, *trial.values) for trial in trials if has_score(trial) and trial.number not in over
    ]
    context = study_context(study, settings.search.metric)
    return pareto_info(candidates, len(over), TITLES[second], context, is_whole=second != "latency")
