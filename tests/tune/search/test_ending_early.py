"""A search that ends when nothing is to be gained: the same with any workers and kills; asked to, it goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from optuna.trial import TrialState

from tests.processes import start_worker
from tune.study.study import why_ended_early

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab, NewStop, Outline

# The first bracket ends with a perfect score, when the second one is at its first rung.
LONG: dict[str, Any] = {
    "search": {"trials": 20, "stop": "auto"},
    "training": {"epochs": 6, "patience": 6},
    "space": {"shared": {"learning_rate": 0.003, "weight_averaging": 0.0, "label_smoothing": 0.0, "mixup": 0.0}},
}


def outlines(lab: Lab, outline: Outline) -> list[dict[str, Any]]:
    return [outline(trial) for trial in lab.trials()]


def test_a_score_that_cannot_be_beaten_ends_the_search(new_lab: NewLab) -> None:
    lab = new_lab("study", LONG)
    ended = lab.search()
    assert ended.reason == "nothing more is to be gained: no score can be better than the best, 100%"
    trials = lab.trials()
    assert [trial.value for trial in trials if trial.state == TrialState.COMPLETE] == [1.0]
    assert [len(trial.intermediate_values) for trial in trials[9:]] == [1] * 9
    assert all(trial.state == TrialState.PRUNED for trial in trials[9:])
    study = lab.study()
    assert why_ended_early(study.user_attrs, lab.settings) in ended.reason
    # Resumed, it is as it was.
    assert lab.search().reason == ended.reason
    assert len(lab.trials()) == len(trials)


def test_who_asks_for_more_trials_gets_them_all(new_lab: NewLab) -> None:
    lab = new_lab("study", LONG)
    lab.search()
    more = lab.with_settings({"search": {"trials": 21}})
    assert more.search().reason == "21 trials finished"
    assert not why_ended_early(more.study().user_attrs, more.settings)


@pytest.mark.parametrize("layer", [{"stop": "never"}, {"metric": "loss"}, {"pruner": "median"}])
def test_it_does_not_where_it_is_told_not_to_or_cannot_know(new_lab: NewLab, layer: dict[str, Any]) -> None:
    assert new_lab("study", LONG, {"search": layer}).search().reason == "20 trials finished"


def test_interruptions_change_nothing(new_lab: NewLab, stop_after: NewStop, outline: Outline) -> None:
    whole, interrupted = new_lab("whole", LONG), new_lab("interrupted", LONG)
    whole.search()
    n_runs = 1
    while interrupted.search(stop_after(11)).reason == "interrupted":
        n_runs += 1
    assert n_runs > 3
    assert outlines(interrupted, outline) == outlines(whole, outline)


@pytest.mark.slow
def test_two_workers_one_of_whom_is_killed_end_it_after_the_same_trials(new_lab: NewLab, outline: Outline) -> None:
    whole, shared = new_lab("whole", LONG), new_lab("shared", LONG)
    whole.search()
    shared.study()
    workers = [start_worker(shared.place) for _ in range(2)]
    deadline = time.monotonic() + 120
    while len(shared.trials()) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers[0].kill()
    workers[0].wait()
    workers.append(start_worker(shared.place))
    assert [one.wait(300) for one in workers[1:]] == [0, 0]
    assert outlines(shared, outline) == outlines(whole, outline)
    assert why_ended_early(shared.study().user_attrs, shared.settings)
