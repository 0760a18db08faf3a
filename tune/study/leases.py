"""Who works on which trial: locks that are released when their holder dies.

A heartbeat must guess when a worker is dead, and gives its trial a new number. A lock that vanishes with its process
needs no guess: a trial that is RUNNING while its lock is free was interrupted, and whoever takes the lock goes on with
it under its own number.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState

from ..core.folders import StudyFolder
from ..training.checkpoint import drop_checkpoint
from .brackets import TO_THE_END, Leg, plan_of
from .ended import ended_and_unfinished
from .locks import Lock, LostLockError, known_as_taken, study_lock, try_trial_lock
from .store import numbers_in, one_look, resumed
from .study import is_companion

MOST_CRASHES = 3
# For a database server to notice that the connection of a worker that died has ended.
_LOCK_SECONDS = 5.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Lease:
    """A trial that this process works on until it releases ``lock``.

    Attributes:
        trial: To run.
        lock: Held; release it when the trial is stored, or left for later.
        leg: What is to be done with it.
        resumed: Whether another process, or an earlier run, began it.
    """

    trial: Trial
    lock: Lock
    leg: Leg
    resumed: bool


def lease_trial(study: Study, folder: StudyFolder, n_trials: int, given_out: Collection[int] = ()) -> Lease | None:
    """Takes an interrupted trial, or else a new one, while the study has room for it.

    Args:
        study: To work on.
        folder: Of the study.
        n_trials: Finished trials that the study shall have.
        given_out: Numbers of trials that will be worked on by others, who may not have locked them yet.

    Returns:
        None if every trial that the study needs is finished, or being worked on, or waits for one that is.

    Raises:
        LostLockError: If the database went away meanwhile.
    """
    with study_lock(study, folder) as held, one_look(study):
        lease = _lease_interrupted(study, folder, n_trials, given_out)
        if lease is not None:
            return lease
        ended, unfinished = ended_and_unfinished(study)
        states = [trial.state for trial in unfinished]
        n_taken = states.count(TrialState.RUNNING) + ended.counts[TrialState.COMPLETE] + ended.counts[TrialState.PRUNED]
        if n_taken >= n_trials or not plan_of(study, n_trials).may_begin:
            return None
        if is_companion(study) and TrialState.WAITING not in states:
            return None  # In place of a confirmation run or a floor that has failed nothing else is to be tried.
        trial = study.ask()
        try:
            held.check()
        except LostLockError:
            # Somebody else may have taken the last place in the study for theirs.
            trial.set_user_attr("reason", "the database went away while it was begun")
            study.tell(trial, state=TrialState.FAIL)
            raise
        lock = try_trial_lock(study, folder, trial.number)
        if lock is None:
            raise LostLockError(f"another process has taken up trial {trial.number}")
        return Lease(trial, lock, plan_of(study, n_trials).legs[trial.number], resumed=False)


def _lease_interrupted(study: Study, folder: StudyFolder, n_trials: int, given_out: Collection[int]) -> Lease | None:
    """Takes the most urgent of the unfinished trials that nobody works on and that wait for nobody."""
    legs = plan_of(study, n_trials).legs
    taken = known_as_taken(study, legs)
    for number in legs:
        lock = None if number in given_out or number in taken else try_trial_lock(study, folder, number)
        if lock is None:
            continue
        with one_look(study):
            # Its holder may have stored the trial, or trained it further, between our look and the lock.
            now = study.get_trials(deepcopy=False)[number]
            leg = plan_of(study, n_trials).legs.get(number)
        if leg is not None and len(now.user_attrs.get("crashes", [])) < MOST_CRASHES:
            return Lease(resumed(study, now), lock, leg, resumed=True)
        if leg is not None:
            _give_up(study, folder, now)
        lock.release()
    return None


def lease_numbered(study: Study, folder: StudyFolder, number: int, n_trials: int) -> Lease | None:
    """Takes the trial of this number, which whoever gives out work has chosen, in a study that shall have so many.

    Returns:
        None if it is finished, or given up, or waits for others, or is worked on by somebody else.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    while (lock := try_trial_lock(study, folder, number)) is None:
        if time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_SECONDS)
    frozen, leg = study.get_trials(deepcopy=False)[number], plan_of(study, n_trials).legs.get(number)
    if leg is None or len(frozen.user_attrs.get("crashes", [])) >= MOST_CRASHES:
        lock.release()
        return None
    return Lease(resumed(study, frozen), lock, leg, resumed=bool(frozen.params))


def lease_waiting(study: Study, folder: StudyFolder, number: int) -> Lease | None:
    """Takes a trial that waits for others, to train it to its end; None if somebody has it by now."""
    with study_lock(study, folder):
        lock = try_trial_lock(study, folder, number)
        if lock is None:
            return None
        frozen = study.get_trials(deepcopy=False)[number]
        if frozen.state == TrialState.RUNNING:
            return Lease(resumed(study, frozen), lock, TO_THE_END, resumed=True)
        lock.release()
        return None


def note_crash(study: Study, folder: StudyFolder, number: int, reason: str) -> FrozenTrial:
    """Puts on a trial's record that its worker died; after ``MOST_CRASHES`` of them it has failed.

    Returns:
        The trial as it stands; it may have been stored before its worker died.
    """
    with study_lock(study, folder):
        frozen = study.get_trials(deepcopy=False)[number]
        if frozen.state == TrialState.RUNNING:
            crashes = [*frozen.user_attrs.get("crashes", []), reason]
            resumed(study, frozen).set_user_attr("crashes", crashes)
            # Where another worker has taken it up already, the next claim will see to it.
            lock = try_trial_lock(study, folder, number)
            if lock is not None:
                now = study.get_trials(deepcopy=False)[number]
                if now.state == TrialState.RUNNING and len(crashes) >= MOST_CRASHES:
                    _give_up(study, folder, now)
                lock.release()
        return study.get_trials(deepcopy=False)[number]


def _give_up(study: Study, folder: StudyFolder, frozen: FrozenTrial) -> None:
    """Fails a trial that has ended too many workers."""
    crashes = frozen.user_attrs["crashes"]
    reason = f"given up after {len(crashes)} crashes; the last: {crashes[-1]}"
    resumed(study, frozen).set_user_attr("reason", reason)
    study.tell(frozen.number, state=TrialState.FAIL)
    drop_checkpoint(folder.checkpoint_for_all(frozen.number))


def interrupted_trials(study: Study, folder: StudyFolder) -> list[int]:
    """Numbers of the trials that were begun and that nobody works on."""
    if not numbers_in(study, (TrialState.RUNNING,)):
        return []
    # Under the study's lock, since whoever claims a trial now would find those taken that are only being looked at.
    with study_lock(study, folder):
        return _interrupted(study, folder)


def _interrupted(study: Study, folder: StudyFolder) -> list[int]:
    numbers = []
    for number in sorted(numbers_in(study, (TrialState.RUNNING,))):
        lock = try_trial_lock(study, folder, number)
        if lock is not None:
            lock.release()
            numbers.append(number)
    return numbers


def is_worked_on_elsewhere(study: Study, folder: StudyFolder) -> bool:
    """Whether another process works on a trial; for a process that holds none itself."""
    with study_lock(study, folder):
        n_running = len(numbers_in(study, (TrialState.RUNNING,)))
        return n_running > len(_interrupted(study, folder))
