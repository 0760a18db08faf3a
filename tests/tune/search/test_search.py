"""An interrupted study equals an uninterrupted one; failures and divergence are recorded, and the study goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from tune.core.stopping import StopWatch
from tune.evaluation.last_fit import seconds_to_refit
from tune.search.loop import MOST_FAILURES_IN_A_ROW, suggest_all
from tune.study.leases import lease_trial
from tune.training.splits import Splits

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab, NewNotes, NewStop, Outline

FOLDS = {"split": {"folds": 2}, "search": {"trials": 3}}
# More trials than the samplers draw at random before they begin to model.
MODELLED = {"search": {"trials": 10}, "training": {"epochs": 2}}


def run_in_pieces(lab: Lab, stop_after: NewStop, n_steps: int) -> int:
    """Runs the study to its end, stopping every ``n_steps``; returns how often it was begun again."""
    for n_runs in range(1, 500):
        if lab.search(stop_after(n_steps)).reason != "interrupted":
            return n_runs
        # A run that is stopped inside an epoch gives that epoch up: the next one has to get further.
        n_steps += 1 + n_steps // 4
    raise AssertionError("the study never ends")


@pytest.fixture(scope="module")
def uninterrupted() -> dict[str, list[dict[str, Any]]]:
    return {}


@pytest.mark.parametrize(
    ("layer", "n_steps"),
    [({}, 0), ({}, 9), (FOLDS, 0), (FOLDS, 7), (MODELLED, 16)],
)
def test_an_interrupted_study_equals_an_uninterrupted_one(
    new_lab: NewLab,
    stop_after: NewStop,
    outline: Outline,
    uninterrupted: dict[str, list[dict[str, Any]]],
    layer: dict[str, Any],
    n_steps: int,
) -> None:
    """``n_steps`` into each run, wherever in an epoch or a trial that is; 0 stops before the very first step."""
    key = str(layer)
    if key not in uninterrupted:
        whole = new_lab("whole", layer)
        assert whole.search().reason == f"{whole.settings.search.trials} trials finished"
        uninterrupted[key] = [outline(trial) for trial in whole.trials()]
    pieces = new_lab("pieces", layer)
    n_runs = run_in_pieces(pieces, stop_after, n_steps)
    assert n_runs > 1
    assert [outline(trial) for trial in pieces.trials()] == uninterrupted[key]


def test_a_study_that_is_given_more_trials_equals_one_that_had_them_from_the_start(
    new_lab: NewLab, outline: Outline
) -> None:
    grown = new_lab("grown", {"search": {"trials": 3}})
    grown.search()
    first = [outline(trial) for trial in grown.trials()]
    grown.with_settings({"search": {"trials": 5}}).search()
    later = [outline(trial) for trial in grown.trials()]
    whole = new_lab("whole", {"search": {"trials": 5}})
    whole.search()
    assert later[:3] == first
    assert later == [outline(trial) for trial in whole.trials()]
    assert len({str(trial["parameters"]) for trial in later}) == 5


def test_the_total_is_never_exceeded(new_lab: NewLab, new_notes: NewNotes) -> None:
    lab, notes = new_lab("study", {"search": {"trials": 2}}), new_notes()
    assert lab.search().reason == lab.search(observer=notes).reason == "2 trials finished"
    assert len(lab.trials()) == 2
    assert notes.started == []


def test_another_seed_gives_another_study(new_lab: NewLab) -> None:
    one, other = new_lab("one", {"search": {"trials": 7}}), new_lab("other", {"search": {"trials": 7, "seed": 4}})
    one.search()
    other.search()
    for mine, others in zip(one.trials()[:5], other.trials(), strict=False):
        assert mine.params == others.params  # A known-good configuration, and the portfolio.
    assert one.trials()[5].params != other.trials()[5].params
    assert one.trials()[6].params != other.trials()[6].params


def test_the_observer_is_told_everything_in_order(new_lab: NewLab, new_notes: NewNotes, stop_after: NewStop) -> None:
    lab = new_lab("study", {"search": {"trials": 1}})
    begun, rest = new_notes(), new_notes()
    lab.search(stop_after(3), observer=begun)
    lab.search(observer=rest)
    assert begun.started == [(0, False)]
    assert rest.started == [(0, True)]
    assert begun.epochs == [(0, 1)]
    assert rest.epochs == [(0, 2), (0, 3)]
    assert begun.finished == []
    assert [(number, state) for number, state, _ in rest.finished] == [(0, "complete")]


def test_a_timeout_leaves_the_trial_for_the_next_run(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 2}})
    assert lab.search(StopWatch(timeout_seconds=1e-9)).reason == "time is up"
    assert all(trial.state == TrialState.WAITING for trial in lab.trials())
    assert lab.search().reason == "2 trials finished"


@pytest.mark.parametrize(("metric", "target"), [("accuracy", 0.4), ("loss", 1.0)])
def test_a_target_ends_the_trial_and_the_study(new_lab: NewLab, metric: str, target: float) -> None:
    search = {"metric": metric, "target": target, "pruner": "none"}
    lab = new_lab("study", {"search": search, "training": {"epochs": 8}})
    assert lab.search().reason == f"target {target:g} reached"
    last = lab.trials()[-1]
    assert last.state in (TrialState.COMPLETE, TrialState.WAITING)
    done = [trial for trial in lab.trials() if trial.state == TrialState.COMPLETE]
    assert any("target reached in epoch" in trial.user_attrs.get("reason", "") for trial in done)
    assert lab.search().reason == f"target {target:g} reached"
    assert len([trial for trial in lab.trials() if trial.state != TrialState.WAITING]) == len(done)


def diverging(lab: Lab) -> Lab:
    """The study with one poisoned training sequence: its values are not finite from the first step on."""
    fold = lab.splits.folds[0]
    values = fold.train.values.clone()
    values[0] = torch.nan
    poisoned = replace(fold, train=replace(fold.train, values=values))
    return replace(lab, splits=Splits(lab.splits.dataset, lab.splits.split, (poisoned,)))


def test_a_diverging_trial_is_pruned_with_its_reason_and_without_a_value(new_lab: NewLab) -> None:
    lab = diverging(new_lab("study", {"search": {"trials": 3}}))
    assert lab.search().reason == "3 trials finished"
    for trial in lab.trials():
        assert trial.state == TrialState.PRUNED
        assert trial.intermediate_values == {}
        assert trial.value is None
        assert trial.user_attrs["reason"] == "non-finite loss: the training loss became nan in epoch 1"


def test_a_diverging_trial_keeps_the_epochs_before(new_lab: NewLab, stop_after: NewStop) -> None:
    lab = new_lab("study", {"search": {"trials": 1}})
    lab.search(stop_after(3))
    diverging(lab).search()
    trial, *_ = lab.trials()
    assert trial.state == TrialState.PRUNED
    assert sorted(trial.intermediate_values) == [1]
    assert trial.user_attrs["epochs_run"] == 1
    assert trial.user_attrs["reason"].endswith("in epoch 2")


def broken(lab: Lab) -> Lab:
    """The study with a training set whose labels a network has no class for."""
    fold = lab.splits.folds[0]
    labels = fold.train.labels + 1
    names = (*fold.train.class_names, "one too many")
    wrong = replace(fold, train=replace(fold.train, labels=labels, class_names=names))
    return replace(lab, splits=Splits(lab.splits.dataset, lab.splits.split, (wrong,)))


def test_an_error_fails_the_trial_with_its_reason_and_three_in_a_row_end_the_run(
    new_lab: NewLab, new_notes: NewNotes
) -> None:
    lab, notes = new_lab("study"), new_notes()
    ended = broken(lab).search(observer=notes)
    assert ended.reason == f"{MOST_FAILURES_IN_A_ROW} trials in a row failed"
    assert "must be smaller than num_classes" in ended.failure
    failed = lab.trials()[:MOST_FAILURES_IN_A_ROW]
    assert all(trial.state == TrialState.FAIL for trial in failed)
    assert all(trial.user_attrs["reason"] == ended.failure for trial in failed)
    assert all("Traceback" in trial.user_attrs["traceback"] for trial in failed)
    assert [state for _, state, _ in notes.finished] == ["failed"] * MOST_FAILURES_IN_A_ROW


def test_failed_trials_do_not_count_towards_the_total(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 2}})
    broken(lab).search()
    assert lab.search().reason == "2 trials finished"
    states = [trial.state for trial in lab.trials()]
    assert states[:MOST_FAILURES_IN_A_ROW] == [TrialState.FAIL] * MOST_FAILURES_IN_A_ROW
    assert sorted(states[MOST_FAILURES_IN_A_ROW:]) == [TrialState.COMPLETE, TrialState.PRUNED]


def test_files_that_cannot_be_written_fail_the_trial_and_do_not_break_the_run(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 2}})
    lab.study()
    (lab.folder.root / "trials").write_text("in the way of the folder")
    assert lab.search().reason == f"{MOST_FAILURES_IN_A_ROW} trials in a row failed"


def test_a_full_disk_after_the_trial_is_stored_costs_its_files_only(new_lab: NewLab) -> None:
    """The database has the trial: what is missing beside it can be made again from there."""
    lab = diverging(new_lab("study", {"search": {"trials": 2}}))
    lab.study()
    (lab.folder.root / "trials").write_text("in the way of the folder")
    assert lab.search().reason == "2 trials finished"
    assert [trial.state for trial in lab.trials()] == [TrialState.PRUNED] * 2


def test_a_finished_trial_leaves_no_checkpoint_and_only_the_best_leaves_weights(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"pruner": "none"}})
    lab.search()
    assert list((lab.folder.root / ".checkpoints").iterdir()) == []
    best = max(lab.trials(), key=lambda trial: (trial.value or 0.0, -trial.number))
    (weights,) = (lab.folder.root / "trials").glob("*/weights.safetensors")
    assert weights.parent.name.startswith(f"{best.number:04d}-")
    assert len(list((lab.folder.root / "trials").glob("*/history.csv"))) == 4


def test_every_kind_of_distribution_is_suggested_within_its_bounds(new_lab: NewLab) -> None:
    lab = new_lab("study")
    searched = {
        "whole": IntDistribution(1, 9, step=4),
        "whole, logarithmic": IntDistribution(1, 100, log=True),
        "real": FloatDistribution(0.0, 1.0, step=0.25),
        "real, logarithmic": FloatDistribution(1e-3, 1.0, log=True),
        "choice": CategoricalDistribution(["a", "b"]),
    }
    study = lab.study()
    lease = lease_trial(study, lab.folder, 3)
    assert lease is not None
    values = suggest_all(lease.trial, searched)
    assert values == suggest_all(lease.trial, searched)
    lease.lock.release()
    for name, distribution in searched.items():
        assert distribution._contains(distribution.to_internal_repr(values[name]))


def test_the_last_fit_is_given_the_time_of_all_epochs_on_more_sequences(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1}})
    assert seconds_to_refit(lab.study(), lab.settings, lab.splits) == 0.0
    lab.search()
    (trial,) = lab.trials()
    seconds = trial.user_attrs["training_seconds"] / trial.user_attrs["epochs_run"] * lab.settings.training.epochs
    n_train, n_more = len(lab.splits.split.train), len(lab.splits.split.validation)
    expected = seconds * (n_train + n_more) / n_train
    assert seconds_to_refit(lab.study(), lab.settings, lab.splits) == pytest.approx(expected)
