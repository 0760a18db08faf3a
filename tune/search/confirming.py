"""The confirmation: after the search the best configurations are trained again, with seeds that chose nothing.

The runs are trials of a study of their own, which is claimed, locked, checkpointed, shared out among workers and gone
on with as any other. What comes next is worked out each time from what is in the database, so that it does not matter
how often that was interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from optuna import Study
from optuna.trial import TrialState

from ..config.schema import Confirmation
from ..config.settings import Settings
from ..core.stopping import StopRequested, StopWatch
from ..evaluation.last_fit import seconds_to_refit
from ..study.companions import companion_context, find_companion, open_companion
from ..study.constraints import CAPS, latency_of
from ..study.context import RunContext
from ..study.ended import REPETITION
from ..study.leases import is_worked_on_elsewhere
from ..study.locks import study_lock, try_trial_lock
from ..study.samplers import n_finished
from ..study.store import check_identity, identity, withdraw
from ..study.study import CONFIRMS, RUN_OF, all_parameters, trial_so_far
from ..study.trials_table import write_trials
from .confirmation import (
    confirmed_candidates,
    cost_allowed,
    describe_confirmation,
    runs_of,
    seed_of,
    sentences,
)
from .executor import executor_for
from .progress import Progress
from .racing import Candidate, Standing, most_runs, standing
from .random_split import is_split_by_people, score_on_random_split

# Where there is time for less than this, it goes into fresh seeds.
N_RUNS_BEFORE_RANDOM_SPLIT = 5
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Confirmer:
    """What a confirmation works with.

    Attributes:
        context: Of the study, which has ended its search, for now.
        limit: What its runs may cost; None for what the settings allow.
    """

    context: RunContext
    limit: float | None = None

    def confirm(self, observer: Progress, stop: StopWatch) -> str:
        """Decides which trial is the one to use, and puts that into the study.

        Returns:
            Why it is not decided yet; empty if it is, or if there was no time for a single run.
        """
        stop.reserved_seconds = 0.0
        study, settings, splits = self.context.study, self.context.settings, self.context.splits
        lock = try_trial_lock(study, self.context.folder, "confirmation")
        if lock is None:
            return self._help(observer, stop)
        try:
            with stop.kept_back(seconds_to_refit(study, settings, splits)):
                return self._lead(observer, stop)
        finally:
            lock.release()

    def _lead(self, observer: Progress, stop: StopWatch) -> str:
        study, settings = self.context.study, self.context.settings
        candidates = confirmed_candidates(study, settings)
        runs = open_confirmation(self.context)
        confirmation, folder = runs.study, runs.folder
        while (stood := self._standing(candidates, confirmation)).missing:
            if not observer.names:
                observer.say("Training the best configurations again, with fresh seeds")
            runs = line_up(self.context, runs, stood.missing)
            self._show_runs(observer, confirmation, candidates)
            ended = executor_for(runs.settings).run(runs, observer, stop)
            if stop.signal is not None:
                return stop.reason or "stopped"
            if ended.reason == "time is up":
                break
            while is_worked_on_elsewhere(confirmation, folder) and stop.reason is None:
                time.sleep(_LOOK_SECONDS)
            if self._standing(candidates, confirmation).missing == stood.missing:
                break  # Nothing was run, whatever the reason: never the same again.
        write_trials(confirmation, folder)
        stood = self._standing(candidates, confirmation)
        found = describe_confirmation(study, confirmation, settings, candidates, stood)
        if found is None:
            share = settings.confirmation.time_share
            short = (
                f"that costs more than {share:.0%} of the search" if share and not stop.reason else "there is no time"
            )
            why = f"{short}: --resume --confirm-seeds {settings.confirmation.seeds} takes it"
            if any(score is None for score in runs_of(confirmation).values()):
                why = "its runs went wrong"
            observer.say(f"The best of the search is not confirmed by runs with fresh seeds, since {why}")
            if study.user_attrs.get("confirmation") is not None:
                self._keep(None)  # It knows nothing of what is the search's best by now.
            return ""
        try:
            found |= self._measured(found, candidates, stop)
        except StopRequested as request:
            if stop.signal is not None:
                return str(request)
        self._keep({**found, "sentences": sentences(found)})
        return ""

    def _limit_of_runs(self, candidates: Sequence[Candidate]) -> float | None:
        limit = self._limit
        if limit is not None and self._has_time_for_random_split(candidates):
            limit -= candidates[0].cost
        return limit

    def _standing(self, candidates: Sequence[Candidate], confirmation: Study) -> Standing:
        limit, settings = self._limit_of_runs(candidates), self.context.settings
        maximize, n_seeds = settings.direction == "maximize", settings.confirmation.seeds
        return standing(candidates, runs_of(confirmation), n_seeds, maximize=maximize, limit=limit)

    @property
    def _limit(self) -> float | None:
        allowed = cost_allowed(self.context.study, self.context.settings)
        return allowed if allowed is None or self.limit is None else self.limit

    def _has_time_for_random_split(self, candidates: Sequence[Candidate]) -> bool:
        limit = self._limit
        is_affordable = limit is None or limit >= N_RUNS_BEFORE_RANDOM_SPLIT * candidates[0].cost
        return is_split_by_people(self.context.splits) and is_affordable

    def _measured(self, found: dict[str, Any], candidates: Sequence[Candidate], stop: StopWatch) -> dict[str, Any]:
        """What takes time to find out about the winner."""
        study, settings, splits = self.context.study, self.context.settings, self.context.splits
        trial = trial_so_far(study, found["winner"])
        before = study.user_attrs.get("confirmation") or {}
        # Measured already where the search asks for it, and not to be told two ways.
        latency = trial.user_attrs.get("latency_ms") or latency_of(all_parameters(trial), settings, splits)
        measured: dict[str, Any] = {"latency_ms": latency}
        mean = next(one["mean"] for one in found["configurations"] if one["trial"] == trial.number)
        score = (before.get("random_split") or {}).get("random") if before.get("winner") == trial.number else None
        if score is None and self._has_time_for_random_split(candidates) and not stop.reason:
            score = score_on_random_split(self.context, trial, stop.check)
        if score is not None:
            flatters = score > mean if settings.direction == "maximize" else score < mean
            split = {"random": score, "people": mean, "difference": score - mean, "flatters": flatters}
            measured["random_split"] = split
        return measured

    def _keep(self, found: dict[str, Any] | None) -> None:
        study = self.context.study
        with study_lock(study, self.context.folder):
            check_identity(study, identity(study))
            study.set_user_attr("confirmation", found)

    def _show_runs(self, observer: Progress, confirmation: Study, candidates: Sequence[Candidate]) -> None:
        """Tells what shows the run how many there can be, which stays as rounds are lined up, and what to call them."""
        trials = [trial for trial in confirmation.get_trials(deepcopy=False) if RUN_OF in trial.user_attrs]
        for trial in trials:
            observer.names[trial.number] = f"{trial.user_attrs[RUN_OF]} with seed {trial.user_attrs[REPETITION] + 1}"
        observer.n_done = n_finished(confirmation)
        most = most_runs(candidates, self.context.settings.confirmation.seeds, self._limit_of_runs(candidates))
        observer.n_trials = max(most, sum(trial.state != TrialState.FAIL for trial in trials))

    def _help(self, observer: Progress, stop: StopWatch) -> str:
        """Takes a share of the runs that another process has lined up."""
        found = find_confirmation(self.context.study)
        if found is not None:
            self._show_runs(observer, found, confirmed_candidates(self.context.study, self.context.settings))
            runs = companion_context(self.context, found, run_settings(self.context.settings, found))
            executor_for(runs.settings).run(runs, observer, stop)
        return stop.reason if stop.signal is not None and stop.reason else "another process confirms and tests the best"


def find_confirmation(study: Study) -> Study | None:
    """The study with the confirmation runs of ``study``; None if there is none yet."""
    return find_companion(study, CONFIRMS)


def open_confirmation(context: RunContext) -> RunContext:
    """That of the study with the confirmation runs, which is made if it is not there."""
    return open_companion(context, CONFIRMS, partial(run_settings, context.settings))


def run_settings(settings: Settings, confirmation: Study) -> Settings:
    """Of the runs: as in the search, but each is trained to its end, and nothing follows."""
    lined_up = [trial for trial in confirmation.get_trials(deepcopy=False) if trial.state != TrialState.FAIL]
    search = {"trials": max(len(lined_up), 1), "target": None, "pruner": "none", "sampler": "random"}
    # What was within the caps is not to be measured again, and perhaps turned away for a moment's load of the machine.
    search |= dict.fromkeys(CAPS)
    return settings.model_copy(
        update={
            "search": settings.search.model_copy(update=search),
            "training": settings.training.model_copy(update={"refit": False}),
            "confirmation": Confirmation(configurations=0),
        }
    )


def line_up(context: RunContext, runs: RunContext, missing: Sequence[tuple[int, int]]) -> RunContext:
    """Sees to it that these runs, and no others, wait in their study; returns what to run them with."""
    trials, confirmation = context.study.get_trials(deepcopy=False), runs.study
    with study_lock(confirmation, runs.folder):
        pending = set()
        for trial in confirmation.get_trials(deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING)):
            run = (trial.user_attrs.get(RUN_OF), trial.user_attrs.get(REPETITION))
            if trial.state == TrialState.WAITING and run not in missing:
                # Lined up by a run with other settings.
                withdraw(confirmation, trial)
            pending.add(run)
        for number, repetition in missing:
            if (number, repetition) not in pending:
                attributes = {
                    "origin": f"trial {number}, seed {repetition + 1}",
                    RUN_OF: number,
                    REPETITION: repetition,
                    "seed": seed_of(context.settings, repetition),
                }
                confirmation.enqueue_trial(trials[number].params, user_attrs=attributes)
        changed = run_settings(context.settings, confirmation)
        confirmation.set_user_attr("settings", changed.model_dump(mode="json"))
    return replace(runs, settings=changed)
