"""Several workers share a study: every trial has one worker, a dead worker's trial is taken up, the total is exact."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from optuna.trial import TrialState

from tests.processes import start_worker
from tune.study.leases import interrupted_trials, lease_trial
from tune.study.study import load_study

if TYPE_CHECKING:
    from tests.tune.conftest import NewLab, Outline


def test_two_claims_are_two_trials(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 2}})
    study = lab.study()
    one, other = lease_trial(study, lab.folder, 2), lease_trial(study, lab.folder, 2)
    assert one is not None
    assert other is not None
    assert (one.trial.number, other.trial.number) == (0, 1)
    assert not one.resumed
    assert lease_trial(study, lab.folder, 2) is None
    one.lock.release()
    other.lock.release()


def test_a_trial_whose_lock_is_free_is_adopted_under_its_own_number(new_lab: NewLab) -> None:
    lab = new_lab("study")
    study = lab.study()
    held, dropped = lease_trial(study, lab.folder, 4), lease_trial(study, lab.folder, 4)
    assert held is not None
    assert dropped is not None
    dropped.trial.suggest_float("dropout", 0.0, 0.5)
    dropped.lock.release()
    assert interrupted_trials(study, lab.folder) == [1]
    resumed = lease_trial(lab.study(), lab.folder, 4)
    assert resumed is not None
    assert (resumed.trial.number, resumed.resumed) == (1, True)
    assert resumed.trial.params == dropped.trial.params
    assert interrupted_trials(study, lab.folder) == []
    resumed.lock.release()
    held.lock.release()


def test_an_interrupted_trial_is_adopted_even_when_the_study_is_full(new_lab: NewLab) -> None:
    lab = new_lab("study")
    study = lab.study()
    begun = lease_trial(study, lab.folder, 1)
    assert begun is not None
    begun.lock.release()
    again = lease_trial(study, lab.folder, 1)
    assert again is not None
    assert again.trial.number == 0
    again.lock.release()


def test_threads_with_studies_of_their_own_never_share_a_trial(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lab.study()

    def claim_one(_: int) -> int | None:
        lease = lease_trial(lab.study(), lab.folder, 6)
        return None if lease is None else lease.trial.number

    with ThreadPoolExecutor(4) as pool:
        numbers = [number for number in pool.map(claim_one, range(8)) if number is not None]
    # A claim that is dropped without its lock held to the end may be adopted by a later thread.
    assert set(numbers) == set(range(len(set(numbers))))
    assert len(set(numbers)) <= 6


@pytest.mark.slow
def test_two_processes_give_exactly_the_asked_number_of_trials(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 6}, "training": {"epochs": 2}})
    lab.study()
    workers = [start_worker(lab.place) for _ in range(2)]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    states = [trial.state for trial in lab.trials()]
    assert len(states) == 6
    assert all(state in (TrialState.COMPLETE, TrialState.PRUNED) for state in states)


@pytest.mark.slow
def test_a_worker_that_was_killed_costs_nothing(new_lab: NewLab, outline: Outline) -> None:
    """The study ends as if nobody had been killed, to the bit."""
    lab = new_lab("killed", {"search": {"trials": 3}})
    study = lab.study()
    worker = start_worker(lab.place)
    deadline = time.monotonic() + 120
    # Killed in mid-trial: one trial is done, and the next has its first epoch.
    while not any(trial.number >= 1 and trial.intermediate_values for trial in study.get_trials(deepcopy=False)):
        assert worker.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    worker.send_signal(signal.SIGKILL)
    assert worker.wait(60) == -signal.SIGKILL
    assert lab.search().reason == "3 trials finished"
    whole = new_lab("whole", {"search": {"trials": 3}})
    whole.search()
    assert [outline(trial) for trial in lab.trials()] == [outline(trial) for trial in whole.trials()]


def test_a_study_that_does_not_exist_is_none(new_lab: NewLab) -> None:
    assert load_study(new_lab("study").study()._storage, "another") is None
