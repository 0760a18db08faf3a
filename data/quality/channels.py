"""Channels that tell nothing, or something else than the movement; sentences as in ``quality``."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import some
from ..landmarks import HANDS
from ..sequences import SequenceDataset

N_NAMED = 5
STEADY = 1e-3
# This share of the sequences or more ends (or begins) in zeros, this many steps of them on average.
PADDED_SHARE = 0.1
PADDED_STEPS = 3


def channel_warnings(dataset: SequenceDataset) -> list[str]:
    """What is suspicious about the channels."""
    dataset = dataset.sampled()
    low, high = _extremes(dataset)
    constant = low.amin(0) == high.amax(0)
    if dataset.kind == "landmarks":
        # A point that hardly moves is nothing special, and how often a hand is lost is told by the reader.
        return _still_landmarks(dataset, constant)
    fixed = (low == high).all(0) & ~constant & (int(dataset.lengths.max()) > 1)
    counting = _counting(dataset) & ~constant & ~fixed
    sentences = []
    if constant.any():
        values = ", ".join(
            f"{dataset.channel_names[k]!r} (always {low[0, k]:g})"
            for k in constant.nonzero().flatten().tolist()[:N_NAMED]
        )
        how_many = (
            "a channel never changes and tells" if int(constant.sum()) == 1 else "some channels never change and tell"
        )
        sentences.append(f"{how_many} nothing: {values}")
    if fixed.any():
        sentences.append(
            f"constant within every sequence: {_names(dataset, fixed)}; that tells the recording or the person, not "
            "the movement, and a network will use it: leave it out"
        )
    if counting.any():
        sentences.append(
            f"rising by the same amount at every step: {_names(dataset, counting)}; if it is a time call it 'time', if "
            "it is a row number leave it out"
        )
    return [*sentences, *_padding(dataset)]


def _names(dataset: SequenceDataset, chosen: Tensor) -> str:
    return some([dataset.channel_names[k] for k in chosen.nonzero().flatten().tolist()])


def _still_landmarks(dataset: SequenceDataset, constant: Tensor) -> list[str]:
    still = {name for name, is_still in zip(dataset.channel_names, constant.tolist(), strict=True) if is_still}
    sentences = []
    for hand in HANDS:
        of_hand = {name for name in dataset.channel_names if name.startswith(f"{hand} ")}
        if of_hand and of_hand <= still:
            sentences.append(f"the {hand.replace('_', ' ')} is never seen: leave it out (data.landmarks)")
    # The depth of a hand is zero at its wrist, by definition.
    others = [name for name in dataset.channel_names if name in still and not name.startswith(HANDS)]
    if others:
        sentences.append(
            f"{len(others):,} of {dataset.n_channels:,} channels never change and tell nothing, such as {others[0]!r}"
        )
    return sentences


def _padding(dataset: SequenceDataset) -> list[str]:
    """Sequences that were filled up with zeros, as many tools do; a network takes these for measurements."""
    if not bool((dataset.lengths == dataset.lengths[0]).all()) or len(dataset.values) == len(dataset):
        return []
    is_zero = (dataset.values == 0).all(dim=1).view(len(dataset), -1)
    sentences = []
    for end, table in (("end", is_zero.flip(1)), ("begin", is_zero)):
        n_zeros = table.long().cumprod(dim=1).sum(dim=1)
        padded = n_zeros > 0
        n_padded = int(padded.sum())
        if n_padded >= PADDED_SHARE * len(dataset) and float(n_zeros[padded].double().mean()) >= PADDED_STEPS:
            sentences.append(
                f"all sequences are equally long, and {n_padded:,} of {len(dataset):,} {end} with steps that are zero "
                f"in every channel, up to {int(n_zeros.max()):,} of them: if that is padding, take it away, or save "
                "the lengths too"
            )
    return sentences


def _extremes(dataset: SequenceDataset) -> tuple[Tensor, Tensor]:
    """Smallest and largest value of each channel in each sequence."""
    owner = dataset.owners[:, None].expand_as(dataset.values)
    start = dataset.values.new_zeros(len(dataset), dataset.n_channels)
    low = start.scatter_reduce(0, owner, dataset.values, "amin", include_self=False)
    return low, start.scatter_reduce(0, owner, dataset.values, "amax", include_self=False)


def _counting(dataset: SequenceDataset) -> Tensor:
    """Channels that rise by one and the same amount from each step to the next, in every sequence."""
    steps = dataset.values.diff(dim=0)
    inside = torch.ones(len(dataset.values), dtype=torch.bool)
    inside[dataset.offsets] = False
    steps = steps[inside[1:]]
    if len(steps) < 2:
        return torch.zeros(dataset.n_channels, dtype=torch.bool)
    low, high = steps.amin(0), steps.amax(0)
    return (low > 0) & (high - low <= STEADY * high)
