"""Padded batches of sequences of like length, reproducible from (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..sequences import SequenceDataset

LENGTH_JITTER = 0.1
# Padded steps for each real one that a network may be given at once. Batches of like lengths are far below.
MOST_PADDING = 4


class Batch(NamedTuple):
    """Sequences padded with zeros to the longest of them, longest first.

    Attributes:
        values: Steps; row i is meaningful for t < lengths[i], zero after.
        lengths: Real steps of each sequence.
        labels: Class of each sequence.
    """

    values: Float[Tensor, "batch time channels"]
    lengths: Int[Tensor, " batch"]
    labels: Int[Tensor, " batch"]

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return self if self.values.device == device else Batch(*(part.to(device, non_blocking=True) for part in self))

    def pieces(self) -> Iterator[Batch]:
        """The batch, cut where padding all of it to its longest sequence would take too much: see ``piece_sizes``."""
        begin = 0
        for size in piece_sizes(self.lengths):
            rows = slice(begin, begin + size)
            yield Batch(self.values[rows, : int(self.lengths[begin])], self.lengths[rows], self.labels[rows])
            begin += size


def training_batches(
    dataset: SequenceDataset, batch_size: int, *, seed: int, epoch: int, balanced: bool = False
) -> Iterator[Batch]:
    """One epoch of batches in random order; every sequence is in exactly one, unless they are balanced.

    Sequences are sorted by length with some noise, so that a batch pads little and yet has other members in every
    epoch; the batches then come in random order. Sizes differ by at most one, since a last batch of one sequence
    would upset batch statistics.

    Args:
        dataset: What to train on.
        batch_size: Sequences a batch, at most.
        seed: With ``epoch``, decides everything that is random.
        epoch: Number of the epoch.
        balanced: Whether to draw as many sequences, with repetition, of all classes equally often instead.
    """
    # Two draws from one generator would couple the epochs of neighbouring seeds; a fresh one per pair does not.
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    noise = 1 + LENGTH_JITTER * (2 * torch.rand(len(dataset), generator=generator) - 1)
    order = torch.argsort(dataset.lengths * noise, descending=True)
    if balanced:
        chances = 1 / torch.bincount(dataset.labels)[dataset.labels].double()
        drawn = torch.multinomial(chances, len(dataset), replacement=True, generator=generator)
        order = torch.repeat_interleave(order, torch.bincount(drawn, minlength=len(dataset))[order])
    n_batches = -(-len(dataset) // batch_size)
    chunks = order.tensor_split(n_batches)
    for k in torch.randperm(n_batches, generator=generator).tolist():
        yield gather(dataset, chunks[k])


def ordered_batches(dataset: SequenceDataset, batch_size: int) -> Iterator[tuple[Int[Tensor, " batch"], Batch]]:
    """Batches for evaluation, longest sequences first, each with the rows that it holds."""
    for whole in torch.split(torch.argsort(dataset.lengths, descending=True, stable=True), batch_size):
        for rows in torch.split(whole, piece_sizes(dataset.lengths[whole])):
            yield rows, gather(dataset, rows)


def piece_sizes(lengths: Int[Tensor, " batch"]) -> list[int]:
    """How many sequences of a batch to take at a time, so that one giant does not pad all of them to its length.

    Each piece has at most ``MOST_PADDING`` padded steps for each real one. It holds at least that many sequences while
    there are as many, and never a single one beside others, whose statistics would upset batch norm.

    Args:
        lengths: From long to short.
    """
    sizes: list[int] = []
    while (n_left := len(lengths)) > 0:
        padded = lengths[0] * torch.arange(1, n_left + 1, device=lengths.device)
        n_fit = int((padded <= MOST_PADDING * lengths.cumsum(0)).sum())
        sizes.append(n_left if n_left - n_fit == 1 else n_fit)
        lengths = lengths[sizes[-1] :]
    return sizes


def gather(dataset: SequenceDataset, rows: Int[Tensor, " batch"]) -> Batch:
    """Pads the sequences at ``rows``, longest first."""
    if dataset.starts is not None:
        dataset, rows = dataset.packed(rows), torch.arange(len(rows))
    lengths = dataset.lengths[rows]
    order = torch.argsort(lengths, descending=True, stable=True)
    rows, lengths = rows[order], lengths[order]
    time = torch.arange(int(lengths[0]))
    real = time < lengths[:, None]  # [B, T]
    steps = (dataset.offsets[rows][:, None] + time).clamp_(max=len(dataset.values) - 1)
    # index_select takes an eighth of the time of an index in brackets.
    values = dataset.values.index_select(0, steps.flatten()).view(*steps.shape, -1) * real[:, :, None]
    return Batch(values, lengths, dataset.labels[rows])
