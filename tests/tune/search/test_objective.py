"""One trial: what it reports, what it records, and how it goes on from its checkpoint."""

from __future__ import annotations

import math
import time
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest
import torch
from optuna import Trial
from optuna.pruners import ThresholdPruner
from optuna.trial import TrialState

from tune.config.spaces import Scalar
from tune.evaluation.test_evaluation import logits_on
from tune.search.loop import suggest_all
from tune.search.objective import epoch_score, run_trial
from tune.study.leases import lease_trial
from tune.study.records import Outcome
from tune.training.checkpoint import load_checkpoint
from tune.training.hyperparameters import model_parameters, training_settings
from tune.training.metrics import score

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab

CPU = torch.device("cpu")


def begin(lab: Lab) -> tuple[Trial, dict[str, Scalar]]:
    lease = lease_trial(lab.study(), lab.folder, 100)
    assert lease is not None
    lease.lock.release()
    searched, fixed = lab.settings.ranges()
    return lease.trial, {**fixed, **suggest_all(lease.trial, searched)}


def run(lab: Lab, trial: Trial, parameters: dict[str, Scalar]) -> Outcome:
    context = lab.context(trial.study)
    return run_trial(context, trial, parameters, before_step=lambda: None, after_epoch=lambda epoch, score: None)


@pytest.mark.parametrize("n_folds", [0, 2])
def test_every_epoch_is_reported_and_the_best_is_the_value(new_lab: NewLab, n_folds: int) -> None:
    lab = new_lab("study", {"split": {"folds": n_folds}})
    trial, parameters = begin(lab)
    outcome = run(lab, trial, parameters)
    reported = lab.trials()[0].intermediate_values
    history = outcome.record["history"]
    assert len(history) == len(outcome.weights) == max(n_folds, 1)
    for epoch, value in reported.items():
        assert value == pytest.approx(fmean(fold[epoch - 1]["validation"]["accuracy"] for fold in history))
    best = [
        fold[number - 1]["validation"]["accuracy"]
        for fold, number in zip(history, outcome.record["best_epochs"], strict=True)
    ]
    assert outcome.value == pytest.approx(fmean(best)) == outcome.record["validation_accuracy"]
    # No fold is judged after an epoch of its own choice, which would be its luckiest.
    assert len(set(outcome.record["best_epochs"])) == 1
    assert outcome.value == pytest.approx(max(reported.values()))
    assert not outcome.pruned
    record = outcome.record
    assert record["accuracy_gap"] == pytest.approx(record["train_accuracy"] - record["validation_accuracy"])
    assert record["epochs_run"] == len(reported)


def test_a_pruned_trial_has_no_value_but_a_record(new_lab: NewLab) -> None:
    lab = new_lab("study")
    trial, parameters = begin(lab)
    trial.study.pruner = ThresholdPruner(lower=1.1, n_warmup_steps=2)
    outcome = run(lab, trial, parameters)
    assert outcome.pruned
    assert outcome.value is None
    assert outcome.reason == "pruned after epoch 2"
    assert outcome.record["epochs_run"] == 2


def test_a_trial_that_was_to_be_pruned_when_its_process_died_is_pruned_without_another_epoch(new_lab: NewLab) -> None:
    lab = new_lab("study", {"machine": {"checkpoint_every": 1e-9}})
    trial, parameters = begin(lab)
    trial.study.pruner = ThresholdPruner(lower=1.1, n_warmup_steps=2)
    first = run(lab, trial, parameters)
    assert run(lab, trial, parameters).record["history"] == first.record["history"]


def test_a_trial_that_had_reported_more_than_its_checkpoint_has_ends_with_the_same_numbers(new_lab: NewLab) -> None:
    lab = new_lab("study", {"machine": {"checkpoint_every": 1e-9}})
    trial, parameters = begin(lab)
    trial.study.pruner = ThresholdPruner(lower=1.1, n_warmup_steps=3)
    path = lab.folder.checkpoint(trial.number)
    after_epoch = [b""]

    def keep(epoch: int, score: float) -> None:
        # It is written beside the training, and is never there in part.
        while not path.exists() or path.read_bytes() == after_epoch[-1]:
            time.sleep(0.001)
        after_epoch.append(path.read_bytes())

    def scores() -> tuple[bool, list[dict[str, Any]]]:
        context = lab.context(trial.study)
        outcome = run_trial(context, trial, parameters, before_step=lambda: None, after_epoch=keep)
        return outcome.pruned, [epoch["validation"] for epoch in outcome.record["history"][0]]

    whole = scores()
    assert whole[0]
    assert len(whole[1]) == 3
    path.write_bytes(after_epoch[1])
    assert scores() == whole


