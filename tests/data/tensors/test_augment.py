"""What every transform keeps, what it changes, and that it is the same for the same seed and epoch."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.sequences import SequenceDataset
from data.tensors.augment import (
    Augmentation,
    augment,
    crop_time,
    drop_channels,
    flip,
    jitter,
    rotate,
    rotation_matrices,
    scale,
    warp_time,
)
from data.tensors.channels import fit_normaliser

EACH: list[dict[str, Any]] = [
    {"jitter": 0.1},
    {"scaling": 0.2},
    {"rotation": 0.3},
    {"time_warp": 0.4},
    {"time_crop": 0.3},
    {"channel_dropout": 0.4},
]
EVERYTHING = Augmentation(**{key: value for one in EACH for key, value in one.items()})


def motion(n_sequences: int = 40, seed: int = 0) -> SequenceDataset:
    """Two sensors of three axes and a thermometer."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 30, (n_sequences,), generator=generator)
    return SequenceDataset(
        name="motion",
        kind="gesture",
        values=5 + torch.randn(int(lengths.sum()), 7, generator=generator),
        lengths=lengths,
        labels=torch.arange(n_sequences) % 3,
        class_names=("a", "b", "c"),
        channel_names=("ax (g)", "ay (g)", "az (g)", "gyro_x", "gyro_y", "gyro_z", "heat"),
        groups=torch.arange(n_sequences) % 4,
        group_names=("p", "q", "r", "s"),
    )


def ramp(lengths: list[int]) -> SequenceDataset:
    """Each value is its own position."""
    dataset = motion()
    sizes = torch.tensor(lengths)
    values = torch.cat([torch.arange(length).float() for length in lengths])[:, None].repeat(1, 7)
    rows = torch.arange(len(sizes))
    return replace(dataset, values=values, lengths=sizes, labels=rows % 3, groups=rows % 4)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def varied(dataset: SequenceDataset, augmentation: Augmentation, seed: int = 3, epoch: int = 1) -> SequenceDataset:
    return augment(dataset, augmentation, fit_normaliser(dataset), seed=seed, epoch=epoch)


@pytest.mark.parametrize("one", [*EACH, EVERYTHING.__dict__])
def test_the_seed_and_the_epoch_decide(one: dict[str, Any]) -> None:
    dataset, augmentation = motion(), Augmentation(**one)
    first = varied(dataset, augmentation)
    assert torch.equal(first.values, varied(dataset, augmentation).values)
    for other in (varied(dataset, augmentation, seed=4), varied(dataset, augmentation, epoch=2)):
        assert first.values.shape != other.values.shape or not torch.equal(first.values, other.values)


@pytest.mark.parametrize("one", [*EACH, EVERYTHING.__dict__])
def test_what_a_sequence_is_stays(one: dict[str, Any]) -> None:
    dataset = motion()
    before = dataset.values.clone()
    after = varied(dataset, Augmentation(**one))
    assert torch.equal(dataset.values, before), "the measured values themselves were changed"
    assert torch.equal(after.labels, dataset.labels)
    assert after.groups is not None
    assert len(after) == len(dataset)
    assert after.values.isfinite().all()
    assert after.values.dtype == torch.float32
    if "time_crop" not in one:
        assert torch.equal(after.lengths, dataset.lengths)


@pytest.mark.parametrize("one", EACH)
def test_every_transform_changes_something(one: dict[str, Any]) -> None:
    dataset = motion()
    after = varied(dataset, Augmentation(**one))
    assert after.values.shape != dataset.values.shape or not torch.allclose(after.values, dataset.values)


def test_nothing_asked_for_is_nothing_done() -> None:
    dataset = motion()
    assert varied(dataset, Augmentation()) is dataset


@given(seed=st.integers(0, 10_000))
def test_a_rotation_keeps_lengths_and_angles(seed: int) -> None:
    dataset = motion(seed=seed)
    after = rotate(dataset, 0.5, generator(seed))
    for triple in ([0, 1, 2], [3, 4, 5]):
        torch.testing.assert_close(after.values[:, triple].norm(dim=1), dataset.values[:, triple].norm(dim=1))
    # One device: both sensors turn alike, so that the angle between their vectors stays.
    torch.testing.assert_close(
        (after.values[:, :3] * after.values[:, 3:6]).sum(1),
        (dataset.values[:, :3] * dataset.values[:, 3:6]).sum(1),
        atol=1e-3,
        rtol=1e-4,
    )
    assert torch.equal(after.values[:, 6], dataset.values[:, 6])


