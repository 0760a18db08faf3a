"""Label-preserving transforms: every epoch sees other versions of the same training sequences.

All of them work on the long table of steps as measured, before the channels are normalised, so that an epoch's worth is
a handful of tensor operations and a rotation turns real axes. The ranges that are usual for motion sensors, and what
each transform stands for, are those of Um et al. 2017 ("Data augmentation of wearable sensor data", section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ..landmarks import mirrored
from ..sequences import SequenceDataset
from .channels import Normaliser
from .noise import Noise
from .resampling import resample
from .triples import sensor_triples

N_SPEED_KNOTS = 4


@dataclass(frozen=True)
class Augmentation:
    """How strongly training sequences are varied; zero or False switches a transform off.

    Attributes:
        jitter: Standard deviation of the noise on every value, in standard deviations of its channel.
        scaling: Standard deviation of one factor around 1 for each channel of a sequence, about the training mean.
        rotation: Standard deviation, in radians, of the rotation vector by which all sensor triples of a sequence turn.
        time_warp: Standard deviation of the logarithm of the speed, which changes smoothly along a sequence.
        time_crop: Largest share of a sequence's steps that is cut away at its ends.
        channel_dropout: Probability that a channel of a sequence is held at its mean.
        flip: Whether half of the sequences are mirrored, left for right; for body landmarks.
    """

    jitter: float = 0.0
    scaling: float = 0.0
    rotation: float = 0.0
    time_warp: float = 0.0
    time_crop: float = 0.0
    channel_dropout: float = 0.0
    flip: bool = False


def augment(
    dataset: SequenceDataset, augmentation: Augmentation, normaliser: Normaliser, *, seed: int, epoch: int
) -> SequenceDataset:
    """The same sequences, varied; the same bits for the same (seed, epoch), whether or not the data set is streamed.

    Args:
        dataset: Training sequences as measured.
        augmentation: What is varied, and how much.
        normaliser: Mean and deviation of the measured channels over the training steps.
        seed: With ``epoch``, decides everything that is random.
        epoch: Number of the epoch.
    """
    if augmentation == Augmentation():
        return dataset
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    if augmentation.time_crop:
        dataset = crop_time(dataset, augmentation.time_crop, generator)
    if augmentation.time_warp:
        dataset = warp_time(dataset, augmentation.time_warp, generator)
    if augmentation.flip:
        dataset = flip(dataset, generator)
    if augmentation.rotation:
        dataset = rotate(dataset, augmentation.rotation, generator)
    if augmentation.scaling:
        dataset = scale(dataset, augmentation.scaling, normaliser.mean, generator)
    if augmentation.jitter:
        dataset = jitter(dataset, augmentation.jitter * normaliser.deviation, generator)
    if augmentation.channel_dropout:
        dataset = drop_channels(dataset, augmentation.channel_dropout, normaliser.mean, generator)
    return dataset


def jitter(
    dataset: SequenceDataset, deviation: Float[Tensor, " channels"], generator: torch.Generator
) -> SequenceDataset:
    """Adds noise of the given standard deviation a channel."""
    if dataset.starts is None:
        return _jittered(dataset, deviation, torch.randn(dataset.values.shape, generator=generator))
    return dataset.seen(_jittered, deviation, each=[Noise(dataset.lengths, dataset.n_channels, generator)])


def _jittered(dataset: SequenceDataset, deviation: Tensor, noise: Tensor) -> SequenceDataset:
    return dataset.with_values(dataset.values + noise * deviation)


def scale(
    dataset: SequenceDataset, deviation: float, mean: Float[Tensor, " channels"], generator: torch.Generator
) -> SequenceDataset:
    """Multiplies each channel of each sequence by a factor around 1, measured from the channel's mean.

    Measured from zero, a channel that hardly varies far from zero (a shoulder's place in the picture) would be thrown
    many deviations away.
    """
    factors = 1 + deviation * torch.randn(len(dataset), dataset.n_channels, generator=generator)
    return dataset.seen(_scaled, mean, each=[factors])


def _scaled(dataset: SequenceDataset, mean: Tensor, factors: Tensor) -> SequenceDataset:
    return dataset.with_values((dataset.values - mean).mul_(factors.index_select(0, dataset.owners)).add_(mean))


def rotate(dataset: SequenceDataset, radians: float, generator: torch.Generator) -> SequenceDataset:
    """Turns the three axes of every sensor; all sensors of a sequence turn alike, as a device does on a wrist.

    Channels outside a triple, and data sets without one, stay as they are.
    """
    return dataset.seen(_rotated, each=[radians * torch.randn(len(dataset), 3, generator=generator)])


def _rotated(dataset: SequenceDataset, vectors: Tensor) -> SequenceDataset:
    turns = rotation_matrices(vectors)
    turn = turns.flatten(1).index_select(0, dataset.owners).view(-1, 3, 3)
    values = dataset.values.clone()
    for first, _, last in sensor_triples(dataset.channel_names):
        axes = slice(first, last + 1)
        values[:, axes] = torch.einsum("sij,sj->si", turn, dataset.values[:, axes])
    return dataset.with_values(values)


def rotation_matrices(vectors: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """Rotation about each vector's direction by its length in radians (Rodrigues 1840), as a matrix exponential."""
    x, y, z = vectors.unbind(dim=1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    turns: Tensor = torch.linalg.matrix_exp(skew)
    return turns


def warp_time(dataset: SequenceDataset, deviation: float, generator: torch.Generator) -> SequenceDataset:
    """Plays each sequence at a speed that changes smoothly; its beginning, end and number of steps stay."""
    log_speeds = deviation * torch.randn(len(dataset), N_SPEED_KNOTS, generator=generator, dtype=torch.double)
    if dataset.starts is None:
        return _warped(dataset, log_speeds)
    before = log_speeds.new_zeros(len(dataset) + 1)
    for rows in dataset.pieces():
        speeds = _speeds(dataset.lengths[rows], log_speeds[rows])
        passed = torch.cat([before[rows[:1]], speeds]).cumsum(0)
        before[rows + 1] = passed[dataset.lengths[rows].cumsum(0)]
    return dataset.seen(_warped, each=[log_speeds, before[:-1]])


def _warped(dataset: SequenceDataset, log_speeds: Tensor, before: Tensor | None = None) -> SequenceDataset:
    """Sequences at these speeds; ``before`` is how far those before each one came, of all that belong together."""
    last = (dataset.lengths - 1).double()
    speed = _speeds(dataset.lengths, log_speeds)
    if before is None:
        passed = speed.cumsum(0)
    else:
        # Added up in the same order, so that the same bits are rounded away.
        table = speed.new_zeros(len(dataset), int(dataset.lengths.max()) + 1)
        table[:, 0] = before
        table[dataset.owners, dataset.positions + 1] = speed
        passed = table.cumsum(1)[dataset.owners, dataset.positions + 1]
    # How far a sequence has come before each of its steps, measured in steps as recorded.
    travelled = passed - speed
    travelled = travelled - travelled[dataset.offsets][dataset.owners]
    whole = travelled[dataset.offsets + dataset.lengths - 1].clamp_min(1e-12)
    return resample(dataset, dataset.lengths, travelled * (last / whole)[dataset.owners])


def _speeds(lengths: Tensor, log_speeds: Tensor) -> Float[Tensor, " steps"]:
    """The speed at each step, between those at the knots."""
    owners = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
    positions = torch.arange(len(owners)) - (lengths.cumsum(0) - lengths)[owners]
    place = positions / (lengths - 1).double().clamp_min(1)[owners] * (N_SPEED_KNOTS - 1)
    knot = place.long().clamp_max(N_SPEED_KNOTS - 2)
    here, there = log_speeds[owners, knot], log_speeds[owners, knot + 1]
    return torch.lerp(here, there, place - knot).exp()


def crop_time(dataset: SequenceDataset, share: float, generator: torch.Generator) -> SequenceDataset:
    """Cuts up to ``share`` of the steps away, at the beginning, at the end or at both; at least one step stays."""
    draws = torch.rand(2, len(dataset), generator=generator)
    lengths = (dataset.lengths * (1 - share * draws[0])).ceil().long().clamp_min(1)
    begin = (draws[1] * (dataset.lengths - lengths + 1)).long().clamp_max(dataset.lengths - lengths)
    if dataset.starts is not None:
        return replace(dataset, starts=dataset.starts + begin, lengths=lengths)
    ends = lengths.cumsum(0)
    steps = torch.arange(int(ends[-1])) + torch.repeat_interleave(dataset.offsets + begin - (ends - lengths), lengths)
    return replace(dataset, values=dataset.values.index_select(0, steps), lengths=lengths)


def drop_channels(
    dataset: SequenceDataset, probability: float, mean: Float[Tensor, " channels"], generator: torch.Generator
) -> SequenceDataset:
    """Holds channels of a sequence at the training mean, as if the sensor had said nothing; never all of them."""
    dropped = torch.rand(len(dataset), dataset.n_channels, generator=generator) < probability
    dropped &= ~dropped.all(dim=1, keepdim=True)
    return dataset.seen(_without_channels, mean, each=[dropped])


def _without_channels(dataset: SequenceDataset, mean: Tensor, dropped: Tensor) -> SequenceDataset:
    return dataset.with_values(torch.where(dropped.index_select(0, dataset.owners), mean, dataset.values))


def flip(dataset: SequenceDataset, generator: torch.Generator) -> SequenceDataset:
    """Mirrors half of the sequences; data sets whose channels have no mirror image stay as they are."""
    if mirrored(dataset.channel_names) is None:
        return dataset
    return dataset.seen(_mirrored, each=[torch.rand(len(dataset), generator=generator) < 0.5])


def _mirrored(dataset: SequenceDataset, chosen: Tensor) -> SequenceDataset:
    mirror = mirrored(dataset.channel_names)
    assert mirror is not None
    image = dataset.values[:, mirror.source] * mirror.sign
    return dataset.with_values(torch.where(chosen[dataset.owners][:, None], image, dataset.values))
