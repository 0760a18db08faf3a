"""Architectures race in one budget: all of them begin, and then it goes to those that lead.

Successive halving over studies: each round gives every architecture that is still in the race so many trials in all,
and the best third of them goes on. A round is decided when all of its studies are through, and its decision stored, so
that neither workers nor kills change what comes of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from optuna import Study

from ..config.settings import Settings
from ..study.brackets import ETA, N_IN_BRACKET
from ..study.gain import has_nothing_to_gain, why_nothing
from ..study.samplers import n_finished
from ..study.study import NOTHING_TO_GAIN, best_trial, metric_value, score_sign, stored_settings

# Of a study: whether it went on after the round that gave it so many trials.
RACE = "race"


def rounds_of(n_trials: int) -> tuple[int, ...]:
    """Trials that a study has after each round: its first configuration, a bracket, three times as many each, all."""
    rounds, n = {min(1, n_trials), n_trials}, N_IN_BRACKET
    while n < n_trials:
        rounds.add(n)
        n *= ETA
    return tuple(sorted(rounds))


def decide(studies: Sequence[Study], after: int) -> list[bool]:
    """Which studies go on after a round: those with the best validation scores, of equals with the lower loss.

    Args:
        studies: Those that were in it, always in the same order.
        after: Trials that each has been given.
    """
    stored = [study.user_attrs.get(RACE, {}).get(str(after)) for study in studies]
    if None not in stored:
        return [bool(goes_on) for goes_on in stored]
    # Those that are not decided on are where they were: none goes on before all of them are.
    ranked = sorted(studies, key=_place)
    names = {study.study_name for study in ranked[: math.ceil(len(studies) / ETA)]}
    for study in studies:
        study.set_user_attr(RACE, {**study.user_attrs.get(RACE, {}), str(after): study.study_name in names})
    return [study.study_name in names for study in studies]


def not_continued_after(study: Study) -> int | None:
    """Trials after which a study was left alone; None for one that was not, or has all its trials all the same."""
    rounds = study.user_attrs.get(RACE, {})
    if n_finished(study) >= (stored_settings(study) or {})["search"]["trials"]:
        return None
    return next((int(after) for after, goes_on in rounds.items() if not goes_on), None)


def why_won(studies: Sequence[Study], settings: Settings) -> str:
    """Why the race may end: the best score is so near to 100% that its judges could tell no better one; else empty.

    It is put down with all of its studies, so that who asks for more trials gets them.
    """
    search, best = settings.search, min(studies, key=_place)
    trial, known = best_trial(best), best.user_attrs
    if trial is None or search.stop == "never" or search.metric == "loss" or search.second_objective:
        return ""
    if search.trials > known.get(NOTHING_TO_GAIN, {}).get("trials", search.trials):
        return ""
    if not has_nothing_to_gain(metric_value(trial), known["n_validation"]):
        return ""
    why = why_nothing(metric_value(trial), known["n_validation"])
    for study in studies:
        study.set_user_attr(NOTHING_TO_GAIN, {"trials": search.trials, "why": why})
    return why


def _place(study: Study) -> tuple[float, float]:
    """To sort by, the best first."""
    trial = best_trial(study)
    if trial is None:
        return math.inf, math.inf
    return -score_sign(study) * metric_value(trial), trial.user_attrs.get("validation_loss", math.inf)
