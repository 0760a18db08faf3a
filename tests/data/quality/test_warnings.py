from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from data.quality.warnings import classes_missing, duplicates, duplicates_across, people_across, warnings
from data.sequences import SequenceDataset
from data.splits.split import Split, make_folds, make_split
from tests.data.splits.test_split import dataset_of


def make(
    sequences: Sequence[Sequence[Sequence[float]]], labels: Sequence[int], people: Sequence[int] | None = None
) -> SequenceDataset:
    tensors = [torch.tensor(sequence, dtype=torch.float32) for sequence in sequences]
    return SequenceDataset(
        name="mine",
        kind="gesture",
        values=torch.cat(tensors),
        lengths=torch.tensor([len(one) for one in tensors]),
        labels=torch.tensor(labels),
        class_names=tuple("abcdef"[: max(labels) + 1]),
        channel_names=tuple(f"c{k}" for k in range(tensors[0].shape[1])),
        groups=None if people is None else torch.tensor(people),
        group_names=() if people is None else tuple(f"p{k}" for k in range(max(people) + 1)),
    )


def noise(n_sequences: int, n_channels: int = 1, n_steps: int = 4) -> list[list[list[float]]]:
    drawn: list[list[list[float]]] = torch.randn(
        n_sequences, n_steps, n_channels, generator=torch.Generator().manual_seed(0)
    ).tolist()
    return drawn


def test_good_recordings_are_left_alone() -> None:
    assert warnings(make(noise(12), [0, 1, 2] * 4, [0, 0, 0, 1, 1, 1] * 2)) == []


def test_copies() -> None:
    sequences = noise(6)
    sequences[3] = sequences[5] = sequences[0]
    dataset = make(sequences, [0, 1] * 3)
    assert duplicates(dataset) == [[0, 3, 5]]
    count, torn = warnings(dataset)
    assert count.startswith("2 of 6 sequences are exact copies")
    assert torn.startswith("one sequence appears under different classes, such as 'a' and 'b'")
    parts = [torch.tensor(rows) for rows in ([0, 1], [2, 3], [4, 5])]
    told = duplicates_across(dataset, Split("stratified", *parts))
    assert [sentence.split(" is ")[0] for sentence in told] == [
        "of the validation sequences 1",
        "of the test sequences 1",
    ]
    parts = [torch.tensor(rows) for rows in ([1, 2], [0, 3], [4, 5])]
    assert duplicates_across(dataset, Split("stratified", *parts)) == []


@pytest.mark.parametrize(
    ("labels", "people", "message"),
    [
        ([0, 0, 0, 1, 1, 2], None, "'c' has one example"),
        ([0, 1, 0, 1, 0, 0], [0, 0, 1, 1, 2, 2], "'p2' performs one class only"),
        ([0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 2, 2], "every person performs one class only"),
        ([0, 1, 0, 2, 1, 2], [0, 0, 0, 1, 1, 1], "'a', 'c' are each performed by one person only"),
        ([0] * 20 + [1, 1], None, "classes are uneven, 'a' with 20 sequences and 'b' with 2"),
    ],
)
def test_classes_and_people(labels: list[int], people: list[int] | None, message: str) -> None:
    assert any(sentence.startswith(message) for sentence in warnings(make(noise(len(labels)), labels, people)))


def test_channels() -> None:
    sequences = [
        [[step[0], 3.0, float(k), 0.02 * t] for t, step in enumerate(sequence)] for k, sequence in enumerate(noise(4))
    ]
    constant, fixed, counting = warnings(make(sequences, [0, 1, 0, 1]))
    assert constant == "a channel never changes and tells nothing: 'c1' (always 3)"
    assert fixed.startswith("constant within every sequence: 'c2'")
    assert counting.startswith("rising by the same amount at every step: 'c3'")


def test_spellings() -> None:
    dataset = replace(make(noise(4), [0, 1, 0, 1]), class_names=("Thumbs Up", "thumbs_up"))
    assert warnings(dataset) == [
        "'Thumbs Up', 'thumbs_up' are different classes: if that is a slip of spelling, use one"
    ]


