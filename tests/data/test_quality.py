from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from data.quality import duplicates, duplicates_across, warnings
from data.sequences import SequenceDataset
from data.splits import Split


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


def test_lengths() -> None:
    sequences = [sequence[: 3 + k % 2 * 6 + k // 6] for k, sequence in enumerate(noise(12, n_steps=12))]
    (sentence,) = warnings(make(sequences, [0, 1] * 6))
    assert "'a' is the shortest, 'b' the longest" in sentence
