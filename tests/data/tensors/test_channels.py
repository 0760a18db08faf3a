"""The normaliser knows the training set only; what it gives is finite whatever a channel holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.sequences import SequenceDataset
from data.tensors.channels import (
    DERIVED,
    NORMALISATIONS,
    SMALLEST_DEVIATION,
    Preparation,
    columns_of,
    derive,
    fit_normaliser,
    joint_preparation,
    n_prepared_channels,
    prepare,
    prepare_measured,
)


def random_dataset(seed: int, n_sequences: int = 12, scale: float = 3.0) -> SequenceDataset:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, 20, (n_sequences,), generator=generator)
    return SequenceDataset(
        name="random",
        kind="gesture",
        values=scale * torch.randn(int(lengths.sum()), 2, generator=generator) + 7.0,
        lengths=lengths,
        labels=torch.arange(n_sequences) % 2,
        class_names=("a", "b"),
        channel_names=("x", "y"),
    )


def test_the_normaliser_is_fitted_on_the_training_part_only() -> None:
    dataset = random_dataset(0)
    train = dataset.subset(torch.arange(6))
    spoiled = dataset.values.clone()
    spoiled[int(train.lengths.sum()) :] = 1e6
    after = replace(dataset, values=spoiled).subset(torch.arange(6))
    one, other = fit_normaliser(train), fit_normaliser(after)
    assert torch.equal(one.mean, other.mean)
    assert torch.equal(one.deviation, other.deviation)


@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 1e4))
def test_the_training_part_becomes_standard(seed: int, scale: float) -> None:
    train = random_dataset(seed, scale=scale)
    values = prepare(train, fit_normaliser(train), "global").values
    torch.testing.assert_close(values.mean(dim=0), torch.zeros(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(values.std(dim=0, correction=0), torch.ones(2), atol=1e-3, rtol=0)


@given(seed=st.integers(0, 10_000))
def test_by_instance_every_sequence_becomes_standard(seed: int) -> None:
    dataset = random_dataset(seed)
    prepared, globally = (prepare(dataset, fit_normaliser(dataset), how) for how in ("instance", "global"))
    for row in range(len(dataset)):
        sequence = prepared.sequence(row)
        torch.testing.assert_close(sequence.mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)
        # Two steps that are all but equal are not blown up to a deviation of one.
        before = globally.sequence(row).std(dim=0, correction=0)
        expected = before / before.clamp_min(SMALLEST_DEVIATION)
        torch.testing.assert_close(sequence.std(dim=0, correction=0), expected, atol=1e-2, rtol=0)


def test_both_is_the_two_side_by_side_and_says_so() -> None:
    dataset = random_dataset(1)
    normaliser = fit_normaliser(dataset)
    both = prepare(dataset, normaliser, "both")
    assert torch.equal(both.values[:, :2], prepare(dataset, normaliser, "global").values)
    assert torch.equal(both.values[:, 2:], prepare(dataset, normaliser, "instance").values)
    assert both.channel_names == ("x", "y", "x, by instance", "y, by instance")


def with_axes(n_sequences: int = 6) -> SequenceDataset:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([1, 4, 2, 7, 3, 5])[:n_sequences]
    return SequenceDataset(
        name="axes",
        kind="gesture",
        values=torch.randn(int(lengths.sum()), 4, generator=generator),
        lengths=lengths,
        labels=torch.arange(n_sequences) % 2,
        class_names=("a", "b"),
        channel_names=("heat", "ax (g)", "ay (g)", "az (g)"),
    )


@pytest.mark.parametrize("derived", DERIVED)
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_channels_are_counted_and_named(normalisation: str, derived: str) -> None:
    dataset = with_axes()
    more = derive(dataset, derived)
    prepared = prepare(more, fit_normaliser(more), normalisation)
    assert prepared.n_channels == n_prepared_channels(dataset.channel_names, Preparation(normalisation, derived))
    assert len(set(prepared.channel_names)) == prepared.n_channels
    assert prepared.values.isfinite().all()


def test_differences_begin_with_zero_in_every_sequence() -> None:
    dataset = with_axes()
    derived = derive(dataset, "differences")
    for index in range(len(dataset)):
        steps = dataset.sequence(index)
        expected = torch.cat([torch.zeros(1, 4), steps[1:] - steps[:-1]])
        torch.testing.assert_close(derived.sequence(index)[:, 4:], expected)


def test_the_magnitude_is_of_the_three_axes_only() -> None:
    derived = derive(with_axes(), "magnitude")
    assert derived.channel_names[4:] == ("magnitude of ax (g), ay (g), az (g)",)
    torch.testing.assert_close(derived.values[:, 4], derived.values[:, 1:4].square().sum(dim=1).sqrt())


def test_nothing_derived_is_the_same_data_set() -> None:
    dataset = with_axes()
    assert derive(dataset, "none") is dataset


@given(level=st.floats(-(2.0**99), 2.0**99, width=32), normalisation=st.sampled_from(NORMALISATIONS))
def test_a_constant_channel_becomes_zero(level: float, normalisation: str) -> None:
    dataset = random_dataset(3)
    values = dataset.values.clone()
    values[:, 1] = level
    constant = replace(dataset, values=values)
    prepared = prepare(constant, fit_normaliser(constant), normalisation).values
    assert prepared.isfinite().all()
    assert prepared[:, 1].abs().max() <= 1e-6


def test_a_sequence_of_one_step_is_finite_by_instance() -> None:
    dataset = random_dataset(4).subset(torch.tensor([0]))
    single = replace(dataset, values=dataset.values[:1], lengths=torch.tensor([1]))
    assert torch.equal(prepare(single, fit_normaliser(dataset), "instance").values, torch.zeros(1, 2))


def test_by_instance_where_a_sensor_sits_and_how_strongly_it_moves_is_forgotten() -> None:
    dataset = random_dataset(5)
    normaliser = fit_normaliser(dataset)
    moved = replace(dataset, values=3.0 * dataset.values + 11.0)
    one, other = (prepare(each, normaliser, "instance").values for each in (dataset, moved))
    torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("values", [{"normalisation": "local"}, {"derived_channels": "jerk"}])
def test_an_unknown_preparation_is_refused(values: dict[str, str]) -> None:
    (name,) = values
    with pytest.raises(ValueError, match=f"{name} is '{values[name]}'; it must be one of"):
        Preparation(**values)


EVERY = [Preparation(normalisation, derived) for normalisation in NORMALISATIONS for derived in DERIVED]


@pytest.mark.parametrize("first", EVERY)
def test_what_is_prepared_for_several_holds_what_each_is_given(first: Preparation) -> None:
    dataset = with_axes()
    for second in EVERY:
        whole = joint_preparation([first, second])
        everything = prepare_measured(dataset, fit_normaliser(derive(dataset, whole.derived_channels)), whole)
        for own in (first, second):
            given = prepare_measured(dataset, fit_normaliser(derive(dataset, own.derived_channels)), own)
            columns = columns_of(own, whole, dataset.channel_names)
            assert torch.equal(everything.values[:, columns], given.values)


def test_channels_that_are_not_there_are_not_found() -> None:
    for own, whole in ((Preparation("both"), Preparation()), (Preparation("global", "both"), Preparation())):
        with pytest.raises(ValueError, match=r"are not among those|not in tuple"):
            columns_of(own, whole, with_axes().channel_names)
