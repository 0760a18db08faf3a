"""Hidden states: those of known networks, and of every architecture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models import ARCHITECTURES, build
from models.base import SequenceClassifier
from models.pooling import Pooling
from models.recurrent import RecurrentLayer
from tune.diagnosis.measures.states import between_class_share, layer_names, record, resampled_paths

LENGTHS = torch.tensor([9, 6, 3, 1])


class Copying(SequenceClassifier):
    """A network whose only layer puts out what it is given."""

    def __init__(self, n_channels: int = 2) -> None:
        super().__init__(n_channels, 2)
        layer = RecurrentLayer(nn.RNN, n_channels, n_channels, bidirectional=False)
        self.assemble([Stage(layer)], Pooling("last", n_channels), 0.0)
        for name, weight in layer.cells[0].named_parameters():
            identity = torch.eye(n_channels) if name == "weight_ih_l0" else torch.zeros_like(weight)
            weight.data.copy_(identity)


class Stage(nn.Module):
    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer(values, lengths), lengths


def values_of(n_channels: int = 3) -> Tensor:
    return torch.randn(len(LENGTHS), int(LENGTHS.max()), n_channels, generator=torch.Generator().manual_seed(0))


def test_a_network_that_copies_has_its_input_as_trajectory() -> None:
    values = 0.1 * values_of(2)
    found = record(Copying(), values, LENGTHS)
    (layer,) = found.layers
    assert layer.is_recurrent
    for row, n in enumerate(LENGTHS.tolist()):
        assert torch.allclose(layer.states[row, :n], torch.tanh(values[row, :n]))
    assert torch.allclose(found.pooled, torch.stack([layer.states[k, n - 1] for k, n in enumerate(LENGTHS.tolist())]))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_shows_what_its_head_is_given(name: str) -> None:
    torch.manual_seed(0)
    network = build(name, 3, 4)
    found = record(network, values_of(), LENGTHS)
    assert bool(found.layers) != network.closed_form
    assert torch.equal(found.logits, network.eval()(values_of(), LENGTHS))
    for layer in found.layers:
        assert layer.states.shape[0] == len(LENGTHS)
        assert int(layer.lengths.max()) <= layer.states.shape[1]
    names = [layer.name for layer in found.layers]
    assert len(names) == len(set(names))
    assert sorted(names) == sorted(layer_names(network).values())


@pytest.mark.parametrize("cell", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_of_every_step_are_those_of_a_lone_cell(cell: type[nn.RNN], bidirectional: bool) -> None:
    torch.manual_seed(0)
    name = {nn.RNN: "rnn", nn.GRU: "gru", nn.LSTM: "lstm"}[cell]
    network = build(name, 3, 4, hidden_size=5, n_layers=1, bidirectional=bidirectional)
    values = values_of()
    (layer,) = record(network, values, LENGTHS).layers
    forwards = network.stages[1].layers[0].cells[0]  # type: ignore[union-attr, index]
    state = None
    with torch.no_grad():
        for step in range(6):
            _, state = forwards(values[1:2, step : step + 1].transpose(0, 1), state)
            hidden = state[0] if isinstance(state, tuple) else state
            assert torch.allclose(layer.states[1, step, :5], hidden[0, 0], atol=1e-6)


def test_layers_have_names_that_a_person_knows() -> None:
    network = build("enhanced-bilstm", 3, 4, front_layers=2)
    assert list(layer_names(network).values()) == [
        "convolution 1",
        "convolution 2",
        "attention to the half-rate branch",
        "recurrent layer 1",
        "recurrent layer 2",
        "half-rate recurrent layer",
        "self-attention",
    ]
    assert list(layer_names(build("temporal-cnn", 3, 4, n_blocks=2)).values()) == [
        "residual block 1",
        "residual block 2",
    ]
    assert list(layer_names(build("transformer", 3, 4, n_layers=1)).values()) == ["self-attention", "encoder layer"]


class Unknown(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, values: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return self.linear(values), lengths


def test_a_stage_of_an_unknown_kind_is_watched_as_a_whole() -> None:
    network = build("gru", 3, 4)
    network.stages.append(Unknown())
    assert list(layer_names(network).values()) == ["recurrent layer", "stage"]


def test_paths_begin_at_the_first_step_and_end_at_the_last_real_one() -> None:
    states = torch.arange(9.0)[None, :, None].repeat(len(LENGTHS), 1, 1)
    paths = resampled_paths(states, LENGTHS, 5)
    assert paths[:, 0, 0].tolist() == [0, 0, 0, 0]
    assert paths[:, -1, 0].tolist() == [8, 5, 2, 0]
    assert paths[1, :, 0].tolist() == pytest.approx([0, 1.25, 2.5, 3.75, 5])


def test_classes_that_part_are_seen_to_part() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    together, apart = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]), torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
    shares = between_class_share(torch.stack([together, apart], dim=1), labels)
    assert shares.tolist() == pytest.approx([0.0, 1.0])
    assert between_class_share(torch.ones(4, 1, 2), labels).tolist() == [0.0]
