"""Attention maps and receptive fields, where they are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models import ARCHITECTURES, build
from models.attention import MultiHeadAttention
from models.masks import step_mask
from models.positions import rotary
from tests.tune.diagnosis.test_states import LENGTHS, values_of
from tune.diagnosis.measures.attention import AttentionMap, attention_maps, attention_weights, reach, spread
from tune.diagnosis.measures.receptive_field import first_filters, receptive_field

CROSS_AND_SELF = ["attention to the half-rate branch", "self-attention 1"]


@pytest.mark.parametrize("rotates", [False, True])
def test_the_weights_give_what_the_attention_gives(rotates: bool) -> None:
    torch.manual_seed(0)
    attention = MultiHeadAttention(6, n_heads=3, head_dim=4)
    values = values_of(6)
    real = step_mask(LENGTHS, values.shape[1])
    rotation = rotary(values.shape[1], 4, like=values) if rotates else None
    weights = attention_weights(attention, values, values, real, rotation)
    assert torch.allclose(weights.sum(dim=3), torch.ones(weights.shape[:3]))
    assert not weights.transpose(2, 3)[~real[..., 0][:, None].expand(-1, 3, -1)].any()
    gathered = attention._heads(attention.key_value(values).chunk(2, dim=-1)[1])
    mixed = attention.output((weights @ gathered).transpose(1, 2).flatten(2))
    assert torch.allclose(mixed, attention(values, values, real, rotation), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "hyperparameters", "expected"),
    [
        ("transformer", {"n_layers": 2}, ["self-attention 1", "self-attention 2"]),
        (
            "transformer",
            {"positional_encoding": "rotary", "pooling": "attention", "n_layers": 1},
            ["self-attention 1", "attention pooling"],
        ),
        ("enhanced-bilstm", {}, CROSS_AND_SELF),
        ("enhanced-bilstm", {"front_layers": 1, "front_stride": 2}, CROSS_AND_SELF),
        ("gru", {"pooling": "attention"}, ["attention pooling"]),
    ],
)
def test_every_attention_of_a_network_is_found(
    name: str, hyperparameters: dict[str, object], expected: list[str]
) -> None:
    torch.manual_seed(0)
    found = attention_maps(build(name, 3, 4, **hyperparameters), values_of(), LENGTHS)
    assert [one.name for one in found] == expected
    for one in found:
        assert torch.allclose(one.weights.sum(dim=3), torch.ones(one.weights.shape[:3]))
        for row, (asking, answering) in enumerate(zip(one.asking.tolist(), one.answering.tolist(), strict=True)):
            assert 1 <= asking <= one.weights.shape[2]
            assert not one.weights[row, :, :, answering:].any()


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in ("transformer", "enhanced-bilstm")])
def test_a_network_without_attention_has_no_maps(name: str) -> None:
    assert attention_maps(build(name, 3, 4), values_of(), LENGTHS) == []


def map_of(weights: Tensor) -> AttentionMap:
    n = torch.tensor([weights.shape[0]])
    return AttentionMap("", weights[None, None], n, n)


def test_attention_to_oneself_reaches_nowhere_and_even_attention_a_third() -> None:
    assert reach(map_of(torch.eye(50))) == pytest.approx(0)
    assert spread(map_of(torch.eye(50))) == pytest.approx(0, abs=1e-6)
    even = torch.full((400, 400), 1 / 400)
    assert reach(map_of(even)) == pytest.approx(1 / 3, abs=0.005)
    assert spread(map_of(even)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "hyperparameters", "steps"),
    [
        ("gru", {"front_layers": 1, "front_kernel_size": 5}, 5),
        ("gru", {"front_layers": 2, "front_kernel_size": 5}, 9),
        ("gru", {"front_layers": 2, "front_kernel_size": 5, "front_stride": 2}, 13),
        ("lstm", {"front_layers": 3, "front_kernel_size": 3, "front_stride": 2, "front_norm": "layer"}, 15),
        ("conv1d-gru", {"conv_kernel_size": 3, "pool_size": 2}, 4),
        ("temporal-cnn", {"n_blocks": 2, "conv_kernel_size": 3, "dilation_growth": 2}, 13),
        ("temporal-cnn", {"n_blocks": 3, "conv_kernel_size": 5, "dilation_growth": 3, "conv_channels": 2}, 105),
    ],
)
def test_a_known_receptive_field(name: str, hyperparameters: dict[str, object], steps: int) -> None:
    assert receptive_field(build(name, 2, 4, **hyperparameters), 2) == steps


def test_a_trained_norm_does_not_hide_the_receptive_field() -> None:
    network = build("gru", 2, 4, front_layers=2, front_kernel_size=5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean = torch.full_like(module.running_mean, 100.0)  # type: ignore[arg-type]
    weights = {name: weight.clone() for name, weight in network.state_dict().items()}
    assert receptive_field(network, 2) == 9
    assert all(torch.equal(weight, weights[name]) for name, weight in network.state_dict().items())


def test_a_network_without_convolutions_has_no_filters() -> None:
    network = build("gru", 2, 4)
    assert receptive_field(network, 2) is None
    assert first_filters(network) is None


def test_the_filters_are_those_that_read_the_channels() -> None:
    network = build("gru", 2, 4, front_layers=2, front_channels=7, front_kernel_size=5)
    filters = first_filters(network)
    assert filters is not None
    assert filters.shape == (7, 2, 5)
