from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from data.quality.copies import near_copies
from data.quality.warnings import duplicates_across, warnings
from data.sequences import SequenceDataset
from data.splits.split import Split


def walks(changed: Callable[[Tensor], Tensor] | None, n: int = 20) -> SequenceDataset:
    """Random walks of two people, of which the last is made of the first."""
    generator = torch.Generator().manual_seed(0)
    sequences = [torch.randn(40, 3, generator=generator).cumsum(0) for _ in range(n)]
    if changed is not None:
        sequences[-1] = changed(sequences[0])
    return SequenceDataset(
        name="mine",
        kind="gesture",
        values=torch.cat(sequences),
        lengths=torch.tensor([len(one) for one in sequences]),
        labels=torch.arange(n) // 2 % 2,
        class_names=("a", "b"),
        channel_names=("ax", "ay", "az"),
        groups=torch.arange(n) % 2,
        group_names=("anna", "bob"),
    )


@pytest.mark.parametrize(
    "changed",
    [
        lambda values: (values * 100).round() / 100,
        lambda values: (values * 10).round() / 10,
        lambda values: values + torch.tensor([1.0, -2.0, 0.0]),
        lambda values: values[5:38],
        lambda values: ((values[4:] + 3) * 100).round() / 100,
    ],
    ids=["two digits", "one digit", "offset", "cut", "all of it"],
)
def test_a_copy_that_was_changed(changed: Callable[[Tensor], Tensor]) -> None:
    dataset = walks(changed)
    assert near_copies(dataset) == [(0, 19)]
    assert any(
        "1 pairs of sequences are nearly the same" in one and "'anna' and 'bob'" in one for one in warnings(dataset)
    )
    parts = [torch.tensor(rows) for rows in (range(10), range(10, 15), range(15, 20))]
    (told,) = duplicates_across(dataset, Split("stratified", *parts))
    assert told.startswith("of the test sequences 1 is a near copy of training sequences (rounded, cut or moved")


@pytest.mark.parametrize("changed", [None, lambda values: values.flip(1), lambda values: -values])
def test_what_is_no_copy(changed: Callable[[Tensor], Tensor] | None) -> None:
    assert near_copies(walks(changed)) == []


def test_windows_of_one_recording_overlap_and_are_no_copies() -> None:
    dataset = walks(lambda values: values[4:])
    assert near_copies(replace(dataset, recordings=torch.tensor([*range(19), 0]))) == []


def test_sequences_that_are_all_alike_or_stand_still() -> None:
    dataset = walks(None, n=60)
    assert near_copies(dataset.with_values(torch.sin(dataset.positions.float())[:, None].expand(-1, 3).clone())) == []
    assert near_copies(dataset.with_values(torch.ones_like(dataset.values))) == []
