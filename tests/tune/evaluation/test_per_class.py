"""By class it is what scikit-learn says; people and classes are counted once, however many networks answered."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from data.sequences import SequenceDataset
from tune.core.json_files import readable
from tune.evaluation.evaluate import evaluate
from tune.evaluation.per_class import MOST_CONFUSED_CLASSES, break_down, class_scores
from tune.training import metrics
from tune.training.calibration import expected_calibration_error


def part_of(labels: list[int], people: list[int] | None = None, n_classes: int = 3) -> SequenceDataset:
    return SequenceDataset(
        name="judged",
        kind="gesture",
        values=torch.zeros(len(labels), 1),
        lengths=torch.ones(len(labels), dtype=torch.long),
        labels=torch.tensor(labels),
        class_names=tuple(f"class {k}" for k in range(n_classes)),
        channel_names=("x",),
        groups=None if people is None else torch.tensor(people),
        group_names=() if people is None else ("Ann", "Bob", "Cy"),
    )


@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 6), n_sequences=st.integers(1, 50))
def test_it_is_what_scikit_learn_says(seed: int, n_classes: int, n_sequences: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n_sequences, n_classes, generator=generator)
    labels = torch.randint(n_classes, (n_sequences,), generator=generator)
    predicted, classes = logits.argmax(dim=1), list(range(n_classes))
    cells = metrics.confusion_matrix(predicted, labels, n_classes)
    assert cells.tolist() == confusion_matrix(labels, predicted, labels=classes).tolist()
    expected = precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)
    found = class_scores(cells, [str(k) for k in classes], 1)
    for k, one in enumerate(found):
        assert (one.precision or 0.0, one.recall or 0.0, one.f1 or 0.0) == pytest.approx(
            [row[k] for row in expected[:3]]
        )
        assert one.support == expected[3][k]


def test_a_class_that_only_occurs_or_is_only_predicted() -> None:
    found = class_scores(metrics.confusion_matrix(torch.tensor([1, 1]), torch.tensor([0, 0]), 2), ["a", "b"], 1)
    assert [(one.precision, one.recall, one.f1, one.support) for one in found] == [(None, 0, 0, 2), (0, None, 0, 0)]


def test_by_hand_with_people() -> None:
    """Ann is right twice, Bob once of two; nothing is taken for the third class, which does not occur either."""
    logits = torch.tensor([[9.0, 0, 0], [0, 9.0, 0], [9.0, 0, 0], [0, 9.0, 0]])
    part = part_of([0, 1, 1, 1], people=[0, 0, 1, 1])
    plain = evaluate([logits], [part]).as_json()
    assert plain == json.loads(json.dumps(plain))
    assert plain["confusion"] == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert plain["per_person"] == {
        "Ann": {"accuracy": 1.0, "n_sequences": 2},
        "Bob": {"accuracy": 0.5, "n_sequences": 2},
    }
    assert plain["per_class"][1] == {
        "class": "class 1",
        "precision": 1.0,
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(0.8),
        "support": 3,
    }
    assert plain["per_class"][2] == {"class": "class 2", "precision": None, "recall": None, "f1": None, "support": 0}
    assert plain["calibration_error"] == expected_calibration_error(logits, part.labels)


def test_several_networks_on_one_part_count_its_sequences_once() -> None:
    right, wrong = torch.eye(3)[[0, 1]], torch.eye(3)[[1, 0]]
    part = part_of([0, 1], people=[0, 2])
    found = break_down([right, wrong], [part, part], same_part=True)
    assert [one.support for one in found.per_class] == [1, 1, 0]
    assert found.per_person == {"Ann": (0.5, 1), "Cy": (0.5, 1)}
    assert found.confusion == ((1, 1, 0), (1, 1, 0), (0, 0, 0))
    apart = break_down([right, wrong], [part, replace(part)], same_part=False)
    assert [one.support for one in apart.per_class] == [2, 2, 0]


def test_no_people_and_very_many_classes() -> None:
    n_classes = MOST_CONFUSED_CLASSES + 1
    found = break_down([torch.eye(n_classes)], [part_of(list(range(n_classes)), n_classes=n_classes)], same_part=False)
    assert found.per_person is None
    assert found.confusion is None
    assert len(found.per_class) == n_classes


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_readable_json_is_the_same_json(value: object) -> None:
    assert json.loads(readable(value)) == value


def test_a_matrix_looks_like_one() -> None:
    assert readable({"a": {"confusion": [[1, 2], [3, 4]]}}).count("\n") == 7
