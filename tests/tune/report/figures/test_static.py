"""What the report's own figures show: slices, learning curves, a confusion matrix, people."""

from __future__ import annotations

import math

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from tests.figure_trials import ACCURACY, LOSS, decided_by_x, trial
from tests.report_facts import history
from tune.report.figures.confusion import MOST_CLASSES, confusion_info, read_counts
from tune.report.figures.curves import MOST_PRUNED, CurvesInfo, curves_info
from tune.report.figures.slices import SlicesInfo, slices_info
from tune.report.figures.words import StudyContext
from tune.report.people import MOST_PEOPLE, people_words, read_people


def slices(trials: list[FrozenTrial], names: list[str], context: StudyContext = ACCURACY) -> SlicesInfo:
    info = slices_info(trials, names, context)
    assert isinstance(info, SlicesInfo)
    return info


def curves(trials: list[FrozenTrial], context: StudyContext = ACCURACY) -> CurvesInfo:
    info = curves_info(trials, context)
    assert isinstance(info, CurvesInfo)
    return info


def test_a_slice_finds_where_good_scores_lie() -> None:
    info = slices(decided_by_x(60), ["x", "noise"])
    by_x, by_noise = info.slices
    top = max(by_x.line, key=lambda point: point[1])
    assert top[0] == pytest.approx(0.5, abs=0.15)
    heights = [score for _, score in by_noise.line]
    assert max(heights) - min(heights) < 0.5 * (top[1] - min(score for _, score in by_x.line))
    assert info.star is not None
    assert info.scores[info.star] == max(info.scores)


def test_a_slice_over_levels_has_a_mean_for_each_that_was_tried() -> None:
    spaces = {"pooling": CategoricalDistribution(["last", "mean", "max"])}
    values = [("last", 0.5), ("last", 0.7), ("max", 0.9), ("max", 0.9), ("last", 0.6)]
    trials = [trial(n, score, {"pooling": level}, spaces) for n, (level, score) in enumerate(values)]
    (one,) = slices(trials, ["pooling"]).slices
    assert [round(score, 6) for _, score in one.line] == [0.6, 0.9]


def test_the_lowest_loss_is_the_best_of_a_slice() -> None:
    assert slices(decided_by_x(9), ["x"], LOSS).star == min(range(9), key=lambda n: decided_by_x(9)[n].value or 0)


def test_too_little_for_slices_is_said() -> None:
    assert "at least 5 complete trials" in str(slices_info(decided_by_x(2), ["x"], ACCURACY))
    assert "no hyperparameter varied" in str(slices_info(decided_by_x(5), [], ACCURACY))


def test_curves_of_the_best_the_middle_and_the_pruned() -> None:
    trials = [trial(n, 0.5 + n / 100, reported={1: 0.1, 2: 0.5 + n / 100}) for n in range(5)]
    trials += [
        trial(5, state=TrialState.PRUNED, reported={1: 0.05}),
        trial(6, state=TrialState.PRUNED),
        trial(7, state=TrialState.FAIL, reported={1: 0.9}),
        trial(8, state=TrialState.PRUNED, reported={1: math.nan}),
    ]
    info = curves(trials)
    assert [(curve.number, curve.kind) for curve in info.curves] == [(5, "pruned"), (2, "median"), (4, "selected")]
    assert info.losses is None
    assert "Trial 4, selected, had 10.0% after epoch 1 and its best, 54.0%, after epoch 2 of 2" in info.words.summary


@pytest.mark.parametrize("stored", [2, 3])
def test_of_epochs_with_the_same_score_the_best_is_the_one_that_the_trial_kept(stored: int) -> None:
    best = trial(0, 0.9, reported={1: 0.5, 2: 0.9, 3: 0.9})
    best._user_attrs = {"best_epochs": [stored, stored]}
    assert f"its best, 90.0%, after epoch {stored} of 3" in curves([best]).words.summary


def test_losses_are_means_over_the_folds() -> None:
    best = trial(0, 0.9, reported={1: 0.5, 2: 0.9})
    best._user_attrs = {"history": [*history(2), [{"epoch": 1, "train_loss": 4.0, "validation": {"loss": 0.5}}]]}
    losses = curves([best]).losses
    assert losses is not None
    assert losses.train == (3.0, 1.0)
    assert losses.validation == (1.0, 0.75)
    best._user_attrs = {"history": [[{"epoch": 1}], "x"]}
    assert curves([best]).losses is None


def test_many_pruned_trials_are_thinned_out_evenly() -> None:
    trials = [trial(n, state=TrialState.PRUNED, reported={1: 0.1}) for n in range(201)]
    info = curves(trials)
    assert len(info.curves) <= MOST_PRUNED
    assert info.curves[-1].number > 190
    assert "No trial has run to its end yet." in info.words.summary
    assert "201 pruned trials, of which" in info.words.notes[0]


def test_no_curve_is_said() -> None:
    assert "no trial has reported" in str(curves_info([trial(0, 0.5)], ACCURACY))


def test_mistakes_are_counted_by_pair() -> None:
    counts = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 10]])
    info = confusion_info(counts, ["a", "b", "c"], "test")
    assert [(one.true, one.predicted, one.n_times, one.n_true) for one in info.mistakes] == [
        ("a", "b", 2, 10),
        ("b", "a", 1, 10),
    ]
    assert info.words.summary == (
        "3 of 30 predictions on the test set are wrong. Most often a is predicted as b: 2 of 10."
    )
    assert "All 10 predictions" in confusion_info(np.diag([5, 5]), ["a", "b"], "test").words.summary


def test_of_many_classes_those_with_mistakes_are_shown() -> None:
    counts = 5 * np.eye(50, dtype=int)
    counts[49, 48] = 3
    info = confusion_info(counts, [str(k) for k in range(50)], "test")
    assert len(info.names) == MOST_CLASSES
    assert {"48", "49"} <= set(info.names)


@pytest.mark.parametrize("stored", [None, "x", [[1, 2]], [[1, -1], [0, 1]], [[0, 0], [0, 0]], [["a", 1], [1, 1]], {}])
def test_what_is_no_matrix_is_none(stored: object) -> None:
    assert read_counts(stored, 2) is None


def stored_people(accuracies: dict[str, float]) -> dict[str, dict[str, float]]:
    return {name: {"accuracy": accuracy, "n_sequences": 10} for name, accuracy in accuracies.items()}


def test_people_are_ordered_from_the_worst() -> None:
    people = read_people(stored_people({"Ada": 0.9, "Ben": 0.7}))
    assert [one.name for one in people] == ["Ben", "Ada"]
    assert people_words(people, are_new=True).summary == "2 people never trained on: from 70.0% (Ben) to 90.0% (Ada)."
    many = read_people(stored_people({str(k): k / 100 for k in range(60)}))
    assert people_words(many, are_new=False).notes[1] == f"Shown are the {MOST_PEOPLE} with the lowest accuracy of 60."


@pytest.mark.parametrize("stored", [None, {}, [], {"Ada": 1}, {"Ada": {"accuracy": 2, "n_sequences": 1}}])
def test_what_are_no_people_are_none(stored: object) -> None:
    assert read_people(stored) == []