def test_all_steps_of_a_sequence_turn_alike() -> None:
    dataset = ramp([6])
    after = rotate(dataset, 0.5, generator()).values[:, :3]
    torch.testing.assert_close(after[5], 5 * after[1])


def test_a_quarter_turn_about_z() -> None:
    """Takes x to y and y to -x (Rodrigues' formula by hand)."""
    turn = rotation_matrices(torch.tensor([[0.0, 0.0, math.pi / 2]]))[0]
    torch.testing.assert_close(turn @ torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(turn @ torch.tensor([0.0, 1.0, 0.0]), torch.tensor([-1.0, 0.0, 0.0]))


def test_strengths_are_standard_deviations() -> None:
    dataset = ramp([2] * 20_000)
    ones = replace(dataset, values=torch.ones_like(dataset.values))
    factors = scale(ones, 0.2, torch.zeros(7), generator()).values[::2]
    assert float(factors.mean()) == pytest.approx(1, abs=0.01)
    assert float(factors.std()) == pytest.approx(0.2, rel=0.02)
    assert torch.equal(scale(ones, 0.2, torch.ones(7), generator()).values, ones.values), "the mean stays"
    noise = jitter(ones, torch.tensor([0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.5]), generator()).values - 1
    assert noise.std(dim=0).tolist() == pytest.approx([0, 1, 2, 0, 0, 0, 0.5], rel=0.02)
    angles = rotate(ones, 0.1, generator()).values[::2, :3]
    # Small turns of (1, 1, 1) by a vector w move it by w x (1, 1, 1), whose parts have variance 2 sigma^2.
    assert float((angles - 1).square().mean().sqrt()) == pytest.approx(0.1 * math.sqrt(2), rel=0.03)


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=20), strength=st.floats(0.01, 2.0))
def test_warped_time_runs_forwards_between_the_same_ends(lengths: list[int], strength: float) -> None:
    dataset = ramp(lengths)
    after = warp_time(dataset, strength, generator())
    for index, length in enumerate(lengths):
        steps = after.sequence(index)[:, 0]
        assert float(steps[0]) == pytest.approx(0, abs=1e-4)
        assert float(steps[-1]) == pytest.approx(length - 1, abs=1e-3)
        assert (steps.diff() >= 0).all()


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=20), share=st.floats(0.01, 0.99))
def test_a_crop_is_a_run_of_steps(lengths: list[int], share: float) -> None:
    after = crop_time(ramp(lengths), share, generator())
    for index, length in enumerate(lengths):
        steps = after.sequence(index)[:, 0]
        assert (steps.diff() == 1).all()
        assert steps[0] >= 0
        assert steps[-1] <= length - 1
        assert len(steps) >= max(1, math.floor(length * (1 - share)))


def test_a_dropped_channel_is_at_its_mean_and_one_is_always_left() -> None:
    dataset = motion(400)
    mean = torch.arange(7.0) + 100
    after = drop_channels(dataset, 0.8, mean, generator())
    gone = torch.stack([(after.sequence(i) == mean).all(dim=0) for i in range(len(after))])
    kept = torch.stack([(after.sequence(i) == dataset.sequence(i)).all(dim=0) for i in range(len(after))])
    assert torch.equal(gone, ~kept)
    assert kept.any(dim=1).all()
    # Where all seven would be gone, none is.
    assert float(gone.float().mean()) == pytest.approx(0.8 - 0.8**7, abs=0.03)


def hands() -> SequenceDataset:
    dataset = motion()
    names = tuple(f"{part}_hand {k} {axis}" for part in ("left", "right") for k in range(21) for axis in "xyz")
    values = torch.randn(len(dataset.values), len(names), generator=generator())
    return replace(dataset, values=values, channel_names=names)


def test_a_mirrored_hand_is_the_other_one() -> None:
    dataset = hands()
    after = flip(dataset, generator())
    axes = torch.tensor([-1.0, 1.0, 1.0]).repeat(42)
    other = dataset.values.roll(63, dims=1) * axes
    flipped = [bool((after.sequence(i) != dataset.sequence(i)).any()) for i in range(len(after))]
    assert 0 < sum(flipped) < len(flipped)
    image = replace(dataset, values=other)
    for index, was_flipped in enumerate(flipped):
        assert torch.equal(after.sequence(index), (image if was_flipped else dataset).sequence(index))


def test_what_has_no_mirror_image_stays() -> None:
    dataset = motion()
    assert flip(dataset, generator()) is dataset
