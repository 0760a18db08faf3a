"""What is added to a bidirectional LSTM: each part for itself, and nothing at all when all are off."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models import build, step_mask
from models.dropout import StepDropout
from models.enhanced_bilstm import halved
from models.recurrent import Highway

LENGTHS = torch.tensor([11, 4, 1, 7, 10])
OFF: dict[str, bool | int | float] = {
    "attention_heads": 0,
    "cross_resolution": False,
    "gated_residual": False,
    "temporal_dropout": 0.0,
    "feature_dropout": 0.0,
}
ON: dict[str, bool | int | float] = {
    "attention_heads": 2,
    "cross_resolution": True,
    "gated_residual": True,
    "temporal_dropout": 0.5,
    "feature_dropout": 0.5,
}
SHARED: list[dict[str, object]] = [
    {"n_layers": 1},
    {"n_layers": 3, "layer_norm": True, "dropout": 0.3, "pooling": "attention"},
    {"n_layers": 2, "front_layers": 2, "front_channels": 8, "pooling": "mean_max"},
]


def sequences() -> Tensor:
    return torch.randn(len(LENGTHS), 11, 3, generator=torch.Generator().manual_seed(1))


def logits_and_state(name: str, **hyperparameters: object) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(0)
    model = build(name, 3, 5, **hyperparameters)
    return model(sequences(), LENGTHS), model.state_dict()


@pytest.mark.parametrize("shared", SHARED)
def test_all_off_is_the_plain_network_to_the_parameter(shared: dict[str, object]) -> None:
    plain, plain_state = logits_and_state("bilstm", **shared)
    off, off_state = logits_and_state("enhanced-bilstm", **OFF, **shared)
    assert plain_state.keys() == off_state.keys()
    assert all(torch.equal(off_state[key], value) for key, value in plain_state.items())
    assert torch.equal(off, plain)


@pytest.mark.parametrize("part", ON)
def test_each_part_changes_something_and_can_be_switched_off(part: str) -> None:
    plain, _ = logits_and_state("bilstm", n_layers=2)
    on, _ = logits_and_state("enhanced-bilstm", **{**OFF, part: ON[part]}, n_layers=2)
    assert not torch.equal(on, plain)
    everything, _ = logits_and_state("enhanced-bilstm", **ON, n_layers=2)
    without, _ = logits_and_state("enhanced-bilstm", **{**ON, part: OFF[part]}, n_layers=2)
    assert not torch.equal(without, everything)


def test_dropout_of_the_inputs_has_no_parameters_and_is_off_in_evaluation() -> None:
    torch.manual_seed(0)
    plain = build("bilstm", 3, 5).eval()
    dropped = build("enhanced-bilstm", 3, 5, n_layers=1, **{**OFF, "temporal_dropout": 0.5, "feature_dropout": 0.5})
    for ours, theirs in zip(dropped.parameters(), plain.parameters(), strict=True):
        ours.data.copy_(theirs.data)
    assert torch.equal(dropped.eval()(sequences(), LENGTHS), plain(sequences(), LENGTHS))
    assert not torch.equal(dropped.train()(sequences(), LENGTHS), plain(sequences(), LENGTHS))


def test_a_step_is_dropped_with_all_of_its_features() -> None:
    torch.manual_seed(0)
    lengths = torch.full((50,), 40)
    dropped = StepDropout(0.25)(torch.ones(50, 40, 7), lengths)
    assert torch.equal(dropped, dropped[..., :1].expand_as(dropped))
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 4 / 3]))
    assert (dropped == 0).float().mean() == pytest.approx(0.25, abs=0.04)
    assert torch.equal(StepDropout(0.25).eval()(torch.ones(2, 3, 4), torch.tensor([3, 1])), torch.ones(2, 3, 4))


def test_the_same_steps_are_dropped_however_far_the_batch_is_padded() -> None:
    dropped = []
    for time in (11, 30):
        torch.manual_seed(0)
        dropped.append(StepDropout(0.5)(torch.ones(len(LENGTHS), time, 2), LENGTHS))
        dropped.append(torch.rand(1))  # what is drawn afterwards
    assert torch.equal(dropped[2][:, :11], dropped[0])
    assert torch.equal(dropped[3], dropped[1])


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), further=st.integers(0, 3))
def test_the_half_rate_is_the_average_of_every_two_real_steps(lengths: list[int], further: int) -> None:
    torch.manual_seed(0)
    values = torch.randn(len(lengths), max(lengths) + further, 3)
    slower, fewer = halved(values, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        pairs = [values[row, step : min(step + 2, length)].mean(dim=0) for step in range(0, length, 2)]
        assert fewer[row] == len(pairs)
        torch.testing.assert_close(slower[row, : len(pairs)], torch.stack(pairs))
    assert slower.masked_fill(step_mask(fewer, slower.shape[1]), 0.0).count_nonzero() == 0


def test_a_highway_lies_between_what_went_in_and_what_came_out() -> None:
    torch.manual_seed(0)
    highway = Highway(4)
    carried, renewed = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    # The sigmoid of the bias: Srivastava et al. 2015, section 2.2.
    torch.testing.assert_close(highway(carried, renewed), torch.full((2, 3, 4), 0.2689414))
    for bias, expected in ((-50.0, carried), (50.0, renewed)):
        torch.nn.init.constant_(highway.gate.bias, bias)
        torch.testing.assert_close(highway(carried, renewed), expected)
