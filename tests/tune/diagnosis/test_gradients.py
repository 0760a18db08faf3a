"""Gradients through time, where they are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from models import build
from models.base import SequenceClassifier
from models.recurrent import GRU, LSTM, VanillaRNN
from tests.models.test_contract import BY_GRADIENT
from tests.tune.diagnosis.test_states import LENGTHS, values_of
from tune.diagnosis.measures.gradients import (
    INPUT,
    GradientNorms,
    fit_decay,
    from_the_end,
    gradient_norms,
)


def one_dimensional_rnn(weight: float) -> SequenceClassifier:
    """An RNN with one unit; at zero its tanh is a straight line."""
    network = VanillaRNN(1, 2, hidden_size=1)
    cell = network.stages[1].layers[0].cells[0]  # type: ignore[union-attr, index]
    for name, parameter in cell.named_parameters():
        nn.init.constant_(parameter, weight if name == "weight_hh_l0" else 1.0 if name == "weight_ih_l0" else 0.0)
    return network


@pytest.mark.parametrize("weight", [0.5, 0.9, 1.2])
def test_gradients_of_a_linear_rnn_fall_as_a_power_of_its_weight(weight: float) -> None:
    lengths = torch.tensor([12, 7])
    found = gradient_norms(one_dimensional_rnn(weight), torch.zeros(2, 12, 1), lengths, torch.tensor([0, 1]))
    assert [one.name for one in found] == [INPUT, "recurrent layer"]
    for one in found:
        for row, n in enumerate(lengths.tolist()):
            back = one.norms[row, :n].flip(0) / one.norms[row, n - 1]
            assert back.tolist() == pytest.approx([weight**k for k in range(n)])
            assert not one.norms[row, n:].any()
        decay = fit_decay(from_the_end(one))
        assert decay is not None
        assert decay.factor == pytest.approx(weight)
        assert decay.r_squared == pytest.approx(1)
        assert decay.half_life == pytest.approx(math.log(0.5) / math.log(weight) if weight < 1 else math.inf)


def test_what_has_almost_vanished_is_still_a_number() -> None:
    found = gradient_norms(one_dimensional_rnn(1e-3), torch.zeros(1, 60, 1), torch.tensor([60]), torch.tensor([0]))
    assert float(found[1].norms[0, 0] / found[1].norms[0, -1]) == pytest.approx(1e-177, rel=1e-6)


@pytest.mark.parametrize("network", [VanillaRNN, GRU, LSTM])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_running_step_by_step_changes_no_gradient(network: type[VanillaRNN], bidirectional: bool) -> None:
    torch.manual_seed(0)
    built = network(3, 4, hidden_size=5, n_layers=2, bidirectional=bidirectional, pooling="mean_max")
    labels = torch.tensor([0, 1, 2, 3])
    before = {name: weight.clone() for name, weight in built.state_dict().items()}
    found = gradient_norms(built, values_of(), LENGTHS, labels)
    values = values_of().double().requires_grad_()
    loss = cross_entropy(built.double().eval()(values, LENGTHS), labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, values)
    assert torch.allclose(found[0].norms, gradient.norm(dim=2))
    assert all(torch.equal(weight.float(), before[name]) for name, weight in built.state_dict().items())


def test_the_state_of_an_lstm_is_its_cell_state_too() -> None:
    torch.manual_seed(0)
    names = [one.name for one in gradient_norms(LSTM(3, 4), values_of(), LENGTHS, torch.tensor([0, 1, 2, 3]))]
    assert names == [INPUT, "recurrent layer", "recurrent layer, with its cell state"]


def test_a_forget_gate_that_is_open_keeps_the_gradient() -> None:
    torch.manual_seed(0)
    network = LSTM(1, 2, hidden_size=1)
    cell = network.stages[1].layers[0].cells[0]  # type: ignore[union-attr, index]
    for name, parameter in cell.named_parameters():
        nn.init.zeros_(parameter)
        if name == "bias_ih_l0":
            parameter.data[1] = 50.0  # forget nothing
            parameter.data[3] = 50.0  # put everything out
    found = gradient_norms(network, torch.zeros(1, 30, 1), torch.tensor([30]), torch.tensor([0]))
    kept = from_the_end(found[2])
    assert float(kept[-1] / kept[1]) == pytest.approx(1.0)
    without = from_the_end(found[1])
    assert float(without[-1]) == 0  # nothing flows back through the outputs alone: no gate reads them


@pytest.mark.parametrize("name", BY_GRADIENT)
def test_every_architecture_has_gradients_at_real_steps_only(name: str) -> None:
    torch.manual_seed(0)
    found = gradient_norms(build(name, 3, 4), values_of(), LENGTHS, torch.tensor([0, 1, 2, 3]))
    assert found[0].name == INPUT
    assert len(found) > 1
    for one in found:
        assert one.norms.isfinite().all()
        assert one.norms.shape[0] == len(LENGTHS)
    for row, n in enumerate(LENGTHS.tolist()):
        assert not found[0].norms[row, n:].any()
        assert found[0].norms[row, :n].any()


def test_the_mean_from_the_end_is_of_the_sequences_that_are_that_long() -> None:
    norms = torch.tensor([[1.0, 2.0, 3.0], [5.0, 0.0, 0.0], [7.0, 9.0, 0.0]])
    mean = from_the_end(GradientNorms("", norms, torch.tensor([3, 1, 2])))
    assert mean.tolist() == pytest.approx([(3 + 5 + 9) / 3, (2 + 7) / 2])
    own = from_the_end(GradientNorms("", norms, torch.tensor([3, 1, 2])), torch.tensor([0]))
    assert own.tolist() == [3, 2, 1]


@pytest.mark.parametrize("norms", [[], [1.0], [1.0, 0.5], [0.0, 0.0, 0.0, 1.0]])
def test_nothing_is_fitted_to_two_points(norms: list[float]) -> None:
    assert fit_decay(norms) is None


def test_a_fit_leaves_zeros_out() -> None:
    decay = fit_decay(torch.tensor([8.0, 4.0, 0.0, 1.0]))
    assert decay is not None
    assert decay.factor == pytest.approx(0.5)
    assert decay.n_steps == 3


def test_a_straight_line_is_no_decay() -> None:
    decay = fit_decay([2.0, 2.0, 2.0])
    assert decay is not None
    assert decay.factor == pytest.approx(1.0)
