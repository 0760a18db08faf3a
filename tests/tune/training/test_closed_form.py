"""What is solved instead of trained: ridge against scikit-learn's, and a trial that has one epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from optuna.pruners import ThresholdPruner
from sklearn.linear_model import Ridge, RidgeCV
from torch import Tensor

from data.sequences import SequenceDataset
from models import build
from tests.tune.conftest import make_toy
from tests.tune.search.test_objective import begin, run
from tune.core.stopping import StopRequested
from tune.evaluation.last_fit import refit, refit_splits
from tune.study.study import best_trial
from tune.training import closed_form
from tune.training.closed_form import PENALTIES, fit_closed_form, ridge
from tune.training.metrics import score
from tune.training.train import predict

if TYPE_CHECKING:
    from tests.tune.conftest import Lab, NewLab

CPU = torch.device("cpu")
SOLVED: dict[str, Any] = {
    "architecture": "minirocket",
    "search": {"trials": 2},
    "space": {"minirocket": {"n_features": 2_500, "receptive_field": {"low": 9, "high": 20}}},
}


def rows(n_rows: int, n_features: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n_rows)
    features = torch.randn(n_rows, n_features, generator=generator) @ torch.diag(torch.logspace(0, -2, n_features))
    wanted = features @ torch.randn(n_features, 3, generator=generator)
    return features, wanted.double() + 0.3 + 0.1 * torch.randn(n_rows, 3, generator=generator)


def tones(n_sequences: int, seed: int) -> SequenceDataset:
    """Noise on a wave of one of three frequencies, of 20 to 40 steps."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n_sequences) % 3
    lengths = torch.randint(20, 41, (n_sequences,), generator=generator)
    steps = torch.cat([torch.arange(int(length)) for length in lengths])
    wave = torch.sin((0.3 + 0.3 * labels.repeat_interleave(lengths)) * steps)
    values = torch.stack([wave, torch.zeros_like(wave)], dim=1) + 0.4 * torch.randn(len(wave), 2, generator=generator)
    return replace(make_toy(), values=values, lengths=lengths, labels=labels, groups=None, group_names=())


def penalty_of(features: Tensor, targets: Tensor) -> float:
    """As scikit-learn chooses it, for all outputs together."""
    return float(RidgeCV(PENALTIES.numpy()).fit(features.double().numpy(), targets.numpy()).alpha_)


@pytest.mark.parametrize(("n_rows", "n_features"), [(30, 8), (12, 40), (9, 9)])
def test_coefficients_are_those_of_scikit_learn(n_rows: int, n_features: int) -> None:
    features, targets = rows(n_rows, n_features)
    coefficients, _ = ridge(features, targets)
    theirs = Ridge(penalty_of(features, targets)).fit(features.double().numpy(), targets.numpy())
    centre = features.double().mean(dim=0) @ coefficients[1:]
    np.testing.assert_allclose(coefficients[1:].T.numpy(), theirs.coef_, atol=1e-7)
    np.testing.assert_allclose((coefficients[0] - centre).numpy(), theirs.intercept_, atol=1e-7)


@pytest.mark.parametrize(("n_rows", "n_features"), [(30, 8), (12, 40)])
@pytest.mark.parametrize("n_units", [0, 3, 5])
def test_predictions_of_what_was_left_out_are_those_of_solving_again(
    n_rows: int, n_features: int, n_units: int
) -> None:
    features, targets = rows(n_rows, n_features)
    units = torch.arange(n_rows) % n_units if n_units else None
    _, held_out = ridge(features, targets, units)
    best, least = None, float("inf")
    for penalty in PENALTIES.tolist():
        again = torch.empty_like(targets)
        for unit in (torch.arange(n_rows) if units is None else units).unique():  # type: ignore[no-untyped-call]
            out = (torch.arange(n_rows) if units is None else units) == unit
            solved = Ridge(penalty).fit(features[~out].double().numpy(), targets[~out].numpy())
            again[out] = torch.from_numpy(solved.predict(features[out].double().numpy()))
        if (error := float((again - targets).square().mean())) < least:
            best, least = again, error
    assert best is not None
    torch.testing.assert_close(held_out, best, rtol=0, atol=1e-6)


