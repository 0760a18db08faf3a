"""Who works on which trial: locks that the kernel releases when their holder dies.

A heartbeat must guess when a worker is dead, and gives its trial a new number. A lock that vanishes with its process
needs no guess: a trial that is RUNNING while its lock is free was interrupted, and whoever takes the lock goes on with
it under its own number.
"""

from __future__ import annotations

from dataclasses import dataclass

from filelock import FileLock, Timeout
from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState

from .folders import StudyFolder

STUDY_LOCK_TIMEOUT_SECONDS = 120
MOST_CRASHES = 3


@dataclass(frozen=True)
class Claim:
    """A trial that this process works on until it releases ``lock``.

    Attributes:
        trial: To run.
        lock: Held; release it when the trial is stored, or left for later.
        adopted: Whether another process, or an earlier run, began it.
    """

    trial: Trial
    lock: FileLock
    adopted: bool


def claim_trial(study: Study, folder: StudyFolder, n_trials: int) -> Claim | None:
    """Takes an interrupted trial, or else a new one, while the study has room for it.

    Args:
        study: To work on.
        folder: Of the study; holds the locks.
        n_trials: Finished trials that the study shall have.

    Returns:
        None if every trial that the study needs is finished or being worked on.
    """
    with FileLock(folder.lock, timeout=STUDY_LOCK_TIMEOUT_SECONDS):
        n_taken = 0
        for frozen in study.get_trials(deepcopy=False):
            if frozen.state in (TrialState.COMPLETE, TrialState.PRUNED):
                n_taken += 1
            elif frozen.state == TrialState.RUNNING:
                lock = _try_lock(folder, frozen.number)
                if lock is not None:
                    # Its holder may have stored the trial between our look and the lock.
                    now = study.get_trials(deepcopy=False)[frozen.number]
                    if now.state == TrialState.RUNNING and len(now.user_attrs.get("crashes", [])) < MOST_CRASHES:
                        return Claim(Trial(study, frozen._trial_id), lock, adopted=True)
                    if now.state == TrialState.RUNNING:
                        _give_up(study, folder, now)
                    lock.release()
                    if now.state not in (TrialState.COMPLETE, TrialState.PRUNED):
                        continue
                n_taken += 1
        if n_taken >= n_trials:
            return None
        trial = study.ask()
        lock = _try_lock(folder, trial.number)
        if lock is None:
            raise RuntimeError(f"the lock of the new trial {trial.number} is held by another process")
        return Claim(trial, lock, adopted=False)


def note_crash(study: Study, folder: StudyFolder, number: int, reason: str) -> None:
    """Puts on a trial's record that its worker died; after ``MOST_CRASHES`` of them nobody takes it up again."""
    with FileLock(folder.lock, timeout=STUDY_LOCK_TIMEOUT_SECONDS):
        frozen = study.get_trials(deepcopy=False)[number]
        if frozen.state == TrialState.RUNNING:
            crashes = [*frozen.user_attrs.get("crashes", []), reason]
            Trial(study, frozen._trial_id).set_user_attr("crashes", crashes)


def _give_up(study: Study, folder: StudyFolder, frozen: FrozenTrial) -> None:
    """Fails a trial that has ended too many workers."""
    crashes = frozen.user_attrs["crashes"]
    Trial(study, frozen._trial_id).set_user_attr("reason", f"{len(crashes)} times {crashes[-1]}")
    study.tell(frozen.number, state=TrialState.FAIL)
    folder.checkpoint(frozen.number).unlink(missing_ok=True)


def interrupted_trials(study: Study, folder: StudyFolder) -> list[int]:
    """Numbers of the trials that were begun and that nobody works on."""
    numbers = []
    for frozen in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        lock = _try_lock(folder, frozen.number)
        if lock is not None:
            lock.release()
            numbers.append(frozen.number)
    return numbers


def is_worked_on_elsewhere(study: Study, folder: StudyFolder) -> bool:
    """Whether another process works on a trial; for a process that holds none itself."""
    # Under the study's lock, since whoever claims a trial now would find those taken that are only being looked at.
    with FileLock(folder.lock, timeout=STUDY_LOCK_TIMEOUT_SECONDS):
        n_running = len(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))
        return n_running > len(interrupted_trials(study, folder))


def _try_lock(folder: StudyFolder, number: int) -> FileLock | None:
    path = folder.trial_lock(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
