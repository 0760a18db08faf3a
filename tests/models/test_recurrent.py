"""The padded engine against torch's own on packed sequences, and the sizes that others have published."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models import build, n_parameters
from models.recurrent import Cell, RecurrentStack

LENGTHS = torch.tensor([9, 4, 1, 7, 9, 3])

# Published for a linear head on the last step or the mean, 3 channels and 20 classes.
GOLDEN = [
    ("gru", {"hidden_size": 64}, 14_548),
    ("gru", {"hidden_size": 128}, 53_652),
    ("gru", {"hidden_size": 256}, 205_588),
    ("gru", {"hidden_size": 128, "n_layers": 2}, 152_724),
    ("lstm", {"hidden_size": 128, "n_layers": 2}, 202_772),
    ("gru", {"hidden_size": 128, "n_layers": 2, "bidirectional": True}, 403_732),
    ("gru", {"hidden_size": 256, "n_layers": 2, "bidirectional": True}, 1_593_876),
]


@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize(("name", "hyperparameters", "golden"), GOLDEN)
def test_parameters_are_as_many_as_published(
    name: str, hyperparameters: dict[str, bool | int], golden: int, pooling: str
) -> None:
    assert n_parameters(build(name, 3, 20, pooling=pooling, front_layers=0, **hyperparameters)) == golden


def reference(stack: RecurrentStack, cell: Cell, values: Tensor, bidirectional: bool) -> Tensor:
    """What torch's own stacked layer computes with the same weights on packed sequences; zeros in the padding."""
    stacked = cell(3, 5, 2, batch_first=True, bidirectional=bidirectional).double()
    with torch.no_grad():
        # Both hold layer by layer, within it direction by direction, and then the same four.
        for parameter, ours in zip(stacked.parameters(), stack.parameters(), strict=True):
            parameter.copy_(ours)
    packed = pack_padded_sequence(values, LENGTHS, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(stacked(packed)[0], batch_first=True)[0]


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", [nn.RNN, nn.GRU, nn.LSTM])
def test_padded_layers_compute_what_packed_ones_do(cell: Cell, bidirectional: bool, gradients: bool) -> None:
    torch.manual_seed(0)
    stack = RecurrentStack(cell, 3, hidden_size=5, n_layers=2, dropout=0.0, bidirectional=bidirectional).double()
    values = torch.randn(len(LENGTHS), 9, 3, dtype=torch.double)
    with torch.set_grad_enabled(gradients):
        hidden, lengths = stack(values, LENGTHS)
        expected = reference(stack, cell, values, bidirectional)
    assert torch.equal(lengths, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(hidden[row, :length], expected[row, :length])


def test_layer_norm_stands_between_layers_only() -> None:
    sizes = [
        n_parameters(build("gru", 3, 20, hidden_size=8, n_layers=n_layers, layer_norm=layer_norm))
        for n_layers in (1, 3)
        for layer_norm in (False, True)
    ]
    assert sizes[1] == sizes[0]
    assert sizes[3] == sizes[2] + 2 * (8 + 8)
