"""What a search can still be expected to gain, and what its judges can tell."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from tune.study.gain import expected_gain, standard_error


def test_the_expected_gain_is_that_of_an_exponential_tail() -> None:
    """Of so small shares that none comes near 1; the truth is simulated, and known as s * (1/6 + 1/7 + 1/8)."""
    dice, scale, gained, expected = random.Random(0), 0.01, [], []
    for _ in range(20_000):
        bests = [dice.expovariate(1 / scale) for _ in range(8)]
        gained.append(max(bests) - max(bests[:5]))
        expected.append(expected_gain(bests[:5], max(bests[:5]), 3))
    assert fmean(gained) == pytest.approx(scale * (1 / 6 + 1 / 7 + 1 / 8), rel=0.05)
    assert fmean(expected) == pytest.approx(fmean(gained), rel=0.05)


def test_a_lighter_tail_gains_less_than_is_expected() -> None:
    dice, gained, expected = random.Random(0), [], []
    for _ in range(5_000):
        bests = [dice.uniform(0.8, 0.9) for _ in range(8)]
        gained.append(max(bests) - max(bests[:5]))
        expected.append(expected_gain(bests[:5], max(bests[:5]), 3))
    assert fmean(gained) < fmean(expected)


def test_nothing_is_gained_beyond_all_correct() -> None:
    assert expected_gain([], 0.97, 9) == pytest.approx(0.03)
    assert expected_gain([0.2, 0.97], 0.97, 9) == pytest.approx(0.03)
    assert expected_gain([0.9, 0.9, 1.0], 1.0, 9) == 0


def test_the_standard_error_is_not_0_where_all_are_correct() -> None:
    assert standard_error(1.0, 96) == pytest.approx(0.014)
    assert standard_error(0.5, 96) == pytest.approx(0.05)
    assert standard_error(0.5, 96) > standard_error(0.5, 960)
