"""A draw depends on the study's seed, the trial's number and the finished trials, and on nothing else."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner, PercentilePruner
from optuna.trial import TrialState, create_trial

from tune.search.loop import suggest, suggest_all
from tune.study import samplers
from tune.study.samplers import N_STARTUP_TRIALS, SAMPLERS, make_pruner, make_sampler, n_finished

SPACE: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-3, 1.0, log=True),
    "size": IntDistribution(1, 50),
    "kind": CategoricalDistribution(["a", "b"]),
}

PARAMS: dict[str, Any] = {"rate": 0.1, "size": 3, "kind": "a"}


def study_with(sampler: str, n_finished_trials: int, seed: int = 0) -> Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=make_sampler(sampler, seed))
    for k in range(n_finished_trials):
        values: dict[str, Any] = {"rate": 0.001 * (k + 1), "size": 1 + k, "kind": "ab"[k % 2]}
        study.add_trial(create_trial(params=values, distributions=SPACE, value=float(k)))
    return study


def draw(study: Study, n_trials: int) -> list[dict[str, Any]]:
    drawn = []
    for _ in range(n_trials):
        trial = study.ask()
        drawn.append(suggest_all(trial, SPACE))
        study.tell(trial, 0.5)
    return drawn


def test_a_draw_learns_from_the_best_and_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samplers, "MOST_TO_LEARN_FROM", 10)
    monkeypatch.setattr(samplers, "N_GOOD", 3)
    study = study_with("tpe", 10)
    assert samplers.learned_from(study, study.get_trials()[-1]) is study
    for value in (-1.0, -2.0, 99.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0):
        study.add_trial(create_trial(params=PARAMS, distributions=SPACE, value=value))
    study.add_trial(create_trial(state=TrialState.FAIL))
    number = study.ask().number
    running = study.get_trials(deepcopy=False)[number]
    learned = samplers.learned_from(study, running).get_trials(deepcopy=False)
    assert [one.number for one in learned] == [8, 9, 12, 14, 15, 16, 17, 18, 19, number]
    assert study.sampler.sample_relative(study, running, SPACE) != {}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("n_before", [0, N_STARTUP_TRIALS + 2])
def test_a_new_process_draws_what_the_old_one_would_have_drawn(name: str, n_before: int) -> None:
    whole = study_with(name, n_before)
    expected = draw(whole, 3)
    interrupted = study_with(name, n_before)
    first = draw(interrupted, 1)
    interrupted.sampler = make_sampler(name, 0)
    assert first + draw(interrupted, 2) == expected
    assert len({str(values) for values in expected}) == 3


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("n_before", [0, N_STARTUP_TRIALS + 2])
def test_a_trial_that_was_interrupted_between_two_draws_gets_the_same_rest(name: str, n_before: int) -> None:
    (expected,) = draw(study_with(name, n_before), 1)
    study = study_with(name, n_before)
    trial = study.ask()
    first = suggest(trial, "rate", SPACE["rate"])
    study.sampler = make_sampler(name, 0)
    study.get_trials()
    resumed = optuna.Trial(study, trial._trial_id)
    assert suggest_all(resumed, SPACE) == expected
    assert first == expected["rate"]


def test_another_seed_draws_something_else() -> None:
    assert draw(study_with("tpe", 0, seed=0), 2) != draw(study_with("tpe", 0, seed=1), 2)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("median", MedianPruner), ("quartile", PercentilePruner), ("hyperband", HyperbandPruner), ("none", NopPruner)],
)
@pytest.mark.parametrize("n_epochs", [1, 2, 12, 100])
def test_every_pruner_works_for_every_number_of_epochs(name: str, kind: type, n_epochs: int) -> None:
    pruner = make_pruner(name, n_epochs)
    assert isinstance(pruner, kind)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for k in range(6):
        trial = study.ask()
        for epoch in range(1, n_epochs + 1):
            trial.report(k / 10, epoch)
            trial.should_prune()
        study.tell(trial, k / 10)


@pytest.mark.parametrize("name", ["median", "quartile"])
def test_no_trial_is_pruned_before_there_is_something_to_compare_with_or_the_rate_has_risen(name: str) -> None:
    study = optuna.create_study(direction="maximize", pruner=make_pruner(name, 12))
    for k in range(5):
        trial = study.ask()
        for epoch in range(1, 13):
            trial.report(1.0, epoch)
            assert not trial.should_prune()
        study.tell(trial, float(k))
    worst = study.ask()
    decisions = []
    for epoch in range(1, 13):
        worst.report(0.0, epoch)
        decisions.append(worst.should_prune())
    assert decisions[:2] == [False, False]
    assert decisions[-1]


def test_failed_and_waiting_trials_are_not_finished() -> None:
    study = study_with("random", 3)
    study.enqueue_trial({"rate": 0.5})
    trial = study.ask()
    assert n_finished(study) == 3
    study.tell(trial, state=TrialState.FAIL)
    assert n_finished(study) == 3
    study.tell(study.ask(), state=TrialState.PRUNED)
    assert n_finished(study) == 4