def test_uneven_classes_are_told_where_the_score_hardly_sees_the_small_ones() -> None:
    dataset = make(noise(44, n_steps=9), [0] * 40 + [1] * 4)
    assert any("--metric balanced_accuracy does" in one for one in warnings(dataset))
    assert not any("balanced_accuracy" in one for one in warnings(dataset, classes_count_the_same=True))


def test_lengths() -> None:
    sequences = [sequence[: 3 + k % 2 * 6 + k // 6] for k, sequence in enumerate(noise(12, n_steps=12))]
    (sentence,) = warnings(make(sequences, [0, 1] * 6))
    assert "'a' is the shortest, 'b' the longest" in sentence


def test_equal_lengths_tell_nothing() -> None:
    assert warnings(make(noise(21, n_steps=9), [0] * 8 + [1] * 7 + [2] * 6)) == []


def test_steps() -> None:
    sequences = noise(12, n_steps=90)
    lengths = [1, 90, *[4] * 10]
    told = warnings(make([one[:n] for one, n in zip(sequences, lengths, strict=True)], [0, 1] * 6))
    assert told[0].startswith("1 of 12 sequences are a single step")
    assert told[1].startswith("1 of 12 sequences are more than 20 times as long as the median of 4 steps, up to 90")


def test_names_of_what_is_missing() -> None:
    dataset = replace(make(noise(4), [0, 1, 0, 1]), class_names=("none", "NaN"))
    assert [one.split(" is taken")[0] for one in warnings(dataset)] == ["'NaN'"]


def test_landmarks_that_never_move_but_for_the_depth_of_a_wrist() -> None:
    names = ("pose 0 x", "left_hand 0 z", "left_hand 0 x", "right_hand 0 z", "right_hand 0 x")
    moving = [[[step[0], 0.0, step[1], 0.0, 0.0] for step in one] for one in noise(4, n_channels=2)]
    dataset = replace(make(moving, [0, 1, 0, 1]), kind="landmarks", channel_names=names)
    assert warnings(dataset) == ["the right hand is never seen: leave it out (data.landmarks)"]
    still = replace(dataset, channel_names=("pose 0 x", "pose 0 y", "pose 0 z", "pose 1 x", "pose 1 y"))
    assert warnings(still) == ["3 of 5 channels never change and tell nothing, such as 'pose 0 y'"]


def test_people_on_both_sides_of_a_publishers_split() -> None:
    dataset = make(noise(6), [0, 1] * 3, [0, 0, 1, 1, 0, 2])
    split = Split("official", *(torch.tensor(rows) for rows in ([0, 1], [2, 3], [4, 5])))
    (sentence,) = people_across(dataset, split)
    assert sentence.startswith("people of the test set who are in the training set too, as published: 1 of 2")
    assert people_across(dataset, replace(split, kind="group")) == []


def judged_by(dataset: SequenceDataset, splits: Sequence[Split]) -> list[str]:
    validation = torch.cat([split.validation for split in splits])
    labels = {"validation": dataset.labels[validation], "test": dataset.labels[splits[0].test]}
    return classes_missing(dataset, splits[0].kind, labels)


def test_what_no_part_judges_is_named_with_who_performs_it() -> None:
    labels, groups = [0, 1] * 6 + [2], [person for person in range(6) for _ in range(2)] + [3]
    dataset = dataset_of(labels, groups)
    split = make_split(dataset, kind="group")
    said = [
        "the validation set has no 'class 2' (only 'person 3' performs it): errors there cannot steer the search",
        "the test set has no 'class 2' (only 'person 3' performs it): its score says nothing about errors there",
    ]
    assert judged_by(dataset, [split]) == judged_by(dataset, make_folds(dataset, split, 3)) == said


def test_a_class_that_some_fold_judges_is_judged() -> None:
    dataset = dataset_of([0, 1] * 6 + [2, 2], [person for person in range(6) for _ in range(2)] + [0, 3])
    split = make_split(dataset, kind="group", test_fraction=0.0)
    assert judged_by(dataset, make_folds(dataset, split, 3)) == []
