"""Attributions of networks whose answers are known to rest on what they rest on."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import Tensor, nn

from models.masks import step_mask
from tune.diagnosis.measures.attribution import (
    Attribution,
    CaptumMissingError,
    deletion_curves,
    integrated_gradients,
)

LENGTHS = torch.tensor([6, 4])


class Linear(nn.Module):
    """Its first logit is a weighted sum of the values at real steps; its second is zero."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        real = values * step_mask(lengths, values.shape[1])
        first = (real * self.weights).sum(dim=(1, 2))
        return torch.stack([first, torch.zeros_like(first)], dim=1)


def values_of() -> Tensor:
    return torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))


def test_integrated_gradients_of_a_linear_network_are_weight_times_value() -> None:
    weights = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    found = integrated_gradients(Linear(weights), values_of(), LENGTHS, torch.tensor([0, 0]))
    expected = values_of() * weights * step_mask(LENGTHS, 6)
    assert torch.allclose(found.values, expected, atol=1e-5)
    assert found.gap == pytest.approx(0, abs=1e-5)


def test_what_the_answer_rests_on_is_what_takes_it_away() -> None:
    weights = torch.zeros(6, 3)
    weights[2, 1] = 8.0
    values = values_of().abs() + 0.5
    network = Linear(weights)
    found = integrated_gradients(network, values, LENGTHS, torch.tensor([0, 0]))
    curves = deletion_curves(network, values, LENGTHS, found)
    assert curves.first[0] > 0.9
    assert curves.first[1] == pytest.approx(0.5)  # nothing is left of the only value that counts
    assert curves.last[-2] == pytest.approx(curves.last[0])
    assert curves.first[-1] == curves.last[-1] == curves.random[-1] == pytest.approx(0.5)
    assert curves.advantage > 0.1


def test_an_order_that_knows_nothing_has_no_advantage() -> None:
    network = Linear(torch.ones(6, 3))
    values = torch.ones(2, 6, 3)
    nothing = Attribution(torch.zeros_like(values), torch.tensor([0, 0]), 0.0)
    assert deletion_curves(network, values, LENGTHS, nothing).advantage == pytest.approx(0, abs=1e-6)


def test_deletion_counts_real_steps_only() -> None:
    values = torch.ones(1, 6, 1)
    network = Linear(torch.ones(6, 1))
    found = Attribution(torch.arange(6.0)[None, :, None], torch.tensor([0]), 0.0)
    curves = deletion_curves(network, values, torch.tensor([2]), found)
    assert curves.first[5] == pytest.approx(float(torch.tensor(1.0).sigmoid()))  # one of two is left


def test_a_package_that_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(CaptumMissingError, match=r"captum, which is not installed: \.venv/bin/python -m pip install"):
        integrated_gradients(Linear(torch.ones(6, 3)), values_of(), LENGTHS, torch.tensor([0, 0]))
