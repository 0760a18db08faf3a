"""How far a temporal convolutional network sees, and what its blocks add."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from models import build, n_parameters
from models.temporal_cnn import LARGEST_DILATION, ResidualBlock


def block(n_inputs: int = 4, n_outputs: int = 4, **changed: int | float | str | bool) -> ResidualBlock:
    torch.manual_seed(0)
    settings = {"kernel_size": 3, "dilation": 1, "residual": True, "norm": "none", "dropout": 0.0}
    return ResidualBlock(n_inputs, n_outputs, **{**settings, **changed})  # type: ignore[arg-type]


def seen_from(step: int, time: int, **hyperparameters: object) -> Tensor:
    """Which input steps the features of one step depend on."""
    torch.manual_seed(0)
    model = build("temporal-cnn", 2, 3, conv_norm="none", **hyperparameters)
    hidden = values = torch.randn(1, time, 2).requires_grad_()
    lengths = torch.tensor([time])
    for stage in model.stages:
        hidden, lengths = stage(hidden, lengths)
    hidden[0, step].sum().backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None
    return values.grad[0].abs().sum(dim=1).nonzero().flatten()


@pytest.mark.parametrize(("growth", "reach"), [(1, 2 * 3), (2, 2 * (1 + 2 + 4)), (3, 2 * (1 + 3 + 9))])
def test_a_step_sees_as_far_as_the_dilations_add_up_to(growth: int, reach: int) -> None:
    """Two convolutions of one step to either side in each of three blocks; the middle of Bai et al. 2018, figure 1."""
    seen = seen_from(30, 61, n_blocks=3, conv_kernel_size=3, dilation_growth=growth)
    assert [int(seen.min()), int(seen.max())] == [30 - reach, 30 + reach]


def test_dilations_end_before_they_cost_memory_without_end() -> None:
    model = build("temporal-cnn", 2, 3, n_blocks=16, dilation_growth=8, conv_channels=2, conv_kernel_size=3)
    dilations = [stage.dilation[0] for stage in model.modules() if isinstance(stage, nn.Conv1d)][::2]
    assert dilations[:4] == [1, 8, 64, LARGEST_DILATION]
    assert max(dilations) == LARGEST_DILATION
    assert model(torch.randn(2, 5, 2), torch.tensor([5, 3])).isfinite().all()


@given(n_inputs=st.integers(1, 4), n_outputs=st.integers(1, 4), dilation=st.integers(1, 9))
def test_a_block_adds_what_went_in(n_inputs: int, n_outputs: int, dilation: int) -> None:
    residual = block(n_inputs, n_outputs, dilation=dilation)
    plain = block(n_inputs, n_outputs, dilation=dilation, residual=False)
    plain.load_state_dict({key: value for key, value in residual.state_dict().items() if "shortcut" not in key})
    values, lengths = torch.randn(2, 6, n_inputs), torch.tensor([6, 6])
    shortcut = values if n_inputs == n_outputs else residual.shortcut(values)
    expected = torch.relu(shortcut + plain(values, lengths)[0])
    torch.testing.assert_close(residual(values, lengths)[0], expected)


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_padding_of_zeros_stays_zero(norm: str) -> None:
    values, lengths = torch.randn(3, 9, 2), torch.tensor([9, 4, 1])
    for row, length in enumerate(lengths.tolist()):
        values[row, length:] = 0.0
    hidden, _ = block(2, 5, norm=norm, dilation=2)(values, lengths)
    for row, length in enumerate(lengths.tolist()):
        assert hidden[row, length:].count_nonzero() == 0
        assert hidden[row, :length].count_nonzero() > 0


def test_a_shortcut_has_parameters_only_where_the_width_changes() -> None:
    sizes = [n_parameters(block(4, 4)), n_parameters(block(4, 4, residual=False))]
    assert sizes[0] == sizes[1]
    assert n_parameters(block(3, 4)) == n_parameters(block(3, 4, residual=False)) + 3 * 4
