"""The convolutional front: its norm, its strides, and what it is when it is off."""

from inspect import signature

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from models import ARCHITECTURES, build, n_parameters, step_mask
from models.dropout import SequenceDropout
from models.front import ConvolutionalFront, MaskedBatchNorm

LENGTHS = torch.tensor([9, 4, 1, 7])


def front(**changed: int | float | str) -> ConvolutionalFront:
    torch.manual_seed(0)
    settings = {
        "front_layers": 2,
        "front_channels": 6,
        "front_kernel_size": 5,
        "front_stride": 1,
        "front_norm": "batch",
        "front_dropout": 0.0,
    }
    return ConvolutionalFront(3, **{**settings, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_norm_is_that_of_the_real_steps_in_one_long_list(momentum: float | None) -> None:
    torch.manual_seed(0)
    masked, plain = MaskedBatchNorm(6, momentum=momentum), nn.BatchNorm1d(6, momentum=momentum)
    for _ in range(3):
        values = torch.randn(4, 9, 6) * 3 + 1
        real = step_mask(LENGTHS, 9)
        expected = plain(values[real[..., 0]])
        normalised = masked(values.masked_fill(~real, 1e6), real)
        torch.testing.assert_close(normalised[real[..., 0]], expected)
    for key, remembered in plain.state_dict().items():
        torch.testing.assert_close(masked.state_dict()[key], remembered)
    torch.testing.assert_close(masked.eval()(values, real)[real[..., 0]], plain.eval()(values[real[..., 0]]))


def test_batch_norm_of_a_single_step_is_that_of_evaluation() -> None:
    norm = MaskedBatchNorm(6)
    values, real = torch.randn(1, 3, 6), torch.tensor([[[True], [False], [False]]])
    in_training = norm(values, real)
    torch.testing.assert_close(in_training, norm.eval()(values, real))
    assert norm.num_batches_tracked == 0


@given(
    length=st.integers(1, 40),
    further=st.integers(0, 20),
    n_layers=st.integers(0, 4),
    kernel_size=st.sampled_from([1, 3, 7]),
    stride=st.integers(1, 4),
)
def test_lengths_are_divided_and_rounded_up(
    length: int, further: int, n_layers: int, kernel_size: int, stride: int
) -> None:
    layers = front(front_layers=n_layers, front_kernel_size=kernel_size, front_stride=stride).eval()
    lengths = torch.tensor([length, length + further])
    values, left = layers(torch.ones(2, length + further, 3), lengths)
    for _ in range(n_layers):
        lengths = torch.tensor([-(-n // stride) for n in lengths.tolist()])
    assert torch.equal(left, lengths)
    assert values.shape == (2, int(lengths[1]), layers.n_outputs)


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_padding_of_zeros_stays_zero(norm: str) -> None:
    values = torch.randn(4, 9, 3).masked_fill(~step_mask(LENGTHS, 9), 0.0)
    hidden, lengths = front(front_norm=norm, front_stride=2, front_dropout=0.3)(values, LENGTHS)
    real = step_mask(lengths, hidden.shape[1])
    assert hidden.masked_fill(real, 0.0).count_nonzero() == 0
    assert hidden.count_nonzero() > 0


@pytest.mark.parametrize(
    "name", [name for name, one in ARCHITECTURES.items() if "front_layers" in signature(one).parameters]
)
def test_a_front_that_is_off_is_no_front(name: str) -> None:
    plain = build(name, 3, 20)
    off = build(name, 3, 20, front_layers=0, front_channels=99, front_kernel_size=9, front_stride=4)
    on = build(name, 3, 20, front_layers=1, front_channels=8)
    assert n_parameters(off) == n_parameters(plain) != n_parameters(on)
    assert plain.state_dict().keys() == off.state_dict().keys()


def test_dropout_drops_a_feature_at_every_step_of_a_sequence() -> None:
    torch.manual_seed(0)
    dropped = SequenceDropout(0.25)(torch.ones(50, 7, 40))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 4 / 3]))
    assert (dropped == 0).float().mean() == pytest.approx(0.25, abs=0.04)
    assert torch.equal(SequenceDropout(0.25).eval()(torch.ones(2, 3, 4)), torch.ones(2, 3, 4))
