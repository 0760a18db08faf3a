"""What is known of ended trials is what a walk through all of them finds, and takes no walk through all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna import Study
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import event

from tune.search.loop import seconds_afterwards, target_reached
from tune.study.brackets import plan_of
from tune.study.context import RunContext
from tune.study.ended import WEIGHTS_DIGESTS, is_over_a_cap, metric_value
from tune.study.samplers import n_finished
from tune.study.selection import seconds_searched, will_be_kept
from tune.study.storage import open_storage, sqlite_url
from tune.study.store import engine_of, n_trials_in
from tune.study.study import best_by_metric, best_in_database, best_trial, best_trials, load_study
from tune.study.trial_files import drop_outdone_weights

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab

STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
OURS = str(Path(__file__).parents[3] / "tune")


def trial_of(state: TrialState, value: float, **attributes: Any) -> FrozenTrial:
    return create_trial(
        state=state,
        value=value if state == TrialState.COMPLETE else None,
        user_attrs={"training_seconds": 1.5, "epochs_run": 3, **attributes},
        intermediate_values={1: value},
        constraints={"max_parameters": value - 0.8} if state != TrialState.FAIL else {},
    )


@given(
    values=st.lists(st.tuples(st.sampled_from([*STATES, TrialState.RUNNING]), st.integers(0, 10)), max_size=30),
    direction=st.sampled_from(["maximize", "minimize"]),
    n_best=st.sampled_from([None, 1, 3]),
)
def test_the_best_are_those_that_a_walk_through_all_finds(
    values: list[tuple[TrialState, int]], direction: Literal["maximize", "minimize"], n_best: int | None
) -> None:
    study = optuna.create_study(direction=direction)
    begun: list[tuple[optuna.Trial, float]] = []
    for state, value in values:
        if state == TrialState.RUNNING:
            begun.append((study.ask(), value / 10))
        else:
            study.add_trial(trial_of(state, value / 10))
        if len(begun) == 3:  # Those that end out of their order.
            late, at = begun.pop(0)
            study.tell(late, at)
        sign = 1 if direction == "maximize" else -1
        complete = [one for one in study.trials if one.state == TrialState.COMPLETE and not is_over_a_cap(one)]
        walked = sorted(complete, key=lambda one: -sign * metric_value(one))
        assert [one.number for one in best_trials(study, n_best)] == [one.number for one in walked[:n_best]]
        best = best_by_metric(study)
        assert (None if best is None else best.number) == (walked[0].number if walked else None)
        ended = [one for one in study.trials if one.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        assert n_finished(study) == len(ended)
        assert seconds_searched(study) == sum(one.user_attrs.get("training_seconds", 0.0) for one in study.trials)


def filled(lab: Lab, n_trials: int) -> Study:
    """The lab's study with more trials that have ended, so many in all."""
    study = lab.study()
    like = next(one for one in study.get_trials() if one.state == TrialState.COMPLETE)
    like.user_attrs = {
        name: value for name, value in like.user_attrs.items() if name not in (WEIGHTS_DIGESTS, "origin")
    }
    for k in range(len(study.trials), n_trials):
        like.values = [0.1 + k % 7 / 100]
        study.add_trial(like)
    return study


def calls_of_ours(act: Callable[[], object]) -> int:
    """Calls of functions of this project, and from it: whatever it does with each trial of a study makes some."""
    n_calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal n_calls
        caller = frame.f_back
        files = (frame.f_code.co_filename, caller.f_code.co_filename if caller is not None else "")
        n_calls += event == "call" and any(file.startswith(OURS) for file in files)

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return n_calls


@pytest.mark.parametrize("pruner", ["halving", "median"])
def test_what_is_done_after_a_trial_does_not_grow_with_the_trials_before(pruner: str, new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 3, "pruner": pruner}, "confirmation": {"configurations": 3}})
    lab.search()
    n_calls = []
    for n_trials in (63, 243):
        study = filled(lab, n_trials)
        context = lab.with_settings({"search": {"trials": n_trials + 9}}).context(study)

        def after_a_trial(context: RunContext = context) -> None:
            study, settings = context.study, context.settings
            seconds_afterwards(study, settings, context.splits)
            target_reached(study, settings)
            will_be_kept(study, optuna.Trial(study, study.trials[-1]._trial_id), [0.1])
            drop_outdone_weights(context.folder, study)
            plan_of(study, settings.search.trials)
            n_finished(study)

        after_a_trial()  # Whoever opens a study looks at all that it has.
        study.add_trial(study.trials[-1])
        n_calls.append(calls_of_ours(after_a_trial))
    assert 0 < n_calls[1] <= 1.02 * n_calls[0]


def test_a_summary_is_read_without_the_trials(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 3}})
    lab.search()
    filled(lab, 12)
    expected = best_trial(lab.study())
    study = load_study(open_storage(sqlite_url(lab.place / "tune.db")), lab.name, with_trials=False)
    assert study is not None
    statements: list[str] = []
    event.listen(engine_of(study), "before_cursor_execute", lambda *given: statements.append(given[2]))
    best, counts = best_in_database(study), n_trials_in(study)
    assert best is not None
    assert expected is not None
    assert (best.number, best.values, best.params) == (expected.number, expected.values, expected.params)
    assert sum(counts.values()) == 12
    n_read = [statement for statement in statements if "trial_user_attributes" in statement]
    assert len(n_read) == 1  # That of the best.
