"""Several workers on one study, as real processes that are killed, stopped and poisoned: the total stays exact."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from optuna.trial import FrozenTrial, TrialState, create_trial

from tests.hard_parts import HardParts
from tune.config.settings import resolve
from tune.config.spaces import Scalar
from tune.core.stopping import StopWatch
from tune.search.executor import executor_for
from tune.search.loop import Ended
from tune.search.workers import MOST_RESTARTS_EACH, SeveralProcesses, describe_exit, tell_crash
from tune.study.leases import MOST_CRASHES, interrupted_trials, lease_trial, note_crash
from tune.study.storage import sqlite_url
from tune.study.store import database_of

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
TWO = {"machine": {"workers": 2}}
LONG: dict[str, Any] = {"training": {"epochs": 8, "patience": 8}, "search": {"pruner": "none"}}


@dataclass
class Watcher:
    """An observer that remembers, and may send a signal to one of two workers when both are in mid-trial."""

    in_mid_trial: signal.Signals | None = None
    started: list[tuple[int, bool]] = field(default_factory=list)
    finished: list[tuple[int, str]] = field(default_factory=list)
    crashed: list[tuple[int, str]] = field(default_factory=list)

    def trial_started(self, number: int, parameters: dict[str, Scalar], resumed: bool) -> None:
        self.started.append((number, resumed))

    def epoch_finished(self, number: int, epoch: int, score: float) -> None:
        if self.in_mid_trial is not None and len(self.started) == len(self.finished) + 2:
            victim, *_ = [child.pid for child in multiprocessing.active_children() if child.pid]
            os.kill(victim, self.in_mid_trial)
            self.in_mid_trial = None

    def trial_finished(self, number: int, state: str, value: float | None, reason: str) -> None:
        self.finished.append((number, state))

    def trial_crashed(self, number: int, reason: str) -> None:
        self.crashed.append((number, reason))


def search(lab: Lab, watcher: Watcher | None = None, stop: StopWatch | None = None) -> Ended:
    """As a run does it, in as many processes as the settings say."""
    ended = SeveralProcesses().run(lab.context(), watcher or Watcher(), stop or StopWatch())
    assert not multiprocessing.active_children()
    assert [one.name for one in (lab.folder.root / ".workers").iterdir()] == ["lock"]
    return ended


def finished(lab: Lab) -> list[FrozenTrial]:
    return [one for one in lab.trials() if one.state in (TrialState.COMPLETE, TrialState.PRUNED)]


def hard(lab: Lab, **what: Any) -> Lab:
    splits, seed = lab.splits, lab.settings.search.seed
    return replace(lab, splits=HardParts(splits.dataset, splits.split, splits.folds, study_seed=seed, **what))


def test_two_workers_finish_exactly_what_was_asked_for(new_lab: NewLab) -> None:
    lab = new_lab("study", TWO, {"search": {"trials": 7}})
    watcher = Watcher()
    assert search(lab, watcher) == Ended("7 trials finished")
    assert [one.number for one in finished(lab)] == list(range(7))
    assert sorted(number for number, state in watcher.finished if state != "paused") == list(range(7))
    assert not watcher.crashed
    assert search(lab.with_settings({"search": {"trials": 9}})) == Ended("9 trials finished")
    assert [one.number for one in finished(lab)] == list(range(9))


def test_a_killed_workers_trial_goes_on_under_its_own_number(new_lab: NewLab) -> None:
    lab = hard(new_lab("study", TWO, LONG, {"search": {"trials": 5}}), pause_seconds=0.3)
    watcher = Watcher(in_mid_trial=signal.SIGKILL)
    assert search(lab, watcher) == Ended("5 trials finished")
    assert [one.number for one in finished(lab)] == list(range(5))
    ((number, reason),) = watcher.crashed
    assert "SIGKILL" in reason
    assert (number, True) in watcher.started
    assert {one.number: one.user_attrs["crashes"] for one in lab.trials() if "crashes" in one.user_attrs} == {
        number: [reason]
    }


def test_a_worker_that_is_asked_to_end_is_replaced(new_lab: NewLab) -> None:
    lab = hard(new_lab("study", TWO, LONG, {"search": {"trials": 5}}), pause_seconds=0.3)
    watcher = Watcher(in_mid_trial=signal.SIGTERM)
    assert search(lab, watcher) == Ended("5 trials finished")
    assert [one.number for one in finished(lab)] == list(range(5))
    assert any(resumed for _, resumed in watcher.started)
    assert not watcher.crashed
    assert not any("crashes" in one.user_attrs for one in lab.trials())


def test_a_trial_that_ends_three_workers_has_failed_and_is_not_tried_again(new_lab: NewLab) -> None:
    lab = hard(new_lab("study", {"search": {"trials": 3}}), deadly=(1,), from_epoch=2)
    watcher = Watcher()
    assert search(lab, watcher) == Ended("3 trials finished")
    deadly = lab.trials()[1]
    assert deadly.state == TrialState.FAIL
    assert len(deadly.user_attrs["crashes"]) == MOST_CRASHES
    assert "given up after 3 crashes" in deadly.user_attrs["reason"]
    assert "SIGSEGV" in deadly.user_attrs["reason"]
    assert [number for number, _ in watcher.started].count(1) == MOST_CRASHES
    assert [number for number, _ in watcher.crashed] == [1] * (MOST_CRASHES - 1)
    assert (1, "failed") in watcher.finished
    assert [one.number for one in finished(lab)] == [0, 2, 3]
    assert not lab.folder.checkpoint(1).exists()


def test_workers_that_die_of_every_trial_are_not_started_for_ever(new_lab: NewLab) -> None:
    lab = hard(new_lab("study", {"search": {"trials": 50}}), deadly=None)
    ended = search(lab)
    assert ended.reason == f"{MOST_RESTARTS_EACH + 1} workers ended before they had finished a trial"
    assert "SIGSEGV" in ended.failure
    assert [one.state for one in lab.trials()] == [TrialState.FAIL, TrialState.FAIL]


def test_workers_that_cannot_begin_say_why_in_a_sentence(
    new_lab: NewLab, capfd: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    lab = new_lab("study", TWO)
    study = lab.study()
    (tmp_path / "other.db").write_bytes(b"no database" * 100)
    database_of(study).url = sqlite_url(tmp_path / "other.db")
    ended = SeveralProcesses().run(lab.context(study), Watcher(), StopWatch())
    assert ended.reason == "workers cannot begin"
    assert "other.db cannot be used" in ended.failure
    assert "Traceback" not in ended.failure
    assert capfd.readouterr().err == ""


def test_the_target_ends_all_workers(new_lab: NewLab) -> None:
    lab = new_lab("study", TWO, {"search": {"trials": 500, "target": 0.5}})
    assert search(lab) == Ended("target 0.5 reached")
    assert len(lab.trials()) < 20
    assert not [one for one in lab.trials() if one.state == TrialState.FAIL]


def test_the_time_counts_from_the_start_of_the_workers(new_lab: NewLab) -> None:
    lab = hard(new_lab("study", TWO, LONG, {"search": {"trials": 5000}}), pause_seconds=0.1)
    began = time.monotonic()
    assert search(lab, stop=StopWatch(5.0)) == Ended("time is up")
    # A trial's seconds are kept for the last fit, and three given to leave; the rest is what a machine that does other
    # things takes to see them off.
    assert 5 - 2 < time.monotonic() - began < 5 + 12


def test_a_suspended_worker_keeps_nobody_from_leaving(new_lab: NewLab) -> None:
    lab = hard(new_lab("study", TWO, LONG, {"search": {"trials": 500}}), pause_seconds=0.1)
    stop = StopWatch()

    class Leaver(Watcher):
        def epoch_finished(self, number: int, epoch: int, score: float) -> None:
            super().epoch_finished(number, epoch, score)
            if self.in_mid_trial is None:
                stop.request(signal.SIGTERM)

    assert search(lab, Leaver(in_mid_trial=signal.SIGSTOP), stop) == Ended("terminated")
    assert len(interrupted_trials(lab.study(), lab.folder)) == len(lab.trials()) - len(finished(lab))
    assert not any("crashes" in one.user_attrs for one in lab.trials())


def test_a_crash_is_not_noted_on_a_trial_that_was_stored(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1}})
    lab.search()
    assert note_crash(lab.study(), lab.folder, 0, "killed").state == TrialState.COMPLETE
    assert "crashes" not in lab.trials()[0].user_attrs


def test_a_trial_is_not_given_up_under_the_hands_of_another_worker(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lease = lease_trial(lab.study(), lab.folder, 4)
    assert lease is not None
    for _ in range(MOST_CRASHES):
        assert note_crash(lab.study(), lab.folder, 0, "killed").state == TrialState.RUNNING
    lease.lock.release()
    following = lease_trial(lab.study(), lab.folder, 4)
    assert following is not None
    assert following.trial.number == 1
    assert lab.trials()[0].state == TrialState.FAIL
    following.lock.release()


def test_a_trial_with_two_scores_that_was_stored_before_its_worker_died_is_finished() -> None:
    watcher = Watcher()
    tell_crash(watcher, create_trial(state=TrialState.COMPLETE, values=[0.5, 7.0]), "killed")
    assert (watcher.finished, watcher.crashed) == ([(-1, "complete")], [])


@pytest.mark.parametrize(
    ("machine", "executor"),
    [({"workers": 1}, "ThisProcess"), ({"workers": 2}, "SeveralProcesses"), ({"engine": "ray"}, "RayCluster")],
)
def test_the_settings_say_where_trials_run(machine: dict[str, Any], executor: str) -> None:
    assert type(executor_for(resolve({"machine": machine}))).__name__ == executor


@pytest.mark.parametrize(
    ("code", "words"),
    [(-9, "SIGKILL, which is what the system does when memory runs out"), (-11, "SIGSEGV"), (-99, "99"), (7, "code 7")],
)
def test_why_a_process_ended(code: int, words: str) -> None:
    assert words in describe_exit(code)
