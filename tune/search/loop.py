"""The loop of a study: claim a trial, run it, store it, until the study has what was asked for."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from optuna import Study, Trial
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from ..config.settings import Settings
from ..config.spaces import Scalar, Space
from ..core.failures import is_io_failure
from ..core.folders import StudyFolder
from ..core.stopping import StopRequested, StopWatch
from ..evaluation.last_fit import seconds_to_refit
from ..study.brackets import BracketPruner, plan_of
from ..study.constraints import draw_what_may_be_trained, infeasible, measured, second_value
from ..study.context import RunContext
from ..study.ended import WEIGHTS_DIGESTS, metric_value, score_sign
from ..study.leases import Lease, lease_trial, lease_waiting
from ..study.records import Outcome
from ..study.samplers import n_finished
from ..study.selection import last_to_finish, seconds_to_confirm, will_be_kept
from ..study.servers import is_unavailable, wait_until_back
from ..study.store import check_identity, engine_of, identity, make_durable, note_left, one_look, one_transaction
from ..study.study import NOTHING_TO_GAIN, best_by_metric
from ..study.trial_files import drop_outdone_weights, save_weights, trial_files, write_files
from ..training.checkpoint import drop_checkpoint
from ..training.memory import return_free_memory, share_one_heap
from ..training.splits import Splits
from .objective import run_trial

MOST_FAILURES_IN_A_ROW = 3
_LOOK_SECONDS = 0.2


class Observer(Protocol):
    """Is told what happens."""

    def trial_started(self, number: int, parameters: dict[str, Scalar], resumed: bool) -> None:
        """A trial begins, or goes on."""

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        """An epoch of a trial is done."""

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        """A trial is stored as ``complete``, ``pruned`` or ``failed``, ``left`` for later, or ``paused`` for others."""


@dataclass(frozen=True)
class Ended:
    """Why the loop ended.

    Attributes:
        reason: In words, for people.
        failure: What went wrong; empty if nothing did.
    """

    reason: str
    failure: str = ""


@dataclass(frozen=True)
class ThisProcess:
    """Runs one trial after the other.

    Attributes:
        next_lease: Gives the next trial, or nothing when all is done; None takes whatever the study misses, and waits
            for what it misses still.
    """

    next_lease: Callable[[], Lease | None] | None = None

    def run(self, context: RunContext, observer: Observer, stop: StopWatch) -> Ended:
        """See ``Executor``."""
        share_one_heap()
        draw_what_may_be_trained(context.study, context.settings, context.splits)
        with ThreadPoolExecutor(1, thread_name_prefix="filing") as filing:
            next_lease = self.next_lease or partial(_lease_when_due, context, stop)
            return _search(context, observer, stop, next_lease, filing)


def _lease_when_due(context: RunContext, stop: StopWatch) -> Lease | None:
    """Takes what the study misses; waits as long as others are about to decide what that is."""
    study, n_trials, expected = context.study, context.settings.search.trials, None
    while (lease := _lease_last(context, stop) or lease_trial(study, context.folder, n_trials)) is None:
        if not plan_of(study, n_trials).more_to_come or stop.reason is not None:
            return None
        expected = expected or identity(study)
        time.sleep(_LOOK_SECONDS)
        check_identity(study, expected)
    return lease


def _lease_last(context: RunContext, stop: StopWatch) -> Lease | None:
    """Takes the best so far while there is time to finish it, whoever else it would have had to wait for."""
    if stop.seconds_left is None or not isinstance(context.study.pruner, BracketPruner):
        return None
    seconds = stop.seconds_left - stop.reserved_seconds
    number = last_to_finish(context.study, context.settings, context.study.pruner.rungs[0], seconds)
    return None if number is None else lease_waiting(context.study, context.folder, number)


def _search(
    context: RunContext,
    observer: Observer,
    stop: StopWatch,
    next_lease: Callable[[], Lease | None],
    filing: ThreadPoolExecutor,
) -> Ended:
    study, settings = context.study, context.settings
    n_failures = 0
    check = partial(check_identity, study, identity(study))
    while True:
        try:
            check()
            with one_look(study, may_be_old=True):
                stop.reserved_seconds = seconds_afterwards(study, settings, context.splits)
                if stop.reason is not None:
                    return Ended(stop.reason)
                if target_reached(study, settings):
                    return Ended(f"target {settings.search.target:g} reached")
            lease = next_lease()
            if lease is None:
                return Ended(stop.reason) if stop.reason else finished(context)
            try:
                failure = _run_leased(lease, context, observer, stop.check, check)
            except StopRequested:
                return Ended(stop.reason or "stopped")
            finally:
                lease.lock.release()
        except Exception as error:
            if not is_unavailable(error):
                raise
            # The trial is left, lock and all, to whoever comes first when the server is back.
            wait_until_back(engine_of(study), lambda: stop.reason is not None)
            if stop.reason is not None:
                return Ended(stop.reason)
            continue
        with one_look(study):
            if not failure and study.get_trials(deepcopy=False)[lease.trial.number].state.is_finished():
                put_away(study, lease.trial.number, context.folder, filing)
        return_free_memory()
        n_failures = n_failures + 1 if failure else 0
        if n_failures == MOST_FAILURES_IN_A_ROW:
            return Ended(f"{n_failures} trials in a row failed", failure)


def finished(context: RunContext) -> Ended:
    """How a search has ended that has found all that it was to find, or all that is worth finding."""
    study, n_trials = context.study, context.settings.search.trials
    if why := plan_of(study, n_trials).why_ended:
        study.set_user_attr(NOTHING_TO_GAIN, {"trials": n_trials, "why": why})
        return Ended(f"nothing more is to be gained: {why}")
    n_done = n_finished(study)
    return Ended(f"{n_done} trial{'' if n_done == 1 else 's'} finished")


def seconds_afterwards(study: Study, settings: Settings, splits: Splits) -> float:
    """What has to be left of the time when the search ends: for the confirmation and for the last fit."""
    return seconds_to_confirm(study, settings) + seconds_to_refit(study, settings, splits)


def _run_leased(
    lease: Lease,
    context: RunContext,
    observer: Observer,
    before_step: Callable[[], None],
    check: Callable[[], None],
) -> str:
    """Runs and stores one trial, as long as ``check`` finds its study there; returns what failed, or nothing."""
    study, settings = context.study, context.settings
    trial, number = lease.trial, lease.trial.number
    searched, fixed = settings.ranges()
    parameters = {**suggest_all(trial, searched), **fixed}
    checkpoint = context.folder.checkpoint_for_all(number)
    if lease.resumed:
        note_left(study, trial, None)
    observer.trial_started(number, parameters, lease.resumed)

    def after_epoch(epoch: int, value: float) -> None:
        observer.epoch_finished(number, epoch, value)
        check_ours()

    def check_ours() -> None:
        check()
        lease.lock.check()

    try:
        found = measured(trial, parameters, settings, context.splits)
        outcome = infeasible(settings, found) or run_trial(
            context, trial, parameters, leg=lease.leg, before_step=before_step, after_epoch=after_epoch
        )
        outcome = with_found(outcome, settings, found)
        check_ours()
        if outcome.waits:
            record = {**outcome.record, "fixed_parameters": fixed}
            note_left(study, trial, {"values": outcome.values, "record": record})
            observer.trial_finished(number, "paused", outcome.value, outcome.reason)
            return ""
        store(study, trial, outcome, fixed, context.folder)
    except StopRequested:
        raise
    except Exception as error:
        if is_unavailable(error):
            observer.trial_finished(number, "left", None, "the connection to the database was lost")
        if is_io_failure(error):
            raise
        check_ours()
        failure = f"{type(error).__name__}: {error}"
        trial.set_user_attr("fixed_parameters", fixed)
        trial.set_user_attr("reason", failure)
        trial.set_user_attr("traceback", traceback.format_exc()[-4000:])
        study.tell(number, state=TrialState.FAIL)
        observer.trial_finished(number, "failed", None, failure)
        drop_checkpoint(checkpoint)
        return failure
    drop_checkpoint(checkpoint)
    observer.trial_finished(number, "pruned" if outcome.pruned else "complete", outcome.value, outcome.reason)
    return ""


def with_found(outcome: Outcome, settings: Settings, found: dict[str, Any]) -> Outcome:
    """The outcome of a trial with what was found of its network before it was trained."""
    record = {**found, **outcome.record}
    second = None if outcome.pruned else second_value(settings, record)
    return replace(outcome, record=record, second=second)


def store(study: Study, trial: Trial, outcome: Outcome, fixed: dict[str, Scalar], folder: StudyFolder) -> None:
    """Puts a finished trial into the database, and its weights beside it.

    Weights come first: were the trial stored first, a crash in between could leave a best trial without them.
    """
    record = {**outcome.record, "fixed_parameters": fixed, **({"reason": outcome.reason} if outcome.reason else {})}
    with one_look(study), one_transaction(study):
        if outcome.values is not None and will_be_kept(study, trial, outcome.values):
            record[WEIGHTS_DIGESTS] = save_weights(folder, study, trial.number, outcome.weights)
        for name, value in record.items():
            trial.set_user_attr(name, value)
        if outcome.pruned:
            study.tell(trial.number, state=TrialState.PRUNED)
        else:
            study.tell(trial.number, outcome.values)


def put_away(study: Study, number: int, folder: StudyFolder, filing: ThreadPoolExecutor) -> None:
    """Writes the files of a trial that is in the database for good, and drops the weights that it has outdone.

    Writing goes on beside the next trial. What cannot be written now is made again by the exports.
    """
    make_durable(study)
    trial = study.get_trials(deepcopy=False)[number]
    filing.submit(write_files, trial_files(folder, study, trial))
    if trial.state == TrialState.COMPLETE:
        with suppress(OSError):
            drop_outdone_weights(folder, study)


def suggest(trial: Trial, name: str, distribution: BaseDistribution) -> Scalar:
    """The trial's value of a hyperparameter; drawn on the first call, the same ever after."""
    match distribution:
        case CategoricalDistribution():
            return trial.suggest_categorical(name, distribution.choices)  # type: ignore[return-value]
        case IntDistribution():
            return trial.suggest_int(
                name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
            )
        case FloatDistribution():
            return trial.suggest_float(
                name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
            )
    raise TypeError(f"no way to suggest {distribution!r}")


def suggest_all(trial: Trial, searched: Space) -> dict[str, Scalar]:
    """Every searched hyperparameter of a trial."""
    with one_look(trial.study, may_be_old=True), one_transaction(trial.study):
        return {name: suggest(trial, name, distribution) for name, distribution in searched.items()}


def target_reached(study: Study, settings: Settings) -> bool:
    """Whether the study has the score that was asked for."""
    target = settings.search.target
    if target is None or (best := best_by_metric(study)) is None:
        return False
    return score_sign(study) * metric_value(best) >= score_sign(study) * target
