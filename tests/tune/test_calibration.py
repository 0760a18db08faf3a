"""Calibration against worked examples and networks that are over- and underconfident by construction."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from tune.calibration import expected_calibration_error, fit_temperature


def test_the_calibration_error_by_hand() -> None:
    """Two answers at 0.75 of which one is right, two at 0.6, both right: (2 * 0.25 + 2 * 0.4) / 4."""
    probabilities = torch.tensor([[0.75, 0.25], [0.75, 0.25], [0.4, 0.6], [0.4, 0.6]])
    error = expected_calibration_error(probabilities.log(), torch.tensor([0, 1, 1, 1]))
    assert error == pytest.approx((2 * 0.25 + 2 * 0.4) / 4, abs=1e-6)


def test_who_is_certain_and_right_has_no_error() -> None:
    assert expected_calibration_error(torch.eye(3) * 100, torch.arange(3)) == pytest.approx(0)


def test_who_is_certain_and_wrong_has_all_of_it() -> None:
    assert expected_calibration_error(torch.eye(3) * 100, torch.tensor([1, 2, 0])) == pytest.approx(1)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_the_temperature_that_was_put_in_comes_out(temperature: float) -> None:
    """Labels drawn from softmax(logits): logits multiplied by T need dividing by T."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(20_000, 4, generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator)[:, 0]
    found = fit_temperature(logits * temperature, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    after = expected_calibration_error(logits * temperature / found, labels)
    assert after < 0.015
    if temperature != 1.0:
        assert after < expected_calibration_error(logits * temperature, labels)


def test_a_temperature_by_hand() -> None:
    """Logits (1, 0), right three times of four: sigmoid(1 / T) = 3/4, so T = 1 / ln 3."""
    logits = torch.tensor([[1.0, 0.0]] * 4)
    assert fit_temperature(logits, torch.tensor([0, 0, 0, 1])) == pytest.approx(1 / math.log(3), rel=1e-6)


@given(seed=st.integers(0, 1000))
def test_it_never_makes_the_loss_worse(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(30, 3, generator=generator), torch.randint(3, (30,), generator=generator)
    after = cross_entropy(logits / fit_temperature(logits, labels), labels)
    assert float(after) <= float(cross_entropy(logits, labels)) + 1e-6


def test_all_right_and_all_wrong_have_finite_temperatures() -> None:
    for labels in (torch.arange(3), torch.tensor([1, 2, 0])):
        assert 0 < fit_temperature(torch.eye(3), labels) < math.inf
