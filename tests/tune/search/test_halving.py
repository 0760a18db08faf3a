"""Successive halving in a real study: who waits, who goes on, and what happens when the time is short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from tune.cli.commands.status import _row
from tune.core.stopping import StopWatch
from tune.run import search_and_judge
from tune.search.progress import Progress
from tune.study.brackets import TO_THE_END
from tune.study.leases import interrupted_trials, lease_waiting
from tune.study.locks import try_trial_lock
from tune.study.selection import last_to_finish
from tune.study.store import LEFT, note_left
from tune.study.study import as_left, best_trial, is_paused

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab, NewNotes, NewStop

NINE: dict[str, Any] = {"search": {"trials": 9}, "training": {"epochs": 9, "patience": 9}}


def test_of_nine_trials_three_go_on_and_then_one(new_lab: NewLab, new_notes: NewNotes) -> None:
    lab, notes = new_lab("study", NINE), new_notes()
    assert lab.search(observer=notes).reason == "9 trials finished"
    trials = lab.trials()
    assert sorted(len(trial.intermediate_values) for trial in trials) == [1] * 6 + [3] * 2 + [9]
    assert Counter(trial.state for trial in trials) == {TrialState.PRUNED: 8, TrialState.COMPLETE: 1}
    assert [state for _, state, _ in notes.finished[:9]] == ["paused"] * 9
    assert notes.finished[0][2] == "paused after epoch 1: the 3 best of trials 0 to 8 go on"
    assert {trial.user_attrs["reason"] for trial in trials if len(trial.intermediate_values) == 3} == {
        "pruned after epoch 3"
    }
    # No epoch is trained twice.
    assert len(set(notes.epochs)) == len(notes.epochs) == 6 + 2 * 3 + 9
    assert list((lab.folder.root / ".checkpoints").iterdir()) == []
    for trial in trials:
        assert "accuracy_gap" in trial.user_attrs
        assert trial.user_attrs["epochs_run"] == len(trial.intermediate_values)


def paused(new_lab: NewLab, stop_after: NewStop) -> Lab:
    """A study that was interrupted when its fourth trial had begun."""
    lab = new_lab("study", NINE)
    n_steps_each = len(lab.splits.folds[0].train) // 8
    n_steps = 3 * n_steps_each + 1
    while sum(is_paused(lab.study(), trial) for trial in lab.trials()) < 2:
        assert lab.search(stop_after(n_steps)).reason == "interrupted"
    return lab


def test_paused_trials_are_no_accidents_and_count_with_what_they_have(new_lab: NewLab, stop_after: NewStop) -> None:
    lab = paused(new_lab, stop_after)
    study, trials = lab.study(), lab.trials()
    waiting = [trial.number for trial in trials if is_paused(study, trial)]
    left = interrupted_trials(study, lab.folder)
    row = _row(study, lab.folder)
    assert (row.running, row.paused, row.interrupted) == ("0", str(len(waiting)), str(len(left) - len(waiting)))
    for number in waiting:
        assert as_left(trials[number]).values
        assert lab.folder.checkpoint(number).exists()


def test_the_best_that_waits_is_finished_when_there_is_only_time_for_that(new_lab: NewLab, stop_after: NewStop) -> None:
    lab = paused(new_lab, stop_after)
    study, best = lab.study(), best_trial(lab.study())
    assert best is not None
    assert last_to_finish(study, lab.settings, 1, seconds=1e6) is None
    assert last_to_finish(study, lab.settings, 1, seconds=0.0) == best.number
    lease = lease_waiting(study, lab.folder, best.number)
    assert lease is not None
    assert (lease.trial.number, lease.leg) == (best.number, TO_THE_END)
    assert lease_waiting(study, lab.folder, best.number) is None
    lease.lock.release()
    lab.search()
    assert last_to_finish(lab.study(), lab.settings, 1, seconds=0.0) is None


def test_who_waits_for_a_slow_one_finishes_the_best_in_time(new_lab: NewLab, stop_after: NewStop) -> None:
    lab = new_lab("study", NINE)
    while len(lab.trials()) < 9:
        lab.search(stop_after(len(lab.splits.folds[0].train) // 8))
    study, best = lab.study(), best_trial(lab.study())
    assert best is not None
    assert [is_paused(study, trial) for trial in lab.trials()] == [True] * 8 + [False]
    left = lab.trials()[best.number].system_attrs[LEFT]
    half_a_second = {**left["record"], "training_seconds": best.user_attrs["epochs_run"] / 2}
    note_left(study, best, {**left, "record": half_a_second})
    slow = try_trial_lock(study, lab.folder, 8)
    assert slow is not None
    assert lab.search(StopWatch(timeout_seconds=12.0)).reason == "time is up"
    slow.release()
    assert lab.trials()[best.number].state == TrialState.COMPLETE


def test_what_an_earlier_run_has_left_is_shown_as_far_as_it_has_come(new_lab: NewLab, stop_after: NewStop) -> None:
    lab, shown = paused(new_lab, stop_after), []

    @contextmanager
    def show(progress: Progress) -> Iterator[Progress]:
        shown.extend(progress.rows)
        yield progress

    search_and_judge(lab.context(), show=show, stop=stop_after(0))
    trials = lab.trials()
    assert len(shown) >= 2
    for row in shown:
        assert (row.state, row.epoch, row.score) == ("paused", 1, trials[row.number].intermediate_values[1])
