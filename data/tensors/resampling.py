"""Sequences with another number of steps: interpolated linearly, so that nothing is invented beyond their ends."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..errors import DataError
from ..recording import MAX_VALUES
from ..sequences import SequenceDataset


def to_rate(dataset: SequenceDataset, rate_hz: float) -> SequenceDataset:
    """The same sequences at ``rate_hz`` steps a second; the first step stays where it is.

    A lower rate takes no mean over the steps between: what is faster than half of it is folded into what is slower
    (Shannon 1949), as it is by a sensor that measures more rarely.

    Raises:
        DataError: If the rate of the data set is not known, or the result would be too large.
    """
    if dataset.sample_rate_hz is None:
        raise DataError(
            f"{dataset.name} has no known number of steps a second, so it cannot be brought to {rate_hz:g}: give a "
            "number of steps instead (data.resample_length)"
        )
    ratio = dataset.sample_rate_hz / rate_hz
    _refuse_size(dataset, int(dataset.lengths.sum()) * (rate_hz / dataset.sample_rate_hz))
    dataset = dataset.packed()
    lengths = ((dataset.lengths - 1).double() / ratio + 1e-9).floor().long() + 1
    resampled = resample(dataset, lengths, _positions(lengths).double() * ratio)
    return replace(resampled, sample_rate_hz=rate_hz)


def to_length(dataset: SequenceDataset, n_steps: int) -> SequenceDataset:
    """The same sequences, each stretched or pressed to ``n_steps`` steps between its first and its last one.

    They have no common number of steps a second any more.

    Raises:
        DataError: If the result would be too large.
    """
    _refuse_size(dataset, len(dataset) * n_steps)
    dataset = dataset.packed()
    lengths = torch.full_like(dataset.lengths, n_steps)
    stretch = (dataset.lengths - 1).double() / max(n_steps - 1, 1)
    places = _positions(lengths).double() * torch.repeat_interleave(stretch, lengths)
    return replace(resample(dataset, lengths, places), sample_rate_hz=None)


def padded(dataset: SequenceDataset, n_steps: int) -> SequenceDataset:
    """The same sequences with zeros appended up to ``n_steps`` steps, which count as real ones from then on.

    No network here is ever shown padding. Others are, and this is how to see what that costs: the last step of nearly
    every sequence is then a zero.

    Raises:
        DataError: If a sequence is longer, or the result would be too large.
    """
    _refuse_size(dataset, len(dataset) * n_steps)
    longest = int(dataset.lengths.max())
    if longest > n_steps:
        raise DataError(
            f"the longest sequence of {dataset.name} has {longest} steps: data.pad_length is {n_steps}, and must be at "
            "least that"
        )
    dataset = dataset.packed()
    values = dataset.values.new_zeros(len(dataset) * n_steps, dataset.n_channels)
    values[dataset.owners * n_steps + dataset.positions] = dataset.values
    return replace(dataset, values=values, lengths=torch.full_like(dataset.lengths, n_steps))


def _refuse_size(dataset: SequenceDataset, n_steps: float) -> None:
    if n_steps * dataset.n_channels > MAX_VALUES:
        raise DataError(
            f"{dataset.name} would have {n_steps:.3g} steps of {dataset.n_channels:,} channels: at most {MAX_VALUES:,} "
            "values are held; take fewer steps"
        )


def _positions(lengths: Int[Tensor, " sequences"]) -> Int[Tensor, " steps"]:
    """Place of each step within its sequence, from 0."""
    ends = lengths.cumsum(0)
    return torch.arange(int(ends[-1])) - torch.repeat_interleave(ends - lengths, lengths)


def resample(
    dataset: SequenceDataset, lengths: Int[Tensor, " sequences"], places: Float[Tensor, " new_steps"]
) -> SequenceDataset:
    """Sequences with other numbers of steps, interpolated linearly between the old ones.

    Args:
        dataset: What is read.
        lengths: Steps of each new sequence.
        places: For each new step, where in its old sequence it lies, in old steps from 0 to length - 1.
    """
    owners = torch.repeat_interleave(torch.arange(len(dataset)), lengths)
    last = dataset.lengths[owners] - 1
    before = places.floor().long().clamp_min(0).minimum(last)
    after = (before + 1).minimum(last)
    share = (places - before).clamp(0, 1).to(dataset.values.dtype)[:, None]
    start = dataset.offsets[owners]
    here, there = (dataset.values.index_select(0, start + step) for step in (before, after))
    values = torch.lerp(here, there, share)
    return replace(dataset, values=values, lengths=lengths)
