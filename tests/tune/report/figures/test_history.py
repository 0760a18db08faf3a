"""The history shows every trial and says how sure its best is."""

from __future__ import annotations

import math

import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.figure_trials import ACCURACY, LOSS, trial
from tune.report.figures.history import HistoryInfo, history_info, noise_of
from tune.report.figures.words import StudyContext


def history(*trials: FrozenTrial, context: StudyContext = ACCURACY) -> HistoryInfo:
    info = history_info(trials, context)
    assert isinstance(info, HistoryInfo)
    return info


def test_noise_at_a_hundred_percent_is_not_zero() -> None:
    # 96 of 96 right: (96 + 2) / (96 + 4) = .98, and 2 * sqrt(.98 * .02 / 100) = .028.
    assert noise_of(1.0, 96) == pytest.approx(0.028)


def test_every_trial_is_in_the_history() -> None:
    info = history(
        trial(0, 0.80, is_given=True),
        trial(1, state=TrialState.PRUNED, reported={0: 0.1, 2: 0.3, 1: 0.2}),
        trial(2, 0.70),
        trial(3, state=TrialState.PRUNED),
        trial(4, state=TrialState.FAIL),
        trial(5, 0.90),
        trial(6, state=TrialState.PRUNED, reported={0: 0.4, 1: math.nan}),
        trial(7, state=TrialState.RUNNING, reported={0: 0.5}),
        trial(8, state=TrialState.WAITING),
    )
    assert info.complete == ((0, 0.8), (2, 0.7), (5, 0.9))
    assert info.pruned == ((1, 0.3), (6, 0.4))
    assert info.running == ((7, 0.5),)
    assert info.without_score == (3, 4)
    assert info.best_so_far == ((0, 0.8), (5, 0.9), (7, 0.9))
    assert info.initial == ((0, 0.8),)
    assert info.stars.selected == (5, 0.9)
    assert info.words.summary == "Selected: trial 5, 90.0%. 8 trials: 3 complete, 3 pruned, 1 failed, 1 running."


def test_the_history_says_how_many_are_as_good_as_the_best() -> None:
    info = history(*(trial(n, value) for n, value in enumerate([1.0, 0.98, 0.9])))
    assert info.noise == pytest.approx(0.028)
    assert info.words.notes[0] == (
        "Differences under about 2.8 points are noise with 96 validation sequences and one seed (two standard errors, "
        "shaded): 2 of 3 scored trials are that close to the best."
    )


def test_an_unfinished_trial_with_a_score_is_not_called_complete() -> None:
    left = trial(2, 0.99, state=TrialState.RUNNING)
    info = history(trial(0, 1.0), trial(1, 0.5), left)
    assert "2 of 3 scored trials are that close" in info.words.notes[0]
    assert "3 complete" not in " ".join([info.words.summary, *info.words.notes])


def test_a_smaller_loss_is_better_and_has_no_binomial_noise() -> None:
    context = StudyContext("s", "loss", "minimize", n_validation=100)
    info = history(*(trial(n, value) for n, value in enumerate([3.0, 1.0, 2.0])), context=context)
    assert info.stars.selected == (1, 1.0)
    assert info.best_so_far == ((0, 3.0), (1, 1.0), (2, 1.0))
    assert info.noise is None


def test_scores_that_diverged_are_told_not_drawn() -> None:
    info = history(trial(0, 0.5), trial(1, math.inf), trial(2, 1e300), context=LOSS)
    assert info.complete == ((0, 0.5),)
    assert info.without_score == (1, 2)


@pytest.mark.parametrize(
    ("trials", "why"),
    [
        ([], "no trial has begun"),
        ([trial(0, state=TrialState.FAIL)], "no trial has a score that can be drawn (1 failed)"),
    ],
)
def test_why_there_is_no_history(trials: list[FrozenTrial], why: str) -> None:
    assert history_info(trials, ACCURACY) == why
