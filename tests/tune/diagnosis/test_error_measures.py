"""Errors of made-up predictions."""

from __future__ import annotations

import pytest
import torch

from tune.diagnosis.measures.errors import (
    by_length,
    confident_mistakes,
    most_confused,
    nearest_correct,
    reliability,
)
from tune.diagnosis.measures.mislabelled import suspects
from tune.training.metrics import confusion_matrix

LABELS = torch.tensor([0, 0, 0, 1, 1, 1, 1, 2])
PREDICTED = torch.tensor([0, 1, 1, 1, 1, 0, 2, 2])


def test_a_confusion_matrix() -> None:
    assert confusion_matrix(PREDICTED, LABELS, 4).tolist() == [[1, 2, 0, 0], [1, 2, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_the_most_confused_pairs_come_first() -> None:
    pairs = most_confused(confusion_matrix(PREDICTED, LABELS, 3))
    assert [(pair.true, pair.predicted, pair.n) for pair in pairs] == [(0, 1, 2), (1, 0, 1), (1, 2, 1)]
    assert pairs[0].share == pytest.approx(2 / 3)
    assert most_confused(torch.eye(3, dtype=torch.long)) == []


def test_accuracy_by_length() -> None:
    lengths = torch.arange(1, 11)
    right = lengths <= 6
    groups = by_length(right, lengths, 2)
    assert [(group.name, group.n_right, group.n) for group in groups] == [("1 to 5", 5, 5), ("6 to 10", 1, 5)]
    assert sum(group.n for group in by_length(right, lengths, 5)) == 10
    assert [(one.name, one.n) for one in by_length(right, torch.full((10,), 7))] == [("7", 10)]


def test_reliability_of_one_who_says_what_is() -> None:
    probabilities = torch.tensor([[0.75, 0.25]] * 4 + [[0.05, 0.95]] * 2)
    bins = reliability(probabilities, torch.tensor([0, 0, 0, 1, 1, 0]))
    assert [(one.n, one.accuracy) for one in bins] == [(4, 0.75), (2, 0.5)]
    assert [one.confidence for one in bins] == pytest.approx([0.75, 0.95])
    assert (bins[0].low, bins[0].high) == (0.7, 0.8)


def test_the_surest_mistakes_come_first() -> None:
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.01, 0.99], [0.4, 0.6]])
    assert confident_mistakes(probabilities, torch.tensor([0, 0, 0, 0]), 2).tolist() == [2, 1]
    assert confident_mistakes(probabilities, torch.tensor([0, 1, 1, 1]), 2).tolist() == []


def test_the_nearest_right_one_is_right_and_near() -> None:
    pooled = torch.tensor([[0.0], [0.1], [0.2], [5.0]])
    predicted, labels = torch.tensor([1, 1, 1, 1]), torch.tensor([0, 0, 1, 1])
    assert nearest_correct(pooled, predicted, labels, 0) == 2  # row 1 is nearer and wrong too
    assert nearest_correct(pooled, predicted, torch.tensor([0, 0, 0, 0]), 0) is None


def planted(n_each: int = 20, n_classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Answers that are right and of different confidence, with some labels exchanged."""
    labels = torch.arange(n_classes).repeat_interleave(n_each)
    confidence = torch.linspace(0.6, 0.95, n_each).repeat(n_classes)
    probabilities = ((1 - confidence) / (n_classes - 1))[:, None].repeat(1, n_classes)
    probabilities[torch.arange(len(labels)), labels] = confidence
    return probabilities, labels


def test_planted_wrong_labels_are_found_the_clearest_first() -> None:
    probabilities, labels = planted()
    assert suspects(probabilities, labels) == []
    labels[19], labels[35] = 2, 0
    found = suspects(probabilities, labels)
    assert [(one.row, one.given, one.suggested) for one in found] == [(19, 2, 0), (35, 0, 1)]
    assert found[0].suggested_probability == pytest.approx(0.95)
    assert found[0].given_probability == pytest.approx(0.025)


def test_an_unsure_answer_is_no_wrong_label() -> None:
    probabilities, labels = planted()
    labels[0] = 1  # the least confident answer of its class, below the class's mean
    assert suspects(probabilities, labels) == []


def test_a_class_that_nothing_is_labelled_with_is_suggested_to_nobody() -> None:
    probabilities = torch.tensor([[0.6, 0.1, 0.3], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]])
    assert all(one.suggested != 2 for one in suspects(probabilities, torch.tensor([0, 1, 1])))
