"""Other numbers of steps between the same ends."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.sequences import SequenceDataset
from data.tensors.resampling import padded, resample, to_length, to_rate


def ramp(lengths: list[int], rate_hz: float | None = 10.0) -> SequenceDataset:
    """Each value is its own position."""
    values = torch.cat([torch.arange(length).float() for length in lengths])[:, None]
    return SequenceDataset(
        name="ramp",
        kind="gesture",
        values=values,
        lengths=torch.tensor(lengths),
        labels=torch.zeros(len(lengths), dtype=torch.long),
        class_names=("a", "b"),
        channel_names=("place",),
        sample_rate_hz=rate_hz,
    )


def test_interpolation_between_steps() -> None:
    dataset = ramp([3, 2])
    places = torch.tensor([0.0, 0.5, 2.0, 1.75, 0.25, 1.0])
    after = resample(dataset, torch.tensor([4, 2]), places)
    assert after.values[:, 0].tolist() == pytest.approx([0, 0.5, 2, 1.75, 0.25, 1.0])
    assert after.lengths.tolist() == [4, 2]


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=10), n_steps=st.integers(1, 60))
def test_every_sequence_gets_the_length_and_keeps_its_ends(lengths: list[int], n_steps: int) -> None:
    after = to_length(ramp(lengths), n_steps)
    assert after.lengths.tolist() == [n_steps] * len(lengths)
    assert after.sample_rate_hz is None
    for index, length in enumerate(lengths):
        steps = after.sequence(index)[:, 0]
        expected = torch.linspace(0, length - 1, n_steps) if n_steps > 1 else torch.zeros(1)
        torch.testing.assert_close(steps, expected, atol=1e-4, rtol=1e-5)


def test_half_the_rate_is_every_second_step() -> None:
    after = to_rate(ramp([5, 4, 1]), 5.0)
    assert after.lengths.tolist() == [3, 2, 1]
    assert after.values[:, 0].tolist() == [0, 2, 4, 0, 2, 0]
    assert after.sample_rate_hz == 5.0


def test_twice_the_rate_has_steps_in_between() -> None:
    assert to_rate(ramp([3]), 20.0).values[:, 0].tolist() == pytest.approx([0, 0.5, 1, 1.5, 2])


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=10), rate_hz=st.floats(0.1, 100))
def test_a_step_stands_for_its_time(lengths: list[int], rate_hz: float) -> None:
    after = to_rate(ramp(lengths), rate_hz)
    for index, length in enumerate(lengths):
        steps = after.sequence(index)[:, 0]
        expected = torch.arange(len(steps)) * 10.0 / rate_hz
        torch.testing.assert_close(steps, expected.clamp_max(length - 1), atol=1e-3, rtol=1e-4)
        assert float(expected[-1]) <= length - 1 + 1e-3


def test_without_a_rate_there_is_nothing_to_change_it_from() -> None:
    with pytest.raises(DataError, match="no known number of steps a second"):
        to_rate(ramp([3], None), 5.0)


def test_what_would_be_too_large_is_refused_before_it_is_made() -> None:
    with pytest.raises(DataError, match="at most 268,435,456 values"):
        to_rate(ramp([3, 4], 1e-320), 1e6)
    for make in (to_length, padded):
        with pytest.raises(DataError, match="at most 268,435,456 values"):
            make(ramp([3, 4]), 10**12)
