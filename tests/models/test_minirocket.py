"""MiniRocket against aeon's, and what rounding, padding and batches must not change."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models import build, n_parameters
from models.minirocket import KERNEL_SIZE, N_KERNELS, TWOS, KernelFeatures, spread

# aeon 1.6.0, transformations.collection.convolution_based._minirocket._fit_dilations(steps, features, 32).
SPREAD = {
    (9, 84): ([1], [1]),
    (24, 10_000): ([1, 2], [79, 40]),
    (150, 840): ([1, 2, 3, 5, 7, 9, 13, 18], [3, 1, 1, 1, 1, 1, 1, 1]),
    (150, 10_000): (
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 18],
        [30, 15, 12, 12, 4, 8, 8, 4, 4, 4, 3, 3, 3, 3, 3, 3],
    ),
    (1460, 10_000): (
        [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 47, 56, 66, 78, 93, 110, 130, 154, 182],
        [19, 8, 8, *[4] * 15, *[3] * 8],
    ),
}

# aeon 1.6.0, _static_transform_multi and _static_transform_uni there, given ``waves`` and ``as_in_aeon``: every
# 23rd feature times the 33 steps, and the sum of all features.
OF_THREE_CHANNELS = [29.0, 19.8, 0.0, 27.0, 0.0, 33.0, 3.96, 4.0, 29.1176, 0.0, 33.0, 0.0, 27.0, 0.0, 0.0], 168.9838104
OF_ONE_CHANNEL = [33.0, 29.04, 0.0, 31.0, 1.0, 33.0, 3.96, 0.0, 33.0, 0.0, 25.2353, 33.0, 33.0, 0.0, 0.0], 165.0544739


def features_of(n_channels: int = 2, n_features: int = 420, receptive_field: int = 33) -> KernelFeatures:
    torch.manual_seed(0)
    return KernelFeatures(n_channels, n_features=n_features, receptive_field=receptive_field)


def sequences(*lengths: int, n_channels: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(length, n_channels, generator=generator) for length in lengths]


def shares(features: KernelFeatures, some: list[Tensor]) -> Tensor:
    lengths = torch.tensor([len(one) for one in some])
    return features(pad_sequence(some, batch_first=True), lengths)[0][:, 0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("steps", "n_features"), SPREAD)
def test_dilations_are_those_of_aeon(steps: int, n_features: int) -> None:
    dilations, n_biases = spread(n_features // N_KERNELS, steps)
    assert (list(dilations), list(n_biases)) == SPREAD[steps, n_features]


@given(n_biases=st.integers(1, 1190), receptive_field=st.integers(9, 65_536))
def test_every_bias_has_a_dilation_that_fits(n_biases: int, receptive_field: int) -> None:
    dilations, counts = spread(n_biases, receptive_field)
    assert sum(counts) == n_biases
    assert min(counts) >= 1
    assert sorted(set(dilations)) == list(dilations)
    assert dilations[-1] * (KERNEL_SIZE - 1) < receptive_field


def waves() -> Tensor:
    step = torch.arange(33, dtype=torch.double)
    waves = [(8 * torch.sin(0.1 * (k + 1) * step * (1 + 0.02 * step))).round() / 8 for k in range(3)]
    return torch.stack(waves, dim=1).float()


def as_in_aeon(n_channels: int) -> KernelFeatures:
    """Kernel k of all looks at every channel if 4 divides k, else at channel k modulo 3."""
    features = features_of(n_channels, n_features=336)
    kernel = torch.arange(len(features.dilations) * N_KERNELS).view(-1, N_KERNELS, 1)
    features.channels.copy_((kernel % 4 == 0) | (kernel % 3 == torch.arange(n_channels)) | (n_channels == 1))
    features.biases.copy_(((torch.arange(features.n_outputs) * 37) % 101 - 50) / 8 + 1 / 16)
    return features


@pytest.mark.parametrize(("n_channels", "golden"), [(1, OF_ONE_CHANNEL), (3, OF_THREE_CHANNELS)])
def test_features_are_those_of_aeon(n_channels: int, golden: tuple[list[float], float]) -> None:
    found = shares(as_in_aeon(n_channels), [waves()[:, :n_channels]])[0]
    assert (33 * found[::23]).tolist() == pytest.approx(golden[0], abs=1e-4)
    assert float(found.sum()) == pytest.approx(golden[1], abs=1e-4)


def looped(features: KernelFeatures, sequence: Tensor) -> list[float]:
    """Features of one sequence, by the definition."""
    found, biases = [], iter(features.biases.tolist())
    rounded = features.rounded(sequence[None])[0].double()
    n_steps = len(sequence)
    for index, (dilation, n_biases) in enumerate(zip(features.dilations, features.n_biases, strict=True)):
        reach = 4 * dilation
        for kernel, twos in enumerate(TWOS):
            mixed = rounded[features.channels[index, kernel]].sum(dim=0)
            ends_too = (index + kernel) % 2 == 0 or n_steps <= 2 * reach
            steps = range(n_steps) if ends_too else range(reach, n_steps - reach)
            responses = [
                sum(
                    (2.0 if place in twos else -1.0) * float(mixed[at])
                    for place in range(KERNEL_SIZE)
                    if 0 <= (at := step + (place - 4) * dilation) < n_steps
                )
                for step in steps
            ]
            for _ in range(n_biases):
                bias = next(biases)
                found.append(sum(response > bias for response in responses) / len(responses))
    return found


@pytest.mark.parametrize("length", [1, 5, 9, 17, 33])
def test_features_are_those_of_the_definition_however_short_the_sequence(length: int) -> None:
    features = features_of()
    (sequence,) = sequences(length)
    assert shares(features, [sequence])[0].tolist() == pytest.approx(looped(features, sequence), abs=1e-6)


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=5), further=st.integers(0, 9))
def test_features_alone_and_among_others_are_the_same_bits(lengths: list[int], further: int) -> None:
    features, some = features_of(), sequences(*lengths)
    together = shares(features, [*some, torch.zeros(max(lengths) + further, 2)])[:-1]
    assert torch.equal(together, torch.cat([shares(features, [one]) for one in some]))


def test_a_signal_that_stands_still_responds_with_exactly_nothing() -> None:
    """Rounding of sums would decide whether these exceed a bias of zero."""
    features = features_of(n_channels=9)
    features.biases.zero_()
    still = torch.randn(9, generator=torch.Generator().manual_seed(2)).expand(100, 9)
    found, before = shares(features, [still])[0], 0
    for index, n_biases in enumerate(features.n_biases):
        after = before + N_KERNELS * n_biases
        inside = found[before:after].view(N_KERNELS, n_biases)[1 - index % 2 :: 2]
        assert inside.count_nonzero() == 0
        before = after


def test_responses_are_exact_whatever_is_added_first() -> None:
    features = features_of(n_channels=9)
    values = features.rounded(100 * torch.randn(2, 50, 9, generator=torch.Generator().manual_seed(3)))
    weights = features.weights(0)
    exact = torch.nn.functional.conv1d(values.double(), weights.double(), padding=4)
    assert torch.equal(torch.nn.functional.conv1d(values, weights, padding=4).double(), exact)
    backwards = torch.nn.functional.conv1d(values.flip(1), weights.flip(1), padding=4)
    assert torch.equal(backwards.double(), exact)


def test_biases_are_quantiles_of_training_sequences() -> None:
    features = features_of(n_channels=1, n_features=84, receptive_field=9)
    (sequence,) = sequences(200, n_channels=1)
    values = sequence.expand(N_KERNELS, 200, 1)
    features.fit_biases(lambda n: (values[:n], torch.full((n,), 200)))
    found = shares(features, [sequence])[0]
    quantiles = torch.arange(1, N_KERNELS + 1) * ((5**0.5 + 1) / 2) % 1
    assert found[::2].tolist() == pytest.approx((1 - quantiles)[::2].tolist(), abs=0.02)


def test_padding_of_the_drawn_sequences_does_not_count() -> None:
    lengths = torch.arange(N_KERNELS) + 1
    drawn = sequences(*lengths.tolist())
    biases = []
    for filling in (0, 7):
        features = features_of()
        values = torch.zeros(N_KERNELS, N_KERNELS + filling, 2)
        for row, one in enumerate(drawn):
            values[row, : len(one)] = one
        features.fit_biases(lambda n, values=values: (values, lengths))  # type: ignore[misc]
        biases.append(features.biases)
    assert torch.equal(*biases)


def test_kernels_look_at_one_to_nine_channels() -> None:
    chosen = features_of(n_channels=30, n_features=10_000, receptive_field=500).channels.sum(dim=2)
    assert int(chosen.min()) == 1
    assert int(chosen.max()) == 9
    # As many with one channel as with two or three: the exponent of 2 is drawn evenly up to log2(10).
    assert float((chosen == 1).double().mean()) == pytest.approx(0.301, abs=0.03)


@pytest.mark.parametrize(("n_features", "n_kept"), [(84, 84), (2_500, 2_436), (10_000, 9_996)])
def test_as_many_parameters_as_features_and_classes_make(n_features: int, n_kept: int) -> None:
    assert n_parameters(build("minirocket", 3, 20, n_features=n_features)) == (n_kept + 1) * 20
