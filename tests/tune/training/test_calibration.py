"""Calibration against worked examples and networks that are over- and underconfident by construction."""

from __future__ import annotations

import math
from statistics import fmean, stdev

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from tune.training.calibration import calibrate, expected_calibration_error, fit_temperature


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


def drawn(n: int, scale: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Logits of nine classes, and labels drawn from their probabilities: 44, 17 and 5% errors at scales 2, 6 and 20."""
    logits = scale * torch.randn(n, 9, generator=generator)
    return logits, torch.multinomial(logits.softmax(dim=1), 1, generator=generator)[:, 0]


@pytest.mark.parametrize("n_units", [None, 5, 10])
@pytest.mark.parametrize("sureness", [0.3, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("scale", [2.0, 6.0, 20.0])
@pytest.mark.parametrize("n", [20, 54, 300])
def test_on_fresh_data_it_is_no_worse_than_none(n: int, scale: float, sureness: float, n_units: int | None) -> None:
    """By construction the best temperature is ``sureness``; with 1, whatever is done can only do harm."""
    generator = torch.Generator().manual_seed(0)
    fresh, fresh_labels = drawn(5000, scale, generator)
    loss_of_none = float(cross_entropy(sureness * fresh, fresh_labels))
    changes = []
    for _ in range(20):
        logits, labels = drawn(n, scale, generator)
        units = torch.arange(n) % (n_units or n)
        temperature = calibrate(sureness * logits, labels, units).temperature
        changes.append(float(cross_entropy(sureness * fresh / temperature, fresh_labels)) - loss_of_none)
    noise = 2 * stdev(changes) / math.sqrt(len(changes))
    assert fmean(changes) <= noise + 1e-6
    assert fmean(changes) < 0.02 * loss_of_none


@pytest.mark.parametrize("sureness", [0.3, 3.0])
def test_where_it_is_plain_to_see_it_is_mended(sureness: float) -> None:
    logits, labels = drawn(600, 6.0, torch.Generator().manual_seed(1))
    mended = calibrate(sureness * logits, labels, torch.arange(600))
    assert mended.temperature == pytest.approx(sureness, rel=0.25)
    assert mended.loss_with_temperature < mended.loss
    assert mended.error_with_temperature < mended.error


@pytest.mark.parametrize("n_wrong", [0, 1])
@pytest.mark.parametrize("n", [20, 54, 800])
def test_hardly_an_error_is_no_reason_to_be_certain(n: int, n_wrong: int) -> None:
    """Twice as many errors as were seen, and one more, must not cost more than was gained."""
    logits, _ = drawn(n, 6.0, torch.Generator().manual_seed(2))
    labels = logits.argmax(dim=1)
    second = logits.argsort(dim=1)[:, -2]
    surest = logits.softmax(dim=1).amax(dim=1).argsort(descending=True)
    labels[surest[:n_wrong]] = second[surest[:n_wrong]]
    temperature = calibrate(logits, labels, torch.arange(n)).temperature
    labels[surest[: 2 * n_wrong + 1]] = second[surest[: 2 * n_wrong + 1]]
    assert float(cross_entropy(logits / temperature, labels)) <= float(cross_entropy(logits, labels)) + 0.01


@pytest.mark.parametrize("n_people", [1, 2, 4])
def test_a_few_people_say_nothing_of_others(n_people: int) -> None:
    logits, labels = drawn(300, 6.0, torch.Generator().manual_seed(1))
    assert calibrate(3 * logits, labels, torch.arange(300) % n_people).temperature == 1
    assert calibrate(3 * logits, labels, torch.arange(300) % 10).temperature > 2


def test_a_recording_given_twenty_times_is_no_more_evidence_than_given_once() -> None:
    logits, labels = drawn(20, 6.0, torch.Generator().manual_seed(3))
    once = calibrate(2 * logits, labels, torch.arange(20))
    copies, their_labels = 2 * logits.repeat(20, 1), labels.repeat(20)
    assert once.temperature == 1
    assert calibrate(copies, their_labels, torch.arange(20).repeat(20)).temperature == 1
    assert calibrate(copies, their_labels, torch.arange(400)).temperature > 1


@given(seed=st.integers(0, 1000), n=st.integers(1, 60), n_units=st.integers(1, 60))
def test_what_is_used_was_better_on_what_it_was_not_fitted_on(seed: int, n: int, n_units: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits, labels = torch.randn(n, 3, generator=generator), torch.randint(3, (n,), generator=generator)
    found = calibrate(5 * logits, labels, torch.randint(n_units, (n,), generator=generator))
    if found.temperature == 1:
        assert (found.loss, found.error) == (found.loss_with_temperature, found.error_with_temperature)
    else:
        assert found.loss_with_temperature < found.loss
