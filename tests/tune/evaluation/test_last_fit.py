"""The last fit sees everything but the test set, continues where it was, and is what is tested."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from tune.core.stopping import StopRequested
from tune.evaluation.last_fit import refit, refit_settings, refit_splits
from tune.evaluation.test_evaluation import evaluate_selected
from tune.report.exports import describe_best
from tune.study.study import best_trial
from tune.study.trial_files import REFIT_WEIGHTS, trial_folder

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from tests.tune.conftest import Lab, NewLab

CPU = torch.device("cpu")


@pytest.fixture
def lab(new_lab: NewLab) -> Lab:
    lab = new_lab("study", {"search": {"trials": 1}, "training": {"epochs": 4}})
    lab.search()
    return lab


def best(lab: Lab) -> FrozenTrial:
    trial = best_trial(lab.study())
    assert trial is not None
    return trial


def test_it_trains_on_all_but_the_test_part(lab: Lab) -> None:
    (fold,) = lab.splits.folds
    (joined,) = refit_splits(lab.splits).folds
    assert fold.test is not None
    assert joined.test is fold.test
    assert len(joined.train) == len(fold.train) + len(fold.validation)
    assert joined.train.groups is not None
    assert fold.test.groups is not None
    assert not set(joined.train.groups.tolist()) & set(fold.test.groups.tolist())


def test_an_interrupted_fit_ends_with_the_same_bits(lab: Lab) -> None:
    trial, context = best(lab), replace(lab, splits=refit_splits(lab.splits)).context()
    n_steps = 0

    def count() -> None:
        nonlocal n_steps
        n_steps += 1

    def stop_after(n_allowed: int) -> Callable[[], None]:
        left = iter(range(n_allowed))

        def step() -> None:
            if next(left, None) is None:
                raise StopRequested

        return step

    whole = refit(context, trial, count)
    for share in (3, 2):
        with pytest.raises(StopRequested):
            refit(context, trial, stop_after(n_steps // share))
    resumed = refit(context, trial, count)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert not lab.folder.checkpoint(f"refit-{trial.number}").exists()


def test_what_is_tested_is_the_last_fit(lab: Lab) -> None:
    said: list[str] = []
    evaluate_selected(lab.context(), say=said.append)
    trial = best(lab)
    found = lab.study().user_attrs["evaluations"][str(trial.number)]
    assert found["test"]["refitted"] is True
    assert (trial_folder(lab.folder, trial) / REFIT_WEIGHTS).is_file()
    assert len(said) == 1


def test_the_best_configuration_tells_how_the_last_fit_was_made(lab: Lab) -> None:
    evaluate_selected(lab.context())
    written = describe_best(lab.study(), lab.settings, lab.folder)
    found, joined = written["refit"], refit_splits(lab.splits)
    assert (lab.folder.root / written["trial_folder"] / found["weights"]).is_file()
    assert found["normaliser"]["mean"][:2] == pytest.approx(joined.normaliser(0, "none").mean.tolist())
    assert found["normaliser"] != written["data"]["normalisers"][0]
    assert found["seed"] == refit_settings(lab.settings, best(lab)).seed
    assert written["scores"].keys() == {"train", "validation", "test"}


def test_where_it_diverges_the_network_of_the_search_is_tested(lab: Lab) -> None:
    said: list[str] = []
    dataset = lab.splits.dataset
    damaged = replace(lab.splits, dataset=dataset.with_values(torch.full_like(dataset.values, torch.nan)))
    evaluate_selected(replace(lab.context(), splits=damaged), say=said.append)
    found = lab.study().user_attrs["evaluations"][str(best(lab).number)]
    assert found["test"]["refitted"] is False
    assert "refit" not in found
    assert "the network of the search is tested" in said[-1]


def test_without_the_weights_it_says_that_nothing_is_tested(lab: Lab) -> None:
    said: list[str] = []
    shutil.rmtree(lab.folder.root / "trials")
    evaluate_selected(lab.context(), say=said.append)
    assert "no longer there" in said[0]
    assert "evaluations" not in lab.study().user_attrs


def test_without_it_the_networks_of_the_search_are_tested(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1}, "training": {"refit": False}, "split": {"folds": 2}})
    lab.search()
    evaluate_selected(lab.context())
    found = lab.study().user_attrs["evaluations"][str(best(lab).number)]
    assert found["test"]["refitted"] is False
    assert not (trial_folder(lab.folder, best(lab)) / REFIT_WEIGHTS).exists()


def test_folds_are_refitted_as_one_network(new_lab: NewLab) -> None:
    lab = new_lab("study", {"search": {"trials": 1}, "split": {"folds": 2}})
    lab.search()
    evaluate_selected(lab.context())
    found = lab.study().user_attrs["evaluations"][str(best(lab).number)]
    assert found["test"]["n_sequences"] == len(lab.splits.split.test)
