"""Which trial of a study is the one to use, and which may become it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState

from ..config.schema import Confirmation, Metric
from ..config.settings import Settings, resolve
from ..core.folders import StudyFolder
from ..training.devices import n_workers
from .ended import DEFAULT_ORIGIN, REPETITION, ended_and_unfinished, is_over_a_cap, metric_value, score_sign
from .floors import floor_study, stored_floors
from .pareto_front import Candidate, front_of
from .store import attributes_of
from .stored import Ensemble
from .study import (
    as_left,
    best_trial,
    best_trials,
    has_score,
    stored_settings,
    trial_so_far,
    trials_so_far,
    unfinished_after,
)

# Of a confirmed configuration that is out.
NOT_FINITE = "a run went wrong"

# What an epoch costs whatever the network, in parameters. Of 14 configurations each on ``watch`` a line through seconds
# and parameters has it at 54,000 (temporal-cnn) and 112,000 (gru); the line explains little (r of .75 and .36).
EPOCH_IN_PARAMETERS = 75_000

# Attribute of a study: what it is to hand over, and what is there of it.
ENSEMBLE = "ensemble"

# To find as many different ones, since a sampler may try the same configuration again.
_TIMES_AS_MANY = 5


@dataclass(frozen=True)
class Selected:
    """What a study hands over.

    Attributes:
        study: That of the trial: the study itself, or that of its floor.
        settings: Of that study.
        folder: Of that study.
        trial: As ``study.as_left`` gives it.
        ensemble: What is on record of the mean that is handed over, in which the trial's network is one of several;
            None where it is the network alone.
    """

    study: Study
    settings: Settings
    folder: StudyFolder
    trial: FrozenTrial
    ensemble: Ensemble | None = None


def selected(study: Study, settings: Settings, folder: StudyFolder) -> Selected | None:
    """What the study hands over: its floor, where that is not beaten, or else its trial to use; None without either."""
    floor = floor_study(study) if floor_is_unbeaten(study) else None
    if floor is not None and (trial := best_trial(floor)) is not None:
        place = StudyFolder(folder.save_dir, floor.study_name, folder.shared)
        return Selected(floor, resolve(stored_settings(floor) or {}), place, trial)
    chosen = selected_trial(study)
    return None if chosen is None else Selected(study, settings, folder, chosen, ensemble_of(study))


def ensemble_of(study: Study) -> Ensemble | None:
    """The mean of several networks that a study hands over, when all of them are there; None where it is one."""
    found: Ensemble | None = attributes_of(study).get(ENSEMBLE)
    trial = selected_trial(study)
    if not found or trial is None or "n_parameters" not in found:
        return None
    is_on = (stored_settings(study) or {})["search"]["ensemble"]
    is_of_trial = (found["trial"], found["unfinished_after"]) == (trial.number, unfinished_after(trial))
    return found if is_on and is_of_trial else None


def floor_is_unbeaten(study: Study) -> bool:
    """Whether no trial is better than the floor by the metric on validation; of equals the simpler one is handed over.

    With two objectives the floor is not on the front, and never handed over.
    """
    floors = stored_floors(study)
    floor = None if floors is None else floors["minirocket"]
    if floor is None or floor["validation"] is None or len(study.directions) > 1 or ensemble_of(study) is not None:
        return False
    score = network_score(study)
    metric: Metric = (stored_settings(study) or {})["search"]["metric"]
    return score is None or score_sign(study) * floor["validation"][metric] >= score_sign(study) * score


def chosen_score(study: Study) -> float | None:
    """Validation score that chose what the search hands over: of the mean of several networks, or of a single one."""
    ensemble = ensemble_of(study)
    return network_score(study) if ensemble is None else ensemble["chosen"]["score"]


def network_score(study: Study) -> float | None:
    """Validation score of the trial to use: its mean with fresh seeds, if there is one, or that of the search."""
    trial = selected_trial(study)
    if trial is None:
        return None
    return fresh_means(study).get(trial.number, metric_value(trial))


def fresh_means(study: Study) -> dict[int, float]:
    """Mean validation score with fresh seeds of each configuration that was trained again, by the trial's number."""
    configurations = (stored_confirmation(study) or {}).get("configurations", ())
    return {one["trial"]: float(one["mean"]) for one in configurations if one["mean"] is not None}


def selected_trial(study: Study) -> FrozenTrial | None:
    """The search's trial to use: the winner of the confirmation or, where there was none, the search's best or knee."""
    found = stored_confirmation(study)
    if found is None:
        return best_trial(study)
    number: int = found["winner"]
    return trial_so_far(study, number)


def stored_confirmation(study: Study) -> dict[str, Any] | None:
    """What the confirmation found; None where there was none, or it has been switched off since."""
    found = attributes_of(study).get("confirmation")
    return found if _wanted(study).is_on and is_confirmation(found) else None


def is_confirmation(found: object) -> TypeGuard[dict[str, Any]]:
    """Whether this is one in which the search's best took part; those of earlier versions may have passed it over."""
    leader = (found.get("configurations") or [{}])[0] if isinstance(found, dict) else {}
    return bool(leader.get("scores")) or leader.get("dropped_because") == NOT_FINITE


def confirms(settings: Settings) -> bool:
    """Whether the best are trained again; with two objectives there is no order of best ones to do that in."""
    return settings.confirmation.is_on and settings.search.second_objective is None


