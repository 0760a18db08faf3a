"""What a network sees of a sequence: the measured channels, those derived from them, normalised in one of three ways.

Everything works on the long table of steps, so that preparing a data set is a handful of tensor operations however
many sequences it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..sequences import SequenceDataset
from .triples import sensor_triples

NORMALISATIONS = ("global", "instance", "both")
DERIVED = ("none", "differences", "magnitude", "both")

# A channel that varies less than this within a sequence carries no shape; dividing by less would amplify rounding.
SMALLEST_DEVIATION = 1e-3


@dataclass(frozen=True)
class Preparation:
    """How measured channels become a network's inputs.

    Attributes:
        normalisation: ``global`` subtracts the training mean and divides by the training deviation; ``instance`` does
            so with each sequence's own, which removes where a sensor sits and how strongly a person moves; ``both``
            puts the two side by side.
        derived_channels: ``differences`` adds each channel's change since the step before (the jerk of an
            acceleration), ``magnitude`` the length of each sensor's vector, which no rotation changes; ``both``, both.

    Raises:
        ValueError: If one of them is unknown.
    """

    normalisation: str = "global"
    derived_channels: str = "none"

    def __post_init__(self) -> None:
        for name, known in (("normalisation", NORMALISATIONS), ("derived_channels", DERIVED)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(known)}")


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
    if train.starts is None:
        values = train.values.double()
        mean, deviation, largest = values.mean(dim=0), values.std(dim=0, correction=0), values.abs().amax(dim=0)
    else:
        mean, deviation, largest = _moments(train)
    constant = deviation <= 1e-8 * largest
    return Normaliser(mean.float(), torch.where(constant, 1.0, deviation).float())


def _moments(train: SequenceDataset) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, standard deviation and largest absolute value of each channel, in two passes over pieces."""
    first = train.packed(torch.tensor([0])).values.double()
    total, squares, largest = (first.new_zeros(first.shape[1]) for _ in range(3))
    # Nothing small is kept of a piece: it would hold the heap open behind it, as much again for every piece.
    for rows in train.pieces():
        values = train.packed(rows).values.double()
        total += values.sum(dim=0)
        torch.maximum(largest, values.abs_().amax(dim=0), out=largest)
    mean = total / int(train.lengths.sum())
    for rows in train.pieces():
        values = train.packed(rows).values.double()
        squares += values.sub_(mean).square_().sum(dim=0)
    return mean, (squares / int(train.lengths.sum())).sqrt(), largest


def n_prepared_channels(channel_names: tuple[str, ...], preparation: Preparation) -> int:
    """Channels after ``derive`` and ``prepare``."""
    n_channels = len(derived_names(channel_names, preparation.derived_channels))
    return 2 * n_channels if preparation.normalisation == "both" else n_channels


def derived_names(channel_names: tuple[str, ...], derived_channels: str) -> tuple[str, ...]:
    """Names of the channels that ``derive`` gives: those measured, their differences, the magnitudes."""
    names = [*channel_names]
    if derived_channels in ("differences", "both"):
        names += [f"{name}, change a step" for name in channel_names]
    if derived_channels in ("magnitude", "both"):
        names += [
            f"magnitude of {', '.join(channel_names[k] for k in triple)}" for triple in sensor_triples(channel_names)
        ]
    return tuple(names)


def joint_preparation(preparations: Sequence[Preparation]) -> Preparation:
    """The least preparation that gives every channel that one of these gives; see ``columns_of``."""
    both = {one.normalisation for one in preparations}, {one.derived_channels for one in preparations} - {"none"}
    normalisation, derived = ("both" if len(each) > 1 else next(iter(each), "none") for each in both)
    return Preparation(normalisation, derived)


def columns_of(own: Preparation, whole: Preparation, channel_names: tuple[str, ...]) -> list[int]:
    """Where the channels of one preparation are among those of another.

    Raises:
        ValueError: If they are not.
    """
    names = derived_names(channel_names, whole.derived_channels)
    picked = [names.index(name) for name in derived_names(channel_names, own.derived_channels)]
    if own.normalisation == whole.normalisation != "both":
        return picked
    if whole.normalisation != "both":
        raise ValueError(
            f"channels normalised {own.normalisation} are not among those normalised {whole.normalisation}"
        )
    starts = {"global": (0,), "instance": (len(names),), "both": (0, len(names))}[own.normalisation]
    return [start + column for start in starts for column in picked]


def derive(dataset: SequenceDataset, derived_channels: str) -> SequenceDataset:
    """Puts the derived channels that ``Preparation`` names after the measured ones; the first difference is zero."""
    if derived_channels == "none":
        return dataset
    if dataset.starts is not None:
        return dataset.seen(derive, derived_channels)
    columns = [dataset.values]
    if derived_channels in ("differences", "both"):
        difference = dataset.values.diff(dim=0, prepend=dataset.values[:1])
        columns.append(difference.index_fill(0, dataset.offsets, 0.0))
    if derived_channels in ("magnitude", "both"):
        for first, _, last in sensor_triples(dataset.channel_names):
            columns.append(dataset.values[:, first : last + 1].norm(dim=1, keepdim=True))
    return dataset.with_values(torch.cat(columns, dim=1), derived_names(dataset.channel_names, derived_channels))


def prepare_measured(dataset: SequenceDataset, normaliser: Normaliser, preparation: Preparation) -> SequenceDataset:
    """Sequences as measured, with the channels that a network is given.

    Args:
        dataset: As measured, or varied.
        normaliser: Statistics of the training set over the measured and the derived channels.
        preparation: How they become a network's inputs.
    """
    return prepare(derive(dataset, preparation.derived_channels), normaliser, preparation.normalisation)


def prepare(dataset: SequenceDataset, normaliser: Normaliser, normalisation: str) -> SequenceDataset:
    """The same sequences with the channels that a network is given.

    Args:
        dataset: Sequences as ``derive`` leaves them.
        normaliser: Statistics of the same channels of the training sequences.
        normalisation: As in ``Preparation``.
    """
    if dataset.starts is not None:
        return dataset.seen(prepare, normaliser, normalisation)
    # In place where it can be: fresh memory for hundreds of thousands of steps takes longer than the arithmetic.
    globally = (dataset.values - normaliser.mean).div_(normaliser.deviation)
    if normalisation == "global":
        return dataset.with_values(globally)
    by_instance = _normalise_each(globally, dataset)
    if normalisation == "instance":
        return dataset.with_values(by_instance)
    names = (*dataset.channel_names, *(f"{name}, by instance" for name in dataset.channel_names))
    return dataset.with_values(torch.cat([globally, by_instance], dim=1), names)


def _normalise_each(values: Float[Tensor, "steps channels"], dataset: SequenceDataset) -> Tensor:
    """Standardises each sequence by its own mean and deviation."""
    n_steps = dataset.lengths[:, None]
    mean = values.new_zeros(len(dataset), values.shape[1]).index_add_(0, dataset.owners, values) / n_steps
    # index_select takes an eighth of the time of an index in brackets.
    means = mean.index_select(0, dataset.owners)
    centred = torch.sub(values, means, out=means)
    variance = values.new_zeros(mean.shape).index_add_(0, dataset.owners, centred.square()) / n_steps
    return centred.div_(variance.sqrt().clamp_min(SMALLEST_DEVIATION).index_select(0, dataset.owners))
