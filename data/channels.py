"""What a network sees of a sequence: its channels, normalised in one of three ways.

Everything works on the long table of steps, so that preparing a data set is a handful of tensor operations however
many sequences it has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .sequences import SequenceDataset

NORMALISATIONS = ("global", "instance", "both")

# A channel that varies less than this within a sequence carries no shape; dividing by less would amplify rounding.
SMALLEST_DEVIATION = 1e-3


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Mean and standard deviation of each channel over the training steps.

    Attributes:
        mean: Mean a channel.
        deviation: Standard deviation a channel; 1 for a channel that never varies, so that it becomes zero.
    """

    mean: Float[Tensor, " channels"]
    deviation: Float[Tensor, " channels"]


def fit_normaliser(train: SequenceDataset) -> Normaliser:
    """Measures the training sequences; validation and test sequences must not be among them."""
    values = train.values.double()
    deviation = values.std(dim=0, correction=0)
    constant = deviation <= 1e-8 * values.abs().amax(dim=0)
    return Normaliser(values.mean(dim=0).float(), torch.where(constant, 1.0, deviation).float())


def n_prepared_channels(n_channels: int, normalisation: str) -> int:
    """Channels after ``prepare``."""
    return 2 * n_channels if normalisation == "both" else n_channels


def prepare(dataset: SequenceDataset, normaliser: Normaliser, normalisation: str) -> SequenceDataset:
    """The same sequences with the channels that a network is given.

    Args:
        dataset: Sequences as measured.
        normaliser: Statistics of the training sequences.
        normalisation: ``global`` subtracts the training mean and divides by the training deviation; ``instance`` does
            so with each sequence's own, which removes where a sensor sits and how strongly a person moves; ``both``
            puts the two side by side.

    Raises:
        ValueError: If the normalisation is unknown.
    """
    if normalisation not in NORMALISATIONS:
        raise ValueError(f"normalisation is {normalisation!r}; it must be one of {', '.join(NORMALISATIONS)}")
    globally = (dataset.values - normaliser.mean) / normaliser.deviation
    if normalisation == "global":
        return replace(dataset, values=globally)
    by_instance = _normalise_each(globally, dataset)
    if normalisation == "instance":
        return replace(dataset, values=by_instance)
    return replace(
        dataset,
        values=torch.cat([globally, by_instance], dim=1),
        channel_names=(*dataset.channel_names, *(f"{name}, by instance" for name in dataset.channel_names)),
    )


def _normalise_each(values: Float[Tensor, "steps channels"], dataset: SequenceDataset) -> Tensor:
    """Standardises each sequence by its own mean and deviation."""
    owner = torch.repeat_interleave(torch.arange(len(dataset)), dataset.lengths)
    n_steps = dataset.lengths[:, None]
    mean = values.new_zeros(len(dataset), values.shape[1]).index_add_(0, owner, values) / n_steps
    centred = values - mean[owner]
    variance = values.new_zeros(mean.shape).index_add_(0, owner, centred.square()) / n_steps
    return centred / variance.sqrt().clamp_min(SMALLEST_DEVIATION)[owner]
