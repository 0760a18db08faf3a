"""What decides comes first, as far as the trials can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from tests.figure_trials import ACCURACY, UNIT, decided_by_x, trial
from tune.report.figures.importances import ImportancesInfo, importances_info
from tune.report.figures.words import StudyContext


def importances(trials: list[FrozenTrial], context: StudyContext = ACCURACY) -> ImportancesInfo:
    info = importances_info(trials, context)
    assert isinstance(info, ImportancesInfo)
    return info


def test_what_decides_comes_first_with_a_clear_lead() -> None:
    info = importances(decided_by_x(60))
    assert [row.name for row in info.importances] == ["x", "noise"]
    assert info.words.summary.endswith("12 of 12 resamples of the trials: a clear lead.")
    first = info.importances[0]
    assert first.ped_anova is not None
    assert first.fanova is not None
    assert min(first.ped_anova.mean, first.fanova.mean) > 0.75
    for shares in zip(*((row.ped_anova, row.fanova) for row in info.importances), strict=True):
        assert sum(share.mean for share in shares if share) == pytest.approx(1)
        assert all(0 <= share.low <= share.high <= 1 for share in shares if share)


def test_importances_are_reproducible_and_leave_optuna_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    trials = decided_by_x(20)
    assert importances(trials) == importances(trials)
    assert optuna.logging.get_verbosity() == before
    assert "A new study" not in capsys.readouterr().err


def test_only_complete_trials_count() -> None:
    trials = [*decided_by_x(10), trial(10, state=TrialState.PRUNED), trial(11, state=TrialState.FAIL)]
    info = importances(trials)
    assert info.n_trials == 10
    assert info.words.notes[0] == "Rests on 10 complete trials; 2 pruned or failed ones say nothing here."


def test_what_fanova_cannot_judge_is_left_to_the_other() -> None:
    generator = np.random.default_rng(0)
    many = CategoricalDistribution([f"choice {n}" for n in range(30)])
    trials = []
    for n, x in enumerate(generator.random(40)):
        params: dict[str, Any] = {"x": x, "many": many.choices[n % 30]} | ({"sometimes": x / 2} if n % 2 else {})
        trials.append(trial(n, x, params, {name: many if name == "many" else UNIT for name in params}))
    judged = {row.name: row.fanova is not None for row in importances(trials).importances}
    assert judged == {"x": True, "many": False, "sometimes": False}


def test_every_decade_of_a_logarithmic_range_counts_the_same() -> None:
    # The score falls with the squared distance from the middle of both, so each explains half of its spread.
    spaces = {"rate": FloatDistribution(1e-4, 1, log=True), "x": UNIT}
    places = np.random.default_rng(0).random((100, 2))
    trials = [
        trial(n, 1 - (u - 0.5) ** 2 - (x - 0.5) ** 2, {"rate": 1e-4 ** (1 - u), "x": x}, spaces)
        for n, (u, x) in enumerate(places)
    ]
    for row in importances(trials).importances:
        assert row.fanova is not None
        assert row.fanova.mean == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("trials", "why"),
    [
        (decided_by_x(4), "importances need at least 5 trials with a score, and this study has 4"),
        ([trial(n, 0.5, {"x": n / 9}) for n in range(9)], "every complete trial has the same score"),
        ([trial(n, n / 9, {"x": n / 9, "y": 0.5}) for n in range(9)], "only x varied among the complete trials"),
        ([trial(n, n / 9) for n in range(9)], "no hyperparameter varied among the complete trials"),
    ],
)
def test_why_there_are_no_importances(trials: list[FrozenTrial], why: str) -> None:
    assert str(importances_info(trials, ACCURACY)).startswith(why)


@pytest.mark.parametrize("n_trials", [9, 20])
def test_what_is_chance_is_not_drawn(n_trials: int) -> None:
    draws = np.random.default_rng(3).random((n_trials, 21))
    trials = [trial(n, row[0], {f"p{k}": x for k, x in enumerate(row[1:])}) for n, row in enumerate(draws)]
    assert "it is not known yet which hyperparameters matter" in str(importances_info(trials, ACCURACY))


def test_all_count_where_few_of_many_are_complete() -> None:
    """Five of forty-five would say of twenty hyperparameters whatever chance had them say."""
    draws = np.random.default_rng(0).random((45, 20))
    trials = [
        trial(
            n,
            row[0] if n % 9 == 0 else None,
            {f"p{k}": x for k, x in enumerate(row)},
            state=TrialState.PRUNED if n % 9 else TrialState.COMPLETE,
            reported={1: row[0]},
        )
        for n, row in enumerate(draws)
    ]
    info = importances(trials)
    assert (info.n_trials, info.importances[0].name) == (45, "p0")


def test_of_few_complete_trials_all_count_with_the_score_of_as_many_epochs() -> None:
    """As a bracket leaves them: one complete, most ended after two epochs, by which all of them are compared."""
    spread = [0.05 + k / 13 for k in range(12)]
    trials = [
        trial(
            k,
            None if k else 0.05,
            {"x": x, "noise": (5 * k) % 12 / 12},
            state=TrialState.PRUNED if k else TrialState.COMPLETE,
            # Later epochs of the one that went on say nothing against the others.
            reported={1: x / 2, 2: x, **({} if k else {3: 0.99})},
        )
        for k, x in enumerate(spread)
    ]
    info = importances(trials)
    assert info.n_trials == 12
    assert info.importances[0].name == "x"
    assert info.words.notes[0] == "Rests on what 12 trials scored in 2 epochs; 1 went to the end."