def test_features_that_say_nothing_leave_the_shares_of_the_classes() -> None:
    targets = torch.tensor([[1.0], [1.0], [-1.0], [1.0]])
    coefficients, held_out = ridge(torch.zeros(4, 5), targets)
    assert coefficients[:, 0].tolist() == pytest.approx([0.5, 0, 0, 0, 0, 0])
    assert held_out[:, 0].tolist() == pytest.approx([1 / 3, 1 / 3, 1.0, 1 / 3])


@pytest.mark.parametrize("seed", [0, 1])
def test_it_learns_and_its_probabilities_are_sensible(seed: int) -> None:
    train, other = tones(60, 0), tones(40, 1)
    models = []
    for _ in range(2):
        torch.manual_seed(seed)
        models.append(build("minirocket", 2, 3, n_features=840, receptive_field=17))
        held_out = fit_closed_form(models[-1], train, seed, CPU)
    found = score(predict(models[0], other, CPU), other.labels)
    assert min(found.accuracy, held_out.accuracy) > 0.9
    assert found.loss < 0.3
    assert held_out.loss == pytest.approx(found.loss, abs=0.15)
    for name, weight in models[0].state_dict().items():
        assert torch.equal(weight, models[1].state_dict()[name])


def test_its_work_can_be_left_between_two_batches() -> None:
    train, n_steps = tones(600, 0), 0

    def before_step() -> None:
        nonlocal n_steps
        n_steps += 1
        if n_steps == 2:
            raise StopRequested

    torch.manual_seed(0)
    with pytest.raises(StopRequested):
        fit_closed_form(build("minirocket", 2, 3, n_features=84, receptive_field=17), train, 0, CPU, before_step)


def test_of_more_sequences_than_memory_holds_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    train = make_toy(n_people=8)
    monkeypatch.setattr(closed_form, "MOST_NUMBERS", 84 * 30)
    seen: list[int] = []
    solve_ridge = closed_form.ridge

    def watched(features: Tensor, *others: Any) -> Any:
        seen.append(len(features))
        return solve_ridge(features, *others)

    monkeypatch.setattr(closed_form, "ridge", watched)
    torch.manual_seed(0)
    model = build("minirocket", 2, 3, n_features=84, receptive_field=9)
    assert fit_closed_form(model, train, 0, CPU).accuracy > 0.6
    assert seen == [30]


def test_a_trial_is_one_epoch_and_is_not_pruned(new_lab: NewLab) -> None:
    lab = new_lab("study", SOLVED, {"training": {"epochs": 7}})
    trial, parameters = begin(lab)
    assert parameters.keys() == {"normalisation", "derived_channels", "n_features", "receptive_field"}
    trial.study.pruner = ThresholdPruner(lower=1.1)
    outcome = run(lab, trial, parameters)
    assert not outcome.pruned
    assert outcome.reason == ""
    assert outcome.record["epochs_run"] == 1
    assert outcome.record["best_epochs"] == [1]
    assert outcome.record["validation_accuracy"] == outcome.value
    assert outcome.record["calibration"]["temperature"] > 0


def test_what_was_solved_before_an_interruption_is_not_solved_again(
    new_lab: NewLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = new_lab("study", SOLVED, {"machine": {"checkpoint_every": 1e-9}})
    trial, parameters = begin(lab)
    first = run(lab, trial, parameters)
    monkeypatch.setattr(closed_form, "fit_closed_form", None)
    again = run(lab, trial, parameters)
    assert again.record["history"] == first.record["history"]
    for fold, weights in enumerate(first.weights):
        assert all(torch.equal(again.weights[fold][name], weight) for name, weight in weights.items())


def test_the_last_fit_is_left_before_its_work_and_taken_up(new_lab: NewLab) -> None:
    lab: Lab = new_lab("study", SOLVED)
    lab.search()
    trial = best_trial(lab.study())
    assert trial is not None
    context = replace(lab.context(), splits=refit_splits(lab.splits))

    def leave() -> None:
        raise StopRequested

    with pytest.raises(StopRequested):
        refit(context, trial, leave)
    weights = [refit(context, trial, lambda: None) for _ in range(2)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