def test_a_checkpoint_that_was_not_reported_is_reported_on_resume(new_lab: NewLab) -> None:
    lab = new_lab("study")
    one, parameters = begin(lab)
    done = run(lab, one, parameters)
    # A second study has the same first trial, and not one report yet.
    twin = new_lab("twin")
    trial, same = begin(twin)
    assert same == parameters
    path = twin.folder.checkpoint(trial.number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lab.folder.checkpoint(one.number).read_bytes())
    assert run(twin, trial, same).value == done.value
    assert twin.trials()[0].intermediate_values == lab.trials()[0].intermediate_values


def test_a_damaged_checkpoint_starts_the_trial_over_and_ends_with_the_same_numbers(
    new_lab: NewLab,
) -> None:
    lab = new_lab("study")
    trial, parameters = begin(lab)
    path = lab.folder.checkpoint(trial.number)
    whole = run(lab, trial, parameters)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert load_checkpoint(path) is None
    again = run(lab, trial, parameters)
    assert again.value == whole.value
    for one, other in zip(whole.weights, again.weights, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_folds_advance_together_and_one_that_has_ended_counts_with_its_best(new_lab: NewLab) -> None:
    training = {"epochs": 8, "patience": 2}
    for seed in range(8):
        search = {"pruner": "none", "seed": seed}
        split = {"folds": 2, "common_epoch": False}
        lab = new_lab(f"study-{seed}", {"split": split, "training": training, "search": search})
        trial, parameters = begin(lab)
        outcome = run(lab, trial, parameters)
        lengths = [len(fold) for fold in outcome.record["history"]]
        assert max(lengths) == len(lab.trials()[trial.number].intermediate_values)
        if len(set(lengths)) > 1:
            break
    else:
        pytest.fail("no trial had folds of different length: the toy no longer tests this")
    short = min(range(2), key=lambda fold: lengths[fold])
    history = outcome.record["history"]
    best = history[short][outcome.record["best_epochs"][short] - 1]["validation"]["accuracy"]
    last = max(lengths)
    other = history[1 - short][last - 1]["validation"]["accuracy"]
    assert lab.trials()[trial.number].intermediate_values[last] == pytest.approx((best + other) / 2)


def test_the_common_epoch_has_the_best_mean_and_every_folds_weights_are_of_it(new_lab: NewLab) -> None:
    training = {"epochs": 8, "patience": 2}
    lab = new_lab("study", {"split": {"folds": 3}, "training": training, "search": {"pruner": "none", "seed": 1}})
    trial, parameters = begin(lab)
    outcome = run(lab, trial, parameters)
    history, (best,) = outcome.record["history"], set(outcome.record["best_epochs"])

    def means(name: str) -> list[float]:
        return [
            fmean(scores) for scores in zip(*([e["validation"][name] for e in one] for one in history), strict=True)
        ]

    ranks = list(zip(means("accuracy"), (-loss for loss in means("loss")), strict=True))
    assert ranks[best - 1] == max(ranks)
    since = len(ranks) - 1 - max(k for k, _ in enumerate(ranks) if k == 0 or ranks[k][0] > max(ranks[:k])[0])
    assert len(ranks) == 8 or since == 2
    logits = logits_on(lab.context(trial.study), lab.trials()[trial.number], list(outcome.weights), "validation")
    for one, fold, epochs in zip(logits, lab.splits.folds, history, strict=True):
        assert score(one, fold.validation.labels).loss == pytest.approx(epochs[best - 1]["validation"]["loss"])


def test_every_trial_has_its_own_seed_which_a_resumed_one_derives_again(new_lab: NewLab) -> None:
    lab = new_lab("study")
    lab.search()
    seeds = [trial.user_attrs["seed"] for trial in lab.trials()]
    assert len(set(seeds)) == len(seeds)
    twin = new_lab("twin")
    twin.search()
    assert [trial.user_attrs["seed"] for trial in twin.trials()] == seeds


def test_hyperparameters_reach_the_place_that_they_name(new_lab: NewLab) -> None:
    lab = new_lab("study")
    _, parameters = begin(lab)
    training = training_settings(lab.settings, parameters, 7)
    assert (training.batch_size, training.schedule) == (parameters["batch_size"], parameters["schedule"])
    assert (training.epochs, training.metric, training.seed) == (3, "accuracy", 7)
    network = model_parameters("gru", parameters)
    assert "hidden_size" in network
    assert not network.keys() & {"learning_rate", "normalisation", "batch_size"}


@pytest.mark.parametrize("metric", ["macro_f1", "loss"])
def test_another_metric_decides_everywhere(new_lab: NewLab, metric: str) -> None:
    lab = new_lab("study", {"search": {"metric": metric, "trials": 2, "pruner": "none"}})
    lab.search()
    for trial in lab.trials():
        assert trial.state == TrialState.COMPLETE
        assert trial.value is not None
        assert math.isfinite(trial.value)
        scores: list[Any] = list(trial.intermediate_values.values())
        assert trial.value == pytest.approx(min(scores) if metric == "loss" else max(scores))


def test_the_score_of_an_epoch_needs_that_epoch(new_lab: NewLab) -> None:
    with pytest.raises(ValueError, match="mean"):
        epoch_score([], 1, "accuracy")