def promising_trials(study: Study, n_best: int, *, finished_only: bool = False) -> list[FrozenTrial]:
    """The best configurations of the search, best first, and the default one where it is not among them.

    That one may have been ended early; it is tried again all the same, since it is what a search has to beat.
    """
    found: list[FrozenTrial] = []
    for trial in best_trials(study, _TIMES_AS_MANY * n_best, finished_only=finished_only):
        if len(found) < n_best and all(trial.params != other.params for other in found):
            found.append(trial)
    ended, unfinished = ended_and_unfinished(study)
    initial = [as_left(one) for one in unfinished if one.user_attrs.get("origin") == DEFAULT_ORIGIN]
    for trial in sorted([*ended.initial, *initial], key=lambda one: one.number):
        # One whose loss was not finite has no score at all.
        was_pruned = trial.state == TrialState.PRUNED and "accuracy_gap" in trial.user_attrs
        counts = was_pruned or (has_score(trial) and (trial.state.is_finished() or not finished_only))
        if counts and not is_over_a_cap(trial) and all(trial.params != other.params for other in found):
            found.append(trial)
    return found


def kept_trials(study: Study) -> list[FrozenTrial]:
    """Those whose weights are kept: the one to use, and all that a confirmation may make that.

    With two objectives these are the whole front, since its knee moves as it grows. An unfinished trial may yet be
    pruned: it takes nobody's place.
    """
    wanted = _wanted(study)
    if wanted.is_on:
        kept = promising_trials(study, wanted.configurations, finished_only=True)
    else:
        kept = best_trials(study, None if len(study.directions) > 1 else 1, finished_only=True)
    ended, _ = ended_and_unfinished(study)
    more = [trial for trial in ended.repetitions if is_of_ensemble(study, trial)]
    chosen = selected_trial(study)
    more += [] if chosen is None else [chosen]
    return list({trial.number: trial for trial in (*kept, *more)}.values())


def is_of_ensemble(study: Study, trial: FrozenTrial | Trial) -> bool:
    """Whether a trial is a run with one of the fresh seeds whose networks may be averaged."""
    most = (stored_settings(study) or {}).get("search", {}).get("ensemble", 0)
    return bool(trial.user_attrs.get(REPETITION, most) < most)


def will_be_kept(study: Study, trial: Trial, values: Sequence[float]) -> bool:
    """Whether a trial that is about to be stored with these values will be one of ``kept_trials``."""
    if is_of_ensemble(study, trial):
        return True
    sign = score_sign(study)
    if len(study.directions) > 1:
        rivals = [Candidate(other.number, *other.values[:2]) for other in best_trials(study, finished_only=True)]
        front = front_of([*rivals, Candidate(trial.number, *values)], sign)
        return trial.number in {one.number for one in front}
    wanted = _wanted(study)
    if wanted.is_on and trial.user_attrs.get("origin") == DEFAULT_ORIGIN:
        return True
    n_kept = wanted.configurations if wanted.is_on else 1
    # Of equally good ones the first is the better, which may be the last to end.
    better = [
        other.params
        for other in best_trials(study, _TIMES_AS_MANY * n_kept, finished_only=True)
        if (-sign * metric_value(other), other.number) < (-sign * values[0], trial.number)
    ]
    return sum(one not in better[:k] for k, one in enumerate(better)) < n_kept


def seconds_searched(study: Study) -> float:
    """Training time of all trials so far."""
    ended, unfinished = ended_and_unfinished(study)
    left = [as_left(trial).user_attrs.get("training_seconds", 0.0) for trial in unfinished]
    return math.fsum([*ended.seconds, *left])


def seconds_of_run(trial: FrozenTrial, settings: Settings) -> float:
    """What training a trial's configuration again takes, if no epoch is left out."""
    attributes = trial.user_attrs
    return float(attributes["training_seconds"] / attributes["epochs_run"] * settings.n_epochs)


def last_to_finish(study: Study, settings: Settings, n_epochs: int, seconds: float) -> int | None:
    """The best trial so far, if it is unfinished and would be for ever; None as long as there is time for others too.

    Args:
        study: Whose trials wait for each other.
        settings: Of the study.
        n_epochs: That another trial would be trained for.
        seconds: That are left.
    """
    best = best_trial(study)
    if best is None or best.state.is_finished():
        return None
    epochs_run = best.user_attrs["epochs_run"]
    needed = seconds_of_run(best, settings) * (1 - epochs_run / settings.n_epochs)
    # The next one may be as slow as the slowest so far.
    begun = [trial for trial in trials_so_far(study) if trial.user_attrs.get("epochs_run")]
    another = n_epochs / settings.n_epochs * max(seconds_of_run(trial, settings) for trial in begun)
    return best.number if seconds < needed + another else None


def cost_searched(study: Study) -> float:
    """What all trials so far have cost: counted and not clocked, so that it is the same on every machine."""
    trials = trials_so_far(study)
    return float(sum(trial.user_attrs.get("epochs_run", 0) * _cost_of_epoch(trial) for trial in trials))


def cost_of_run(trial: FrozenTrial, settings: Settings) -> float:
    """What training a trial's configuration again costs, if no epoch is left out."""
    return settings.n_epochs * _cost_of_epoch(trial)


def _cost_of_epoch(trial: FrozenTrial) -> float:
    return float(trial.user_attrs.get("n_parameters", 0) + EPOCH_IN_PARAMETERS)


def seconds_to_confirm(study: Study, settings: Settings) -> float:
    """Time to keep back for the confirmation; of what has no limit, as much as the search has taken."""
    wanted = settings.confirmation
    if not confirms(settings):
        return 0.0
    promising = promising_trials(study, wanted.configurations)
    everything = wanted.seeds * sum(seconds_of_run(trial, settings) for trial in promising)
    share = 1.0 if wanted.time_share is None else wanted.time_share
    return min(everything, share * seconds_searched(study)) / n_workers(settings)


def _wanted(study: Study) -> Confirmation:
    if len(study.directions) > 1:
        return Confirmation(configurations=0)
    stored = stored_settings(study) or {}
    return Confirmation.model_validate(stored.get("confirmation", {"configurations": 0}))
