"""Every sequence is in exactly one batch of an epoch, padded with zeros, reproducible from (seed, epoch)."""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from data.sequences import SequenceDataset
from data.tensors.batches import MOST_PADDING, Batch, gather, ordered_batches, piece_sizes, training_batches

seeds = st.integers(0, 2**32 - 1)


def dataset_of(lengths: list[int]) -> SequenceDataset:
    """Sequence ``i`` holds the number ``i + 1`` at every step, so that it can be recognised and is never zero."""
    n_steps = torch.tensor(lengths)
    owner = torch.repeat_interleave(torch.arange(len(lengths)), n_steps)
    return SequenceDataset(
        name="counted",
        kind="gesture",
        values=torch.stack([owner + 1.0, -(owner + 1.0)], dim=1),
        lengths=n_steps,
        labels=torch.arange(len(lengths)) % 2,
        class_names=("even", "odd"),
        channel_names=("row", "minus row"),
    )


datasets = st.lists(st.integers(1, 30), min_size=1, max_size=60).map(dataset_of)


def rows_in(batch: Batch) -> list[int]:
    return [int(row) for row in batch.values[:, 0, 0] - 1]


def check_batch(dataset: SequenceDataset, batch: Batch) -> None:
    rows = rows_in(batch)
    assert batch.lengths.tolist() == dataset.lengths[rows].tolist()
    assert batch.lengths.tolist() == sorted(batch.lengths.tolist(), reverse=True)
    assert batch.labels.tolist() == dataset.labels[rows].tolist()
    assert batch.values.shape == (len(rows), int(batch.lengths[0]), dataset.n_channels)
    for row, values, length in zip(rows, batch.values, batch.lengths.tolist(), strict=True):
        assert torch.equal(values[:length], dataset.sequence(row))
        assert not values[length:].any()


@given(dataset=datasets, batch_size=st.integers(1, 70), seed=seeds, epoch=st.integers(1, 10_000))
def test_an_epoch_has_every_sequence_once_in_batches_of_like_size(
    dataset: SequenceDataset, batch_size: int, seed: int, epoch: int
) -> None:
    batches = list(training_batches(dataset, batch_size, seed=seed, epoch=epoch))
    assert sorted(row for batch in batches for row in rows_in(batch)) == list(range(len(dataset)))
    sizes = [len(batch.lengths) for batch in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    for batch in batches:
        check_batch(dataset, batch)


@given(dataset=datasets, batch_size=st.integers(1, 70), seed=seeds, epoch=st.integers(1, 100))
def test_seed_and_epoch_decide_everything(dataset: SequenceDataset, batch_size: int, seed: int, epoch: int) -> None:
    one = list(training_batches(dataset, batch_size, seed=seed, epoch=epoch))
    torch.rand(3)
    other = list(training_batches(dataset, batch_size, seed=seed, epoch=epoch))
    assert [rows_in(batch) for batch in one] == [rows_in(batch) for batch in other]


def test_every_epoch_and_every_seed_has_other_batches() -> None:
    dataset = dataset_of(list(range(1, 41)))
    epochs = {
        str([rows_in(batch) for batch in training_batches(dataset, 8, seed=seed, epoch=epoch)])
        for seed in range(5)
        for epoch in range(5)
    }
    assert len(epochs) == 25


def test_batches_hold_sequences_of_like_length() -> None:
    dataset = dataset_of([10] * 64 + [100] * 64)
    n_padded = sum(
        batch.values.shape[0] * batch.values.shape[1] for batch in training_batches(dataset, 16, seed=0, epoch=1)
    )
    assert n_padded == int(dataset.lengths.sum())


@given(dataset=datasets, batch_size=st.integers(1, 70))
def test_evaluation_goes_from_long_to_short_and_says_which_rows_it_holds(
    dataset: SequenceDataset, batch_size: int
) -> None:
    seen: list[int] = []
    longest: list[int] = []
    for rows, batch in ordered_batches(dataset, batch_size):
        assert rows.tolist() == rows_in(batch)
        check_batch(dataset, batch)
        seen += rows.tolist()
        longest.append(int(batch.lengths[0]))
    assert sorted(seen) == list(range(len(dataset)))
    assert longest == sorted(longest, reverse=True)


def test_a_batch_on_its_device_is_the_same_object() -> None:
    batch = gather(dataset_of([3, 1]), torch.tensor([1, 0]))
    assert batch.to(torch.device("cpu")) is batch
    assert rows_in(batch) == [0, 1]


@given(lengths=st.lists(st.integers(1, 10_000), min_size=1, max_size=100).map(lambda n: sorted(n, reverse=True)))
def test_no_piece_of_a_batch_is_padded_without_measure(lengths: list[int]) -> None:
    sizes = piece_sizes(torch.tensor(lengths))
    assert sum(sizes) == len(lengths)
    assert 1 not in sizes or len(lengths) == 1
    for k, size in enumerate(sizes):
        piece = lengths[sum(sizes[:k]) :][:size]
        n_but_last = size - 1  # A sequence that would be left alone is taken along.
        assert n_but_last * piece[0] <= MOST_PADDING * sum(piece[:n_but_last])
        assert size >= min(MOST_PADDING, len(lengths)) or k == len(sizes) - 1


@given(dataset=datasets)
def test_the_pieces_of_a_batch_are_the_batch(dataset: SequenceDataset) -> None:
    batch = gather(dataset, torch.arange(len(dataset)))
    pieces = list(batch.pieces())
    assert [row for piece in pieces for row in rows_in(piece)] == rows_in(batch)
    for piece in pieces:
        check_batch(dataset, piece)


def test_sequences_of_like_length_stay_together() -> None:
    batch = gather(dataset_of([10, 20, 30, 25, 12]), torch.arange(5))
    (piece,) = batch.pieces()
    assert all(torch.equal(part, whole) for part, whole in zip(piece, batch, strict=True))


def test_a_giant_does_not_pad_the_others_to_its_length() -> None:
    dataset = dataset_of([500] * 400 + [9_318])
    whole = [gather(dataset, torch.arange(337, 401)), *(batch for _, batch in ordered_batches(dataset, 512))]
    assert whole[0].values.shape[:2] == (64, 9_318)
    assert [piece.values.shape[:2] for piece in whole[0].pieces()] == [(4, 9_318), (60, 500)]
    assert [batch.values.shape[:2] for batch in whole[1:]] == [(4, 9_318), (397, 500)]


def test_balanced_batches_have_all_classes_equally_often() -> None:
    dataset = dataset_of([5, 7, 9, 11] * 100)
    dataset = replace(dataset, labels=(torch.arange(400) % 20 == 0).long())
    labels, rows = [], []
    for batch in training_batches(dataset, 32, seed=1, epoch=1, balanced=True):
        check_batch(dataset, batch)
        labels += batch.labels.tolist()
        rows += rows_in(batch)
    assert len(labels) == 400
    # Twenty of one class against 380: five standard deviations are 50 of 400.
    assert abs(sum(labels) - 200) < 50
    again = [rows_in(batch) for batch in training_batches(dataset, 32, seed=1, epoch=1, balanced=True)]
    assert [row for batch in again for row in batch] == rows
