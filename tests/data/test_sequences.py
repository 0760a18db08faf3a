"""A data set whose parts do not fit together cannot be made; a subset holds the very sequences that it names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.sequences import SequenceDataset


def small(**changes: Any) -> SequenceDataset:
    """Three sequences of 2, 1 and 3 steps."""
    parts: dict[str, Any] = {
        "name": "small",
        "kind": "gesture",
        "values": torch.arange(12.0).reshape(6, 2),
        "lengths": torch.tensor([2, 1, 3]),
        "labels": torch.tensor([0, 1, 1]),
        "class_names": ("a", "b"),
        "channel_names": ("x", "y"),
        "groups": torch.tensor([0, 0, 1]),
        "group_names": ("ann", "bob"),
        "recordings": torch.tensor([0, 1, 2]),
        "official": torch.tensor([0, 1, 2]),
    }
    return SequenceDataset(**{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": torch.tensor([0, 1])}, "labels has 2 entries for 3 sequences"),
        ({"groups": torch.tensor([0])}, "groups has 1 entries for 3 sequences"),
        ({"recordings": torch.tensor([0])}, "recordings has 1 entries for 3 sequences"),
        ({"official": torch.tensor([0])}, "official has 1 entries for 3 sequences"),
        ({"lengths": torch.tensor([3, 0, 3])}, "sequence 1 has no step"),
        ({"lengths": torch.tensor([2, 1, 4])}, "lengths sum to 7, values has 6 steps"),
        ({"channel_names": ("x",)}, "1 channel names for 2 channels"),
        ({"labels": torch.tensor([0, 1, 2])}, "labels must be in 0..1"),
        ({"labels": torch.tensor([0, -1, 1])}, "labels must be in 0..1"),
        ({"groups": torch.tensor([0, 1, 2])}, "groups must be in 0..1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        small(**changes)


def test_a_data_set_without_sequences_is_refused() -> None:
    nothing = torch.empty(0, dtype=torch.int64)
    with pytest.raises(ValueError, match="there is no sequence"):
        small(values=torch.empty(0, 2), lengths=nothing, labels=nothing, groups=None, recordings=None, official=None)


@given(rows=st.lists(st.integers(0, 2), min_size=1, max_size=6))
def test_a_subset_holds_the_named_sequences_in_that_order(rows: list[int]) -> None:
    whole, part = small(), small().subset(torch.tensor(rows))
    assert len(part) == len(rows)
    for position, row in enumerate(rows):
        assert torch.equal(part.sequence(position), whole.sequence(row))
    for name in ("labels", "groups", "recordings", "official"):
        assert torch.equal(getattr(part, name), getattr(whole, name)[rows])


def test_the_first_classes_only() -> None:
    three = small(labels=torch.tensor([0, 2, 1]), class_names=("a", "b", "c"))
    two = three.first_classes(2)
    assert two.class_names == ("a", "b")
    assert two.labels.tolist() == [0, 1]
    assert three.first_classes(3) is three
    for n_classes in (1, 4):
        with pytest.raises(DataError, match=f"first {n_classes} classes are asked for: small has 3"):
            three.first_classes(n_classes)


def test_the_fingerprint_sees_whatever_training_can_see() -> None:
    original = small()
    assert small().fingerprint == original.fingerprint
    changed = [
        small(values=torch.arange(12.0).reshape(6, 2) + torch.eye(6, 2) * 1e-6),
        small(lengths=torch.tensor([1, 2, 3])),
        small(labels=torch.tensor([1, 1, 0])),
        small(groups=torch.tensor([0, 1, 1])),
        small(groups=None),
        small(recordings=None),
        small(official=torch.tensor([0, 1, 1])),
        small(class_names=("a", "c")),
        small(channel_names=("x", "z")),
        replace(original, sample_rate_hz=50.0),
    ]
    assert len({original.fingerprint, *(one.fingerprint for one in changed)}) == 1 + len(changed)


def test_what_was_noticed_is_no_part_of_the_fingerprint() -> None:
    assert small(notes=("a line was dropped",)).fingerprint == small().fingerprint
