"""Scores are those of scikit-learn; intervals hold what they promise; the luck of a selection is what it would be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, log_loss, recall_score
from torch.nn.functional import cross_entropy

from data.sequences import SequenceDataset
from tune.evaluation.evaluate import (
    FEWEST_PEOPLE,
    accuracy_by_recording,
    evaluate,
    plausible_range,
    selection_bias,
    wilson_interval,
    wilson_over_people,
)
from tune.training.metrics import score, scores_of_resamples, weighted_score

if TYPE_CHECKING:
    from torch import Tensor


@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 6), n_sequences=st.integers(1, 50))
def test_scores_are_those_of_scikit_learn(seed: int, n_classes: int, n_sequences: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(n_sequences, n_classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(n_classes, (n_sequences,), generator=generator)
    scores = score(logits, labels)
    predicted = logits.argmax(dim=1)
    assert scores.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert scores.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro"))
    recalls = recall_score(labels, predicted, average=None, labels=labels.unique().numpy())  # type: ignore[no-untyped-call]
    assert scores.balanced_accuracy == pytest.approx(float(recalls.mean()))
    probabilities = logits.softmax(dim=1).numpy()
    assert scores.loss == pytest.approx(log_loss(labels, probabilities, labels=range(n_classes)), rel=1e-4, abs=1e-6)


def test_scores_by_hand() -> None:
    """Two of three right; F1 is 2/3 for each of two classes; the third neither occurs nor is predicted."""
    logits = torch.tensor([[9.0, 0.0, -9.0], [9.0, 0.0, -9.0], [0.0, 9.0, -9.0]])
    scores = score(logits, torch.tensor([0, 1, 1]))
    assert scores.accuracy == pytest.approx(2 / 3)
    assert scores.macro_f1 == pytest.approx(2 / 3)
    assert scores.loss == pytest.approx((2 * math.log1p(math.exp(-9)) + math.log1p(math.exp(-9)) + 9) / 3, rel=1e-3)


def test_a_sequence_that_counts_twice_is_two_sequences() -> None:
    logits, labels = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2])
    times = torch.tensor([2.0, 0.0, 1.0, 3.0, 1.0, 1.0], dtype=torch.float64)
    rows = torch.repeat_interleave(torch.arange(6), times.long())
    losses = cross_entropy(logits, labels, reduction="none")
    weighted, plain = weighted_score(logits.argmax(dim=1), labels, losses, times, 3), score(logits[rows], labels[rows])
    assert weighted.accuracy == pytest.approx(plain.accuracy)
    assert weighted.macro_f1 == pytest.approx(plain.macro_f1)
    assert weighted.loss == pytest.approx(plain.loss)


@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 5), n_sequences=st.integers(1, 30))
def test_many_resamples_at_once_are_each_by_itself(seed: int, n_classes: int, n_sequences: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    predicted, labels = (torch.randint(n_classes, (n_sequences,), generator=generator) for _ in range(2))
    losses = torch.rand(n_sequences, generator=generator)
    times = torch.randint(3, (4, n_sequences), generator=generator).double() + torch.eye(4, n_sequences).double()
    times = times[times.sum(dim=1) > 0]
    found = scores_of_resamples(predicted, labels, losses, times, n_classes)
    for k, one in enumerate(times):
        alone = weighted_score(predicted, labels, losses, one, n_classes)
        assert {name: float(values[k]) for name, values in found.items()} == pytest.approx(asdict(alone))


def judged(right: Sequence[bool], people: Sequence[int] | None = None) -> tuple[Tensor, SequenceDataset]:
    """Logits that are right for these sequences of class 0, and the sequences."""
    n = len(right)
    logits = torch.tensor([[1.0, 0.0] if one else [0.0, 1.0] for one in right])
    part = SequenceDataset(
        name="judged",
        kind="gesture",
        values=torch.zeros(n, 1),
        lengths=torch.ones(n, dtype=torch.int64),
        labels=torch.zeros(n, dtype=torch.int64),
        class_names=("right", "wrong"),
        channel_names=("x",),
        groups=None if people is None else torch.tensor(list(people)),
        group_names=() if people is None else tuple(map(str, range(max(people) + 1))),
    )
    return logits, part


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """95% intervals miss a true accuracy of 0.8 in about 5% of 1,000 draws."""
    right = np.random.default_rng(0).binomial(150, 0.8, size=1000)
    intervals = [wilson_interval(n / 150, 150) for n in right.tolist()]
    assert 0.03 < np.mean([not low <= 0.8 <= high for low, high in intervals]) < 0.07


def test_an_interval_over_people_holds_the_truth_of_people_who_differ() -> None:
    """Of 12 draws of 20 people, an interval should miss the mean ability in 0 or 1; more than 3 are a mistake."""
    rng = np.random.default_rng(0)
    n_misses = 0
    for seed in range(12):
        abilities = np.repeat(rng.beta(8, 2, size=20), 10)
        logits, part = judged((rng.random(200) < abilities).tolist(), np.repeat(np.arange(20), 10).tolist())
        low, high = evaluate([logits], [part], seed=seed).intervals["accuracy"]
        n_misses += not low <= 0.8 <= high
        assert 0.03 < high - low < 0.3
    assert n_misses <= 3


def test_people_are_resampled_where_there_are_enough_of_them() -> None:
    """All sequences of a person are alike, so the interval is as wide as that of ten answers, not of a hundred."""
    right = [person < 7 for person in range(10) for _ in range(10)]
    people = [person for person in range(10) for _ in range(10)]
    by_people = evaluate([judged(right, people)[0]], [judged(right, people)[1]])
    by_sequence = evaluate([judged(right)[0]], [judged(right)[1]])
    assert (by_people.resampled, by_people.n_people) == ("people", 10)
    assert (by_sequence.resampled, by_sequence.n_people) == ("sequences", None)

    def width(interval: tuple[float, float]) -> float:
        return interval[1] - interval[0]

    assert width(by_people.intervals["accuracy"]) > 2 * width(by_sequence.intervals["accuracy"])
    assert by_people.scores == by_sequence.scores


def test_few_people_are_not_resampled() -> None:
    people = [row % (FEWEST_PEOPLE - 1) for row in range(40)]
    logits, part = judged([True] * 30 + [False] * 10, people)
    found = evaluate([logits], [part])
    assert (found.resampled, found.n_people) == ("sequences", FEWEST_PEOPLE - 1)


def test_an_evaluation_depends_on_its_seed_only_and_is_plain_json() -> None:
    logits, part = judged([True] * 30 + [False] * 10)
    assert evaluate([logits], [part], seed=1) == evaluate([logits], [part], seed=1)
    plain = evaluate([logits], [part], seed=1).as_json()
    assert plain["accuracy"] == 0.75
    assert plain["intervals_95"]["accuracy"][0] < 0.75 < plain["intervals_95"]["accuracy"][1]


def test_folds_are_judged_together_and_networks_on_one_part_count_its_sequences_once() -> None:
    one, part = judged([True] * 10)
    other, second = judged([False] * 10)
    same = evaluate([one, other], [part, part], same_part=True)
    assert (same.n_sequences, same.scores.accuracy) == (10, 0.5)
    folds = evaluate([one, other], [part, second])
    assert (folds.n_sequences, folds.scores.accuracy) == (20, 0.5)
    low, high = same.intervals["accuracy"]
    assert high - low > folds.intervals["accuracy"][1] - folds.intervals["accuracy"][0]


@pytest.mark.parametrize(
    ("n_right", "n_judged", "low", "high"),
    [(0, 10, 0.0, 0.277533), (8, 10, 0.490162, 0.943318), (37, 50, 0.604468, 0.841285), (100, 100, 0.963007, 1.0)],
)
def test_the_interval_of_an_accuracy_is_wilsons(n_right: int, n_judged: int, low: float, high: float) -> None:
    """Golden values: ``scipy.stats.binomtest(n_right, n_judged).proportion_ci(0.95, "wilson")``."""
    assert wilson_interval(n_right / n_judged, n_judged) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(("accuracy", "n_judged", "n_trials"), [(0.95, 640, 50), (0.8, 200, 10), (0.6, 1000, 100)])
def test_the_luck_of_a_selection_is_what_simulation_gives(accuracy: float, n_judged: int, n_trials: int) -> None:
    rng = np.random.default_rng(0)
    best = rng.binomial(n_judged, accuracy, size=(20_000, n_trials)).max(axis=1) / n_judged
    assert selection_bias(accuracy, n_judged, n_trials) == pytest.approx(best.mean() - accuracy, rel=0.06)


def test_no_selection_has_no_luck() -> None:
    assert selection_bias(0.9, 100, 1) == selection_bias(0.9, 0, 10) == selection_bias(1.0, 100, 10) == 0.0


def test_windows_of_a_recording_vote_with_their_probabilities() -> None:
    """Two windows barely wrong and one surely right make a right recording; one window alone stays wrong."""
    part = dataset_of(labels=[0, 0, 0, 1], recordings=[5, 5, 5, 9])
    logits = torch.tensor([[0.0, 0.1], [0.0, 0.1], [5.0, 0.0], [1.0, 0.0]])
    assert accuracy_by_recording(logits, part) == 0.5
    assert evaluate([logits], [part]).as_json()["accuracy_by_recording"] == 0.5


@pytest.mark.parametrize("recordings", [None, [0, 1, 2, 3], [0, 0, 1, 1]])
def test_there_is_no_vote_where_sequences_are_no_windows(recordings: list[int] | None) -> None:
    part = dataset_of(labels=[0, 1, 0, 1], recordings=recordings)
    assert accuracy_by_recording(torch.randn(4, 2), part) is None


def test_recordings_that_were_told_apart_by_their_labels_have_no_vote() -> None:
    part = dataset_of(labels=[0, 0, 1, 1], recordings=[0, 0, 1, 1])
    logits = torch.randn(4, 2)
    assert accuracy_by_recording(logits, part) is not None
    one_person = replace(part, groups=torch.zeros(4, dtype=torch.long), group_names=("p",))
    assert accuracy_by_recording(logits, one_person) is None


def dataset_of(labels: list[int], recordings: list[int] | None) -> SequenceDataset:
    return SequenceDataset(
        name="windows",
        kind="activity",
        values=torch.zeros(len(labels), 1),
        lengths=torch.ones(len(labels), dtype=torch.long),
        labels=torch.tensor(labels),
        class_names=("a", "b"),
        channel_names=("x",),
        recordings=None if recordings is None else torch.tensor(recordings),
    )


@pytest.mark.parametrize("n_people", [5, 8, 20])
def test_few_people_have_an_interval_that_holds_the_truth(n_people: int) -> None:
    """People's abilities scatter; the plain percentiles of five miss the mean of all people one time in six."""
    rng = np.random.default_rng(n_people)
    n_studies, n_held = 300, 0
    for _ in range(n_studies):
        abilities = rng.normal(size=n_people)
        means = rng.choice(abilities, size=(1000, n_people)).mean(axis=1)
        low, high = plausible_range(means, n_people)
        n_held += low <= 0 <= high
    assert 0.93 < n_held / n_studies < 0.99


def test_people_who_are_all_alike_do_not_make_certain() -> None:
    logits, part = judged([True] * 40, [k % 8 for k in range(40)])
    found = evaluate([logits], [part])
    assert found.resampled == "people"
    low, high = found.intervals["accuracy"]
    assert low < wilson_interval(1.0, 40)[0]
    assert high == 1.0


def test_people_who_differ_are_worth_fewer_sequences() -> None:
    """Eight people with a deviation of 0.1: 0.8 x 0.2 / (0.01 x 8 / 7) is 14 of 400 sequences."""
    narrow, wide = wilson_over_people(0.8, 400, 8, 0.0), wilson_over_people(0.8, 400, 8, 0.1)
    assert wide == pytest.approx(wilson_interval(0.8, 14, 2.3646), abs=1e-4)
    assert wide[0] < narrow[0] < 0.8 < narrow[1] < wide[1]
